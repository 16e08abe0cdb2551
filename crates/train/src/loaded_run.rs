//! A loaded run from its first step to its report: training, test and record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::module::Module;
use finetune_model::{AnyModule, LoadReport, model_source};
use serde::Serialize;
use serde_json::Value;

use crate::any_objective::{into_model, model_of};
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

/// Model, objective and settings of a run.
pub(crate) struct LoadedRun<O: Objective> {
    /// An `O::Model`.
    model: AnyModule,
    objective: O,
    train: TrainConfig,
    pub(crate) load_report: LoadReport,
    /// Name and data of each task; the name of the only task is empty.
    data: Vec<(String, Option<DataSection>)>,
    pub(crate) settings: Settings,
}

/// Content of `config.json` in the run directory: everything that the result depends on.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
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

/// Run directory of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RecordIn<'a> {
    /// One that is empty or does not exist.
    New(&'a Path),
    /// That of an interrupted run, which goes on.
    Interrupted(&'a Path),
}

impl RecordIn<'_> {
    fn open(self, settings: &Settings) -> Result<RunWriter, TrainError> {
        match self {
            Self::New(directory) => RunWriter::create(directory, settings),
            Self::Interrupted(directory) => RunWriter::resume(directory, settings),
        }
    }
}

impl<O: Objective> LoadedRun<O> {
    /// Checks a run with `train` as the settings of the loop and `config` as all settings.
    pub(crate) fn new(
        model: AnyModule,
        objective: O,
        train: TrainConfig,
        config: Value,
        source: ModelSource,
        device: &str,
    ) -> Result<Self, TrainError> {
        // Find contradictions before a run directory is created.
        Trainer::new(&objective, &train).check(model_of(&model))?;
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
        })
    }

    /// Trains and tests the model, and records the run.
    pub(crate) fn execute(
        mut self,
        record: RecordIn<'_>,
        callback: &mut dyn Callback,
    ) -> Result<RunOutput<O>, TrainError> {
        let mut record = record.open(&self.settings)?;
        let (settings, source) = (&self.settings, self.settings.model.as_deref());
        let model_section =
            ModelSection::new(source, &self.model, &self.train.freeze, &self.load_report);
        let activations = self.objective.begin_run(model_of(&self.model), callback)?;
        let trained = record.train(
            &self.objective,
            &self.train,
            into_model(self.model),
            callback,
        )?;
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
        write_report(&record, &report, &settings.config)?;
        Ok(RunOutput {
            directory: record.directory().clone(),
            model: model.valid(),
            predictions: names.into_iter().zip(predictions).collect(),
            task: self.objective,
            report,
        })
    }
}

impl<T: StudentTask> LoadedRun<T> {
    /// Adds a teacher, whose settings are recorded under `distillation`.
    ///
    /// # Errors
    /// As [`DistillationTask::new`].
    pub(crate) fn with_teacher(
        mut self,
        config: DistillationConfig,
    ) -> Result<LoadedRun<DistillationTask<T>>, TrainError> {
        if let Value::Object(settings) = &mut self.settings.config {
            let mut recorded = to_value(&config)?;
            recorded["teacher"] = model_source(&config.teacher).into();
            settings.insert("distillation".to_string(), recorded);
        }
        let objective =
            DistillationTask::new(self.objective, model_of(&self.model), config, &self.train)?;
        Ok(LoadedRun {
            objective,
            model: self.model,
            train: self.train,
            load_report: self.load_report,
            data: self.data,
            settings: self.settings,
        })
    }
}

fn write_report(record: &RunWriter, report: &RunReport, config: &Value) -> Result<(), TrainError> {
    let page = report.page(config, &record.directory().metrics())?;
    record.write_model_cards(report)?;
    record.write_report(report, &page)
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
