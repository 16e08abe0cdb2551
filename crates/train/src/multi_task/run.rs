//! A run on several tasks, from a checkpoint and datasets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_data::Splits;
use finetune_model::{
    EncoderModel, LoadReport, MultiTaskModel, SequenceClassifier, SequenceClassifierConfig,
};
use finetune_predict::load_tokenizer;
use finetune_random::{Purpose, name_hash, number};

use super::{MultiTaskConfig, NamedTask, TaskConfig, TaskGroup};
use crate::distillation::Distiller;
use crate::error::TrainError;
use crate::loaded_run::{ModelSource, to_value};
use crate::mixing::MixingConfig;
use crate::model_config::with_adapter;
use crate::parts::Parts;
use crate::prepared_run::PreparedRun;
use crate::run::{Run, RunInput};
use crate::run_output::RunOutput;
use crate::task::TaskSource;
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// A fine-tuning run on several tasks. `model/TASK` in its run directory is a complete classifier
/// for each.
///
/// ```no_run
/// use finetune_data::catalog;
/// use finetune_train::{MultiTask, MultiTaskConfig, OverallScore};
///
/// let directory = std::path::Path::new("cs224n");
/// let config = MultiTaskConfig {
///     overall: OverallScore::Cs224n2023,
///     ..Default::default()
/// };
/// let mut run = MultiTask::new("my-bert").config(config);
/// for name in ["sst5", "qqp", "stsb"] {
///     run = run.task(name, catalog::get(name)?.open(directory)?.splits);
/// }
/// println!("{}", run.run("runs/tasks-1")?);
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
pub type MultiTask<'a> = Run<'a, TaskData>;

/// Result of a run on several tasks.
pub type MultiTaskOutput = RunOutput<TaskGroup>;

/// Input of a [`MultiTask`] run: a checkpoint and the labeled rows of each task.
#[derive(Debug)]
pub struct TaskData {
    model: PathBuf,
    config: MultiTaskConfig,
    splits: BTreeMap<String, Splits>,
    parts: BTreeMap<String, Parts>,
}

impl Run<'_, TaskData> {
    /// Begins a run from the checkpoint in the directory `model`, or from `model` of the run
    /// directory of several tasks: a task with a subdirectory of its name starts from the encoder
    /// and head there.
    pub fn new(model: impl AsRef<Path>) -> Self {
        Self::of(TaskData {
            model: model.as_ref().to_path_buf(),
            config: MultiTaskConfig::default(),
            splits: BTreeMap::new(),
            parts: BTreeMap::new(),
        })
    }

    /// Replaces all settings, including the tasks.
    pub fn config(mut self, config: MultiTaskConfig) -> Self {
        self.input.config = config;
        self
    }

    /// Sets the sampling, loss weights and gradient combination of the tasks.
    pub fn mixing(mut self, mixing: MixingConfig) -> Self {
        self.input.config.mixing = mixing;
        self
    }

    /// Sets the rows of a task. A task that the settings do not name is added to them, with the
    /// default settings.
    pub fn task(mut self, name: impl Into<String>, data: impl Into<Splits>) -> Self {
        let (name, tasks) = (name.into(), &mut self.input.config.tasks);
        if !tasks.iter().any(|task| task.name == name) {
            tasks.push(TaskConfig::new(&name));
        }
        self.input.splits.insert(name, data.into());
        self
    }

    /// Sets the rows of all tasks by name, and nothing else.
    pub fn data(mut self, splits: BTreeMap<String, Splits>) -> Self {
        self.input.splits = splits;
        self
    }

    /// Sets your own head, loss and metrics of a task.
    pub fn parts(mut self, task: impl Into<String>, parts: Parts) -> Self {
        self.input.parts.insert(task.into(), parts);
        self
    }
}

impl RunInput for TaskData {
    type Objective = TaskGroup;

    fn train_config(&mut self) -> &mut TrainConfig {
        &mut self.config.train
    }

    fn text_config(&mut self) -> &mut TextConfig {
        &mut self.config.text
    }

    fn models(&mut self) -> Vec<(String, &mut PathBuf)> {
        let tasks = self.config.tasks.iter_mut().enumerate();
        let teachers = tasks.filter_map(|(index, task)| {
            let place = format!("/config/tasks/{index}/distillation/teacher");
            Some((place, &mut task.distillation.as_mut()?.teacher))
        });
        let mut models = vec![("/model".to_string(), &mut self.model)];
        models.extend(teachers);
        models
    }

    fn load(
        mut self,
        device: &Device,
        device_name: &str,
    ) -> Result<PreparedRun<'static, TaskGroup>, TrainError> {
        self.config.add_parts(&self.parts)?;
        self.config.validate()?;
        let device = device.clone().autodiff();
        let (mut group, model, load_report) = self.load_tasks(&device)?;
        let config = self.config;
        let train = config.train_with_frozen_heads(&model);
        train.freeze.check(&model)?;
        let mut architecture: BTreeMap<String, SequenceClassifierConfig> = BTreeMap::new();
        for (index, task) in group.tasks.iter_mut().enumerate() {
            let model = model.classifier(index);
            let planned = (task.task).plan_activations(&config.activation_cache, &model, &train);
            planned.map_err(|error| error.in_task(&task.name))?;
            let teacher = config.tasks[index].distillation.clone();
            let distiller =
                teacher.map(|teacher| Distiller::new(&task.task, &model, teacher, &train));
            let loaded = distiller.transpose();
            task.distiller = loaded.map_err(|error| error.in_task(&task.name))?;
            architecture.insert(task.name.clone(), model.config().clone());
        }
        let source = ModelSource {
            directory: Some(self.model),
            architecture: to_value(&architecture)?,
            load_report,
        };
        let settings = to_value(&config)?;
        PreparedRun::loaded(model, group, train, settings, source, device_name)
    }
}

