//! A multi-task run, from a checkpoint and datasets to a model for each task and a report.

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

/// A multi-task fine-tuning run.
///
/// [`MultiTask::prepare`] finds all invalid input before the first file is written;
/// [`MultiTask::run`] then trains and tests.
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

/// All parts of a run except the model.
#[derive(Debug)]
struct Setup {
    tokenizer: TextTokenizer,
    tasks: Vec<PreparedTask>,
    load_report: LoadReport,
    /// Training settings with the heads of untrained tasks frozen.
    train: TrainConfig,
    settings: Settings,
}

/// Content of `config.json` in the run directory: everything that the result depends on.
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
    /// Loads the checkpoint in `model_directory`, cleans and tokenizes the splits of each task in
    /// `data`, by task name, and checks that they fit the settings and each other.
    ///
    /// `model_directory` is a checkpoint, or `model` of a multi-task run directory: a task with a
    /// subdirectory of its name starts from the encoder and head there.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a shared setting is invalid or does not fit the model.
    /// - [`TrainError::Io`] if `model_directory` cannot be read.
    /// - [`TrainError::Data`] if the tokenizer cannot be loaded.
    /// - [`TrainError::Model`] if the tasks cannot share one encoder.
    /// - [`TrainError::NoMatchingParameter`] if a freeze pattern matches no parameter.
    /// - [`TrainError::Task`] if the settings, checkpoint or data of a task are invalid.
    /// - [`TrainError::Precision`] if the device does not support the precision.
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

    /// Like [`Self::prepare`], with custom heads by task name.
    ///
    /// # Errors
    /// - Any error of [`Self::prepare`].
    /// - [`TrainError::Task`] if the settings of a task name another head, or there are parts for
    ///   an unknown task.
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
        let architecture = named.map(|(index, task)| {
            (
                task.config.name.clone(),
                model.classifier(index).config().clone(),
            )
        });
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
        // Find contradictions before a run directory is created.
        Trainer::new(&setup.objective(), &setup.train).check(&model)?;
        Ok(Self { model, setup })
    }

    /// Returns which checkpoint tensors were loaded, newly initialized or unused, by task.
    pub fn load_report(&self) -> &LoadReport {
        &self.setup.load_report
    }

    /// Trains and tests all tasks, and records the run in `run_directory`, which must be empty or
    /// not exist. `model/TASK` in it is a complete classifier for each task.
    ///
    /// # Errors
    /// - Any error of [`Trainer::train`] or [`predict`](crate::predict()).
    /// - [`TrainError::RunDirectoryInUse`] if `run_directory` is not empty.
    /// - [`TrainError::Io`] if the run record cannot be written.
    pub fn run(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<MultiTaskReport, TrainError> {
        let record = RunWriter::create(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    /// Resumes an interrupted run from its latest checkpoint, with the same result as an
    /// uninterrupted run.
    ///
    /// # Errors
    /// - [`TrainError::Resume`] if the saved run has other settings, data or architecture.
    /// - [`TrainError::RunComplete`] if the run is complete.
    /// - Any error of [`Self::run`].
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

    /// Predicts and scores the test rows of each task.
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
                let output = predict(&model.classifier(index), &test.tokens, pad, size, callback);
                let mut output = output.map_err(|error| error.in_task(name))?;
                let (labels, class_names) = (test.tokens.labels.all()?, test.dataset.class_names());
                record.write_task_predictions(name, &output.predictions, &labels, class_names)?;
                let section = TestSection::new(&mut output, test, &task.loss, &task.evaluator)?;
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
            task.save(&model.classifier(index).valid(), &self.tokenizer, directory)?;
        }
        Ok(())
    }
}
