//! A run whose input is loaded and checked.

use std::fmt;
use std::path::Path;

use finetune_model::{AnyModule, LoadReport};
use serde_json::Value;

use crate::callback::Callback;
use crate::distillation::{DistillationConfig, DistillationTask, StudentTask};
use crate::error::TrainError;
use crate::loaded_run::{LoadedRun, ModelSource, RecordIn, to_value};
use crate::objective::Objective;
use crate::run_output::RunOutput;
use crate::train_config::TrainConfig;

/// A run of one or several tasks, ready to train; made by [`Run::prepare`](crate::Run::prepare), or
/// from a model and a [`Task`](crate::Task) of your own by [`Self::new`].
pub struct PreparedRun<'a, O: Objective> {
    run: LoadedRun<O>,
    /// [`LoadedRun::execute`]. A value, so that training is compiled where the run is made: for the
    /// tasks of this crate that is here, and no program compiles it again.
    execute: Execute<O>,
    pub(crate) callbacks: Vec<Box<dyn Callback + 'a>>,
}

type Execute<O> =
    fn(LoadedRun<O>, RecordIn<'_>, &mut dyn Callback) -> Result<RunOutput<O>, TrainError>;

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
        let model = AnyModule::new(model);
        config.freeze.check(&model)?;
        let settings = to_value(&config)?;
        LoadedRun::new(model, task, config, settings, source, device).map(Self::of)
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
        let model = AnyModule::new(model);
        LoadedRun::new(model, objective, train, config, source, device).map(Self::of)
    }

    fn of(run: LoadedRun<O>) -> Self {
        Self {
            run,
            execute: LoadedRun::execute,
            callbacks: Vec::new(),
        }
    }

    /// Returns which checkpoint tensors were loaded, newly initialized or unused.
    pub fn load_report(&self) -> &LoadReport {
        &self.run.load_report
    }

    /// Trains and tests the model, and records the run in `run_directory`, which is empty or does
    /// not exist. `callback` is called after those of [`Run::callback`](crate::Run::callback).
    ///
    /// # Errors
    /// - [`TrainError::RunDirectoryInUse`] if `run_directory` is not empty.
    /// - [`TrainError::Io`] if the run record cannot be written.
    /// - [`TrainError::Activations`] if there is not enough memory for the cached activations.
    /// - Any error of [`Trainer::train`](crate::Trainer::train) or of the task.
    pub fn run(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<RunOutput<O>, TrainError> {
        let record = RecordIn::New(run_directory);
        (self.execute)(self.run, record, &mut (self.callbacks, callback))
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
        let record = RecordIn::Interrupted(run_directory);
        (self.execute)(self.run, record, &mut (self.callbacks, callback))
    }
}

impl<'a, T: StudentTask> PreparedRun<'a, T> {
    /// Adds a teacher, whose settings are recorded under `distillation`.
    ///
    /// # Errors
    /// As [`DistillationTask::new`].
    pub(crate) fn with_teacher(
        self,
        config: DistillationConfig,
    ) -> Result<PreparedRun<'a, DistillationTask<T>>, TrainError> {
        let run = self.run.with_teacher(config)?;
        Ok(PreparedRun {
            callbacks: self.callbacks,
            ..PreparedRun::of(run)
        })
    }
}

impl<O: Objective> fmt::Debug for PreparedRun<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedRun")
            .field("settings", &self.run.settings)
            .finish_non_exhaustive()
    }
}
