//! A whole run: checkpoint and data of several tasks in, a model of each and a run record out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{Splits, TextTokenizer};
use finetune_model::{LoadReport, MultiTaskModel, SequenceClassifierConfig};
use serde::Serialize;

use super::report::{MultiTaskReport, TaskReport};
use super::tasks::{Beginnings, PreparedTask, prepare_tasks};
use super::{ConflictSection, MultiTaskConfig, MultiTaskTexts};
use crate::callback::Callback;
use crate::predict::predict;
use crate::report::{DataSection, ModelSection, RunSection, TestSection};
use crate::run_record::RunWriter;
use crate::scoring::target_kind;
use crate::trainer::Trainer;
use crate::{Parts, TrainConfig, TrainError};

/// Fine-tunes a checkpoint on several tasks and tests each.
///
/// As with [`FineTuning`](crate::FineTuning), everything that can be wrong with the input is found
/// before the first file is written: [`MultiTask::prepare`], then [`MultiTask::run`].
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_data::catalog;
/// use finetune_train::{MultiTask, MultiTaskConfig, TaskConfig};
///
/// let folder = Path::new("cs224n");
/// let mut data = std::collections::BTreeMap::new();
/// for name in ["sst5", "qqp", "stsb"] {
///     data.insert(name.to_string(), catalog::get(name)?.open(folder)?.splits);
/// }
/// let config = MultiTaskConfig {
///     tasks: ["sst5", "qqp", "stsb"].map(TaskConfig::new).into(),
///     ..Default::default()
/// };
/// let run = MultiTask::prepare(Path::new("my-bert"), data, config, &Device::flex(), "flex")?;
/// println!("{}", run.run(Path::new("runs/tasks-1"), &mut ())?);
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct MultiTask {
    model: MultiTaskModel,
    setup: Setup,
}

/// Everything but the model.
#[derive(Debug)]
struct Setup {
    tokenizer: TextTokenizer,
    tasks: Vec<PreparedTask>,
    load_report: LoadReport,
    /// With the heads frozen that do not train.
    train: TrainConfig,
    settings: Settings,
}

/// What `config.json` of the run directory holds: all that the result depends on.
#[derive(Debug, Serialize)]
struct Settings {
    command: Vec<String>,
    model: PathBuf,
    architecture: BTreeMap<String, SequenceClassifierConfig>,
    device: String,
    data: BTreeMap<String, DataSection>,
    config: MultiTaskConfig,
}