impl TaskData {
    /// Loads all tasks and combines their models.
    ///
    /// # Errors
    /// - [`TrainError::Task`] if a task cannot be loaded, or there are no rows of a task or rows of
    ///   an unknown one.
    /// - [`TrainError::Model`] if the tasks cannot share one encoder.
    fn load_tasks(
        &mut self,
        device: &Device,
    ) -> Result<(TaskGroup, MultiTaskModel, LoadReport), TrainError> {
        let checkpoints = InitialCheckpoints::new(&self.model, &self.config);
        let tokenizer = load_tokenizer(&checkpoints.fallback)?;
        let (mut tasks, mut classifiers) = (Vec::new(), Vec::new());
        let mut all = LoadReport::default();
        for config in &self.config.tasks {
            let splits = self.splits.remove(&config.name);
            let loaded = self
                .source(config, splits, &checkpoints)
                .and_then(|source| source.load(&tokenizer, device));
            let (task, model, report) = loaded.map_err(|error| error.in_task(&config.name))?;
            tasks.push(NamedTask {
                name: config.name.clone(),
                trainable: config.trainable,
                task,
                distiller: None,
            });
            classifiers.push(model);
            let named = |tensor: String| format!("{}: {tensor}", config.name);
            all.extend(report, named);
        }
        if let Some(name) = self.splits.keys().next() {
            let error = TrainError::setting("data", "there", "none without settings of the task");
            return Err(error.in_task(name));
        }
        let group = TaskGroup {
            tasks,
            mixing: self.config.mixing.clone(),
            overall: self.config.overall.clone(),
        };
        Ok((group, self.shared_model(classifiers)?, all))
    }

    /// Returns what a task is loaded from.
    fn source<'a>(
        &'a self,
        config: &'a TaskConfig,
        splits: Option<Splits>,
        checkpoints: &InitialCheckpoints,
    ) -> Result<TaskSource<'a>, TrainError> {
        const NO_PARTS: &Parts = &Parts::NONE;
        let missing = || TrainError::setting("data", "missing", "splits for every task");
        let train = &self.config.train;
        let splits = splits.ok_or_else(missing)?;
        let splits = TaskSource::splits(splits, config.augmentation.as_ref(), train)?;
        let name = name_hash(&config.name);
        Ok(TaskSource {
            directory: checkpoints.of_task(&config.name),
            text: config.text(&self.config.text),
            model: &config.model,
            loss: config.loss.clone(),
            threshold: config.threshold.clone(),
            calibration: config.calibration,
            quantization: config.quantization,
            splits,
            metrics: config.metrics.iter().map(String::as_str).collect(),
            parts: self.parts.get(&config.name).unwrap_or(NO_PARTS),
            train,
            seed: number(train.seed, Purpose::Initialization, name, 0),
        })
    }

    /// Combines the classifiers, and adds the adapters that all tasks share.
    fn shared_model(
        &self,
        classifiers: Vec<SequenceClassifier>,
    ) -> Result<MultiTaskModel, TrainError> {
        let train = &self.config.train;
        let mut model = MultiTaskModel::new(classifiers)?;
        let task = self.config.tasks.first();
        if let Some(adapter) = task.and_then(|task| task.model.adapter.as_ref()) {
            let family = model.classifier(0).config().encoder.family;
            model.encoder = with_adapter(model.encoder, family, Some(adapter), train.seed)?;
        }
        Ok(model.with_precision(train.precision))
    }
}

/// Checkpoints that the tasks start from: one for all, or one directory per task as written by a
/// run on several.
struct InitialCheckpoints {
    directory: PathBuf,
    /// Checkpoint of tasks without a directory of their own.
    fallback: PathBuf,
}

impl InitialCheckpoints {
    fn new(directory: &Path, config: &MultiTaskConfig) -> Self {
        let mut own = config.tasks.iter().map(|task| directory.join(&task.name));
        let fallback = match is_checkpoint(directory) {
            true => directory.to_path_buf(),
            false => own
                .find(|place| is_checkpoint(place))
                .unwrap_or_else(|| directory.to_path_buf()),
        };
        Self {
            directory: directory.to_path_buf(),
            fallback,
        }
    }

    fn of_task(&self, name: &str) -> PathBuf {
        let own = self.directory.join(name);
        match is_checkpoint(&own) {
            true => own,
            false => self.fallback.clone(),
        }
    }
}

fn is_checkpoint(directory: &Path) -> bool {
    directory.join("config.json").exists()
}
