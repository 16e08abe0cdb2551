//! A run whose input is loaded and checked: training, test and record.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use burn::module::Module;
use finetune_model::{LoadReport, model_source};
use serde::Serialize;
use serde_json::Value;

use crate::callback::Callback;
use crate::checkpoint_state::fingerprint_of_others;
use crate::distillation::{DistillationConfig, DistillationTask, StudentTask};
use crate::error::TrainError;
use crate::multi_task::ConflictSection;
use crate::objective::Objective;
use crate::path_text::text;
use crate::report::{DataSection, ModelSection, RunReport, RunSection, TaskReport, TestSection};
use crate::run_output::RunOutput;
use crate::run_writer::RunWriter;
use crate::train_config::TrainConfig;
use crate::trainer::Trainer;

/// A run of one or several tasks, ready to train; made by [`Run::prepare`](crate::Run::prepare), or
/// from a model and a [`Task`](crate::Task) of your own by [`Self::new`].
pub struct PreparedRun<'a, O: Objective> {
    model: O::Model,
    objective: O,
    train: TrainConfig,
    load_report: LoadReport,
    /// Name and data of each task; the name of the only task is empty.
    data: Vec<(String, Option<DataSection>)>,
    settings: Settings,
    pub(crate) callbacks: Vec<Box<dyn Callback + 'a>>,
}

/// Content of `config.json` in the run directory: everything that the result depends on.
#[derive(Debug, Serialize)]
struct Settings {
    command: Vec<String>,
    /// Version of this crate.
    version: &'static str,
    /// Directory, or name on the hub with the commit; `None` for a model that was not loaded.
    model: Option<String>,
    /// Fingerprint of all parameters before the first step.
    initial_weights: String,
    architecture: Value,
    device: String,
    data: Value,
    config: Value,
}

/// What a run records of its model.
pub(crate) struct ModelSource {
    /// Checkpoint directory; `None` for a model that was not loaded.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) architecture: Value,
    pub(crate) load_report: LoadReport,
}

impl<'a, O: Objective> PreparedRun<'a, O> {
    /// Makes a run that trains `model`, which is on a device with autodiff, on a task of your own.
    /// `device` is the name of the device in the report.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, or does not fit the data or
    ///   the model.
    /// - Any error of the task.
    pub fn new(
        model: O::Model,
        task: O,
        config: TrainConfig,
        device: &str,
    ) -> Result<Self, TrainError> {
        let source = ModelSource {
            directory: None,
            architecture: Value::Null,
            load_report: LoadReport::default(),
        };
        config.freeze.check(&model)?;
        let settings = to_value(&config)?;
        Self::loaded(model, task, config, settings, source, device)
    }

    /// Makes a run with `train` as the settings of the loop and `config` as all settings.
    pub(crate) fn loaded(
        model: O::Model,
        objective: O,
        train: TrainConfig,
        config: Value,
        source: ModelSource,
        device: &str,
    ) -> Result<Self, TrainError> {
        // Find contradictions before a run directory is created.
        Trainer::new(&objective, &train).check(&model)?;
        let data = objective.tasks().into_iter().zip(objective.data()?);
        let data: Vec<(String, Option<DataSection>)> = data.collect();
        let settings = Settings {
            command: std::env::args_os()
                .map(|argument| text(argument.as_ref()))
                .collect(),
            version: env!("CARGO_PKG_VERSION"),
            model: source.directory.as_deref().map(model_source),
            initial_weights: fingerprint_of_others(&model, &BTreeSet::new()),
            architecture: source.architecture,
            device: device.to_string(),
            data: data_settings(&data)?,
            config,
        };
        Ok(Self {
            model,
            objective,
            train,
            load_report: source.load_report,
            data,
            settings,
            callbacks: Vec::new(),
        })
    }

    /// Returns which checkpoint tensors were loaded, newly initialized or unused.
    pub fn load_report(&self) -> &LoadReport {
        &self.load_report
    }