impl MultiTask {
    /// Loads the checkpoint in `model_directory`, checks that everything fits together, and cleans
    /// and tokenizes the data, which has the splits of each task under its name.
    ///
    /// `model_directory` is a checkpoint or `model` of the directory of such a run: a task that has
    /// a folder of its name in it begins with encoder and head from there.
    ///
    /// # Errors
    /// Whatever is wrong with the settings, the checkpoint, the tokenizer or the data;
    /// [`TrainError::Task`] says of which task.
    pub fn prepare(
        model_directory: &Path,
        data: BTreeMap<String, Splits>,
        config: MultiTaskConfig,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, TrainError> {
        let parts = BTreeMap::new();
        Self::prepare_with(model_directory, data, config, device, device_name, &parts)
    }

    /// The same with parts that the program brings along, by the name of the task: a head of its own
    /// for each.
    ///
    /// # Errors
    /// As [`Self::prepare`], and [`TrainError::InvalidSetting`] if the settings of a task name another
    /// head, or there are parts for a task that is not there.
    pub fn prepare_with(
        model_directory: &Path,
        data: BTreeMap<String, Splits>,
        mut config: MultiTaskConfig,
        device: &Device,
        device_name: &str,
        parts: &BTreeMap<String, Parts>,
    ) -> Result<Self, TrainError> {
        config.add_parts(parts)?;
        config.validate()?;
        let beginnings = Beginnings::new(model_directory, &config)?;
        let tokenizer = beginnings.tokenizer()?;
        let device = device.clone().autodiff();
        let (tasks, model, load_report) =
            prepare_tasks(&config, data, parts, &beginnings, &tokenizer, &device)?;
        let train = config.train_with_frozen_heads(&model);
        train.freeze.check(&model)?;
        let named = tasks.iter().enumerate();
        let architecture = named
            .map(|(index, task)| (task.config.name.clone(), model.task(index).config().clone()));
        let section = |task: &PreparedTask| Ok((task.config.name.clone(), task.data.section()?));
        let settings = Settings {
            command: std::env::args().collect(),
            model: model_directory.to_path_buf(),
            architecture: architecture.collect(),
            device: device_name.to_string(),
            data: tasks
                .iter()
                .map(section)
                .collect::<Result<_, TrainError>>()?,
            config,
        };
        let setup = Setup {
            tokenizer,
            tasks,
            load_report,
            train,
            settings,
        };
        // What contradicts itself is found before a run directory is made.
        Trainer::new(&setup.objective(), &setup.train).check(&model)?;
        Ok(Self { model, setup })
    }

    /// What became of the checkpoint's tensors, by task.
    pub fn load_report(&self) -> &LoadReport {
        &self.setup.load_report
    }

    /// Trains, tests every task, and leaves a run record in `run_directory`, which is empty or does
    /// not exist. `model/TASK` in it is a whole classifier for each task.
    ///
    /// # Errors
    /// As [`FineTuning::run`](crate::FineTuning::run).
    pub fn run(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<MultiTaskReport, TrainError> {
        let record = RunWriter::create(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    /// Goes on with a run that was stopped, by whatever, and ends as if it had not been.
    ///
    /// # Errors
    /// As [`FineTuning::resume`](crate::FineTuning::resume).
    pub fn resume(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<MultiTaskReport, TrainError> {
        let record = RunWriter::resume(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    fn run_into(
        self,
        mut record: RunWriter,
        callback: &mut dyn Callback,
    ) -> Result<MultiTaskReport, TrainError> {
        let Self { model, setup } = self;
        let Settings {
            command,
            device,
            config,
            model: source,
            ..
        } = &setup.settings;
        let model_section = ModelSection::new(
            Some(source),
            &model,
            &setup.train.freeze,
            &setup.load_report,
        );
        let directory = record.directory().clone();
        let save = |model: &_, folder: &Path| setup.save(model, folder);
        let trained = record.train(&setup.objective(), &setup.train, model, save, callback)?;
        let tasks = setup.test(&trained.model, &record, callback)?;
        let report = MultiTaskReport {
            run: RunSection::new(command, device, config.train.seed),
            model: model_section,
            train: trained.summary.into(),
            overall: setup.overall(&tasks),
            overall_score: config.overall.clone(),
            tasks,
            conflicts: ConflictSection::read(&directory.metrics())?,
        };
        setup.save(&trained.model, &directory.model())?;
        let page = report.page(config, &directory.metrics())?;
        record.write_report(&report, &page)?;
        Ok(report)
    }
}

impl Setup {
    fn objective(&self) -> MultiTaskTexts<'_> {
        let config = &self.settings.config;
        let tasks = self.tasks.iter();
        MultiTaskTexts {
            tasks: tasks
                .map(|task| task.texts(config, &self.tokenizer))
                .collect(),
            mixing: config.mixing.clone(),
            overall: config.overall.clone(),
        }
    }

    /// Predicts the test rows of each task.
    fn test(
        &self,
        model: &MultiTaskModel,
        record: &RunWriter,
        callback: &mut dyn Callback,
    ) -> Result<Vec<TaskReport>, TrainError> {
        let (pad, size) = (self.tokenizer.pad_token_id(), self.train.eval_batch_size);
        let mut reports = Vec::with_capacity(self.tasks.len());
        for (index, task) in self.tasks.iter().enumerate() {
            let name = &task.config.name;
            let mut report = TaskReport {
                name: name.clone(),
                trained: task.config.trainable,
                data: task.data.section()?,
                test: None,
            };
            if let Some(test) = &task.data.test {
                let output = predict(&model.task(index), &test.tokens, pad, size, callback);
                let output = output.map_err(|error| error.in_task(name))?;
                let (labels, class_names) = (test.tokens.labels.all()?, test.dataset.class_names());
                record.write_task_predictions(name, &output.predictions, &labels, class_names)?;
                let section = TestSection::new(&output, test, &task.loss, &task.evaluator)?;
                report.test = Some(section);
            }
            reports.push(report);
        }
        Ok(reports)
    }

    fn overall(&self, reports: &[TaskReport]) -> Option<f64> {
        let formula = &self.settings.config.overall;
        let tasks = self.tasks.iter().zip(reports);
        let counted = tasks.filter(|(_, report)| formula.counts(&report.name));
        formula.of(counted.map(|(task, report)| {
            let metric = target_kind(&task.data.train.dataset.task.target).main_metric();
            let name = metric.to_string();
            let score = report
                .test
                .as_ref()
                .and_then(|test| test.score(&name))
                .unwrap_or(0.0);
            (name, score)
        }))
    }

    /// Saves a model for each task.
    fn save(&self, model: &MultiTaskModel, directory: &Path) -> Result<(), TrainError> {
        for (index, task) in self.tasks.iter().enumerate() {
            task.save(&model.task(index).valid(), &self.tokenizer, directory)?;
        }
        Ok(())
    }
}