    /// Trains and tests the model, and records the run in `run_directory`, which is empty or does
    /// not exist. `callback` is called after those of [`Run::callback`](crate::Run::callback).
    ///
    /// # Errors
    /// - [`TrainError::RunDirectoryInUse`] if `run_directory` is not empty.
    /// - [`TrainError::Io`] if the run record cannot be written.
    /// - [`TrainError::Activations`] if there is not enough memory for the cached activations.
    /// - Any error of [`Trainer::train`] or of the task.
    pub fn run(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<RunOutput<O>, TrainError> {
        let record = RunWriter::create(run_directory, &self.settings)?;
        self.run_into(record, callback)
    }

    /// Resumes an interrupted run from its latest checkpoint, with the same result as an
    /// uninterrupted run. Without a checkpoint, the run starts from the beginning.
    ///
    /// # Errors
    /// - [`TrainError::Resume`] if the saved run has other settings, data or architecture.
    /// - [`TrainError::RunComplete`] if the run is complete.
    /// - Any error of [`Self::run`].
    pub fn resume(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<RunOutput<O>, TrainError> {
        let record = RunWriter::resume(run_directory, &self.settings)?;
        self.run_into(record, callback)
    }

    fn run_into(
        mut self,
        mut record: RunWriter,
        callback: &mut dyn Callback,
    ) -> Result<RunOutput<O>, TrainError> {
        let callback: &mut dyn Callback = &mut (self.callbacks, callback);
        let (settings, source) = (&self.settings, self.settings.model.as_deref());
        let model_section =
            ModelSection::new(source, &self.model, &self.train.freeze, &self.load_report);
        let activations = self.objective.begin_run(&self.model, callback)?;
        let trained = record.train(&self.objective, &self.train, self.model, callback)?;
        let model = trained.model;
        self.objective.end_training(&model, callback)?;
        let names = self.objective.tasks();
        let tests = self.objective.test(&model, callback)?;
        for (name, test) in names.iter().zip(&tests) {
            test.iter()
                .try_for_each(|test| record.write_predictions(name, test))?;
        }
        self.objective.save(&model, &record.directory().model())?;
        let mut report = RunReport {
            run: RunSection::new(&settings.command, &settings.device, self.train.seed),
            model: model_section,
            data: None,
            activations,
            train: trained.summary.into(),
            test: None,
            tasks: Vec::new(),
            overall_score: None,
            overall: None,
            conflicts: ConflictSection::read(&record.directory().metrics())?,
        };
        let (predictions, sections): (Vec<_>, Vec<_>) = tests
            .into_iter()
            .map(|test| test.map(|test| (test.predictions, test.report)).unzip())
            .unzip();
        add_results(&mut report, &self.objective, self.data, sections);
        let page = report.page(&settings.config, &record.directory().metrics())?;
        record.write_model_cards(&report)?;
        record.write_report(&report, &page)?;
        Ok(RunOutput {
            directory: record.directory().clone(),
            model: model.valid(),
            predictions: names.into_iter().zip(predictions).collect(),
            task: self.objective,
            report,
        })
    }
}

impl<'a, T: StudentTask> PreparedRun<'a, T> {
    /// Adds a teacher, whose settings are recorded under `distillation`.
    ///
    /// # Errors
    /// As [`DistillationTask::new`].
    pub(crate) fn with_teacher(
        mut self,
        config: DistillationConfig,
    ) -> Result<PreparedRun<'a, DistillationTask<T>>, TrainError> {
        if let Value::Object(settings) = &mut self.settings.config {
            let mut recorded = to_value(&config)?;
            recorded["teacher"] = model_source(&config.teacher).into();
            settings.insert("distillation".to_string(), recorded);
        }
        let objective = DistillationTask::new(self.objective, &self.model, config, &self.train)?;
        Ok(PreparedRun {
            objective,
            model: self.model,
            train: self.train,
            load_report: self.load_report,
            data: self.data,
            settings: self.settings,
            callbacks: self.callbacks,
        })
    }
}

/// Returns the data in the settings of a run.
fn data_settings(data: &[(String, Option<DataSection>)]) -> Result<Value, TrainError> {
    let settings = data.iter().map(|(name, data)| {
        let data = data.as_ref().map(DataSection::of_settings);
        (name.as_str(), data)
    });
    let settings: BTreeMap<&str, Option<DataSection>> = settings.collect();
    match data {
        [(name, _)] if name.is_empty() => to_value(&settings.get("")),
        _ => to_value(&settings),
    }
}

/// Adds data and test scores of the tasks to a report.
fn add_results<O: Objective>(
    report: &mut RunReport,
    objective: &O,
    mut tasks: Vec<(String, Option<DataSection>)>,
    mut tests: Vec<Option<TestSection>>,
) {
    if let Some((formula, score)) = objective.overall(&tests) {
        (report.overall_score, report.overall) = (Some(formula), score);
    }
    if let [(name, data)] = &mut tasks[..]
        && name.is_empty()
    {
        (report.data, report.test) = (data.take(), tests.pop().flatten());
        return;
    }
    let tasks = tasks.into_iter().zip(tests).enumerate();
    report.tasks = tasks
        .map(|(index, ((name, data), test))| TaskReport {
            name,
            trained: objective.trains(index),
            data,
            test,
        })
        .collect();
}

pub(crate) fn to_value(value: &impl Serialize) -> Result<Value, TrainError> {
    serde_json::to_value(value).map_err(TrainError::custom)
}

impl<O: Objective> fmt::Debug for PreparedRun<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedRun")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
