//! Errors of this crate.

use std::path::{Path, PathBuf};

use finetune_predict::PredictError;

/// Error of this crate; each names the file, field or value it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Reading or tokenizing the data failed.
    #[error(transparent)]
    Data(#[from] finetune_data::DataError),
    /// Loading, running or saving the model failed.
    #[error(transparent)]
    Model(#[from] finetune_model::ModelError),
    /// The device does not support the configured precision.
    #[error(transparent)]
    Precision(#[from] finetune_ops::PrecisionError),
    /// Computing metrics failed.
    #[error(transparent)]
    Eval(#[from] finetune_eval::EvalError),
    /// Predicting failed, or tokenizer and settings do not fit the model.
    #[error(transparent)]
    Predict(PredictError),
    /// A file of arrays could not be read or written.
    #[error(transparent)]
    Storage(#[from] finetune_storage::StorageError),
    /// An error of your own callback, loss, metric or other part.
    #[error(transparent)]
    Custom(Box<dyn std::error::Error + Send + Sync>),
    /// The state of a callback does not fit: two have the same name, or a checkpoint holds the
    /// state of one that the run lacks.
    #[error("callback {name:?}: {problem}")]
    CallbackState {
        /// Name of the callback.
        name: String,
        /// Description of the problem.
        problem: String,
    },
    /// A callback requested an evaluation, but the run has no validation rows.
    #[error("a callback asked for an evaluation, but there are no validation rows")]
    NoValidationRows,
    /// Activations of frozen layers cannot be cached, or do not match the batch.
    #[error("cached activations: {problem}")]
    Activations {
        /// Description of the problem, with the row or the number of bytes.
        problem: String,
    },
    /// An error in one task of a multi-task run.
    #[error("task {task}: {source}")]
    Task {
        /// Name of the task.
        task: String,
        /// Error of the task.
        source: Box<TrainError>,
    },
    /// A setting is out of range, or does not fit the data, the model or another setting.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Value of the setting.
        found: String,
        /// Description of valid values.
        expected: String,
    },
    /// A file is not valid JSON of the expected type.
    #[error("{}: {source}", path.display())]
    Json {
        /// Path of the file.
        path: PathBuf,
        /// JSON error, with line and column.
        source: serde_json::Error,
    },
    /// The loss or the gradient norm is NaN or infinite.
    #[error(
        "step {step}: the loss is {loss}, the gradient norm {grad_norm}, on the examples \
         {examples:?}; {}; a lower learning rate or a longer warm-up may help",
        match checkpoint {
            Some(path) => format!("the last checkpoint before it is {}", path.display()),
            None => "there is no checkpoint before it".to_string(),
        }
    )]
    Diverged {
        /// Optimizer step, from 1.
        step: u64,
        /// Loss of the step.
        loss: f32,
        /// Norm of all gradients of the step, before clipping.
        grad_norm: f32,
        /// Indices of the step's examples in the training data.
        examples: Vec<usize>,
        /// Newest checkpoint before the step.
        checkpoint: Option<PathBuf>,
    },
    /// The device ran out of memory in a step or an evaluation.
    #[error(
        "{device} is out of memory after step {steps}: {reason}; smaller batches with as much \
         gradient_accumulation_steps train the same, and {}",
        where_to_resume(checkpoint.as_deref())
    )]
    OutOfMemory {
        /// Name of the device.
        device: String,
        /// Number of completed optimizer steps.
        steps: usize,
        /// Message of the backend.
        reason: String,
        /// Newest checkpoint.
        checkpoint: Option<PathBuf>,
    },
    /// The device failed in a step or an evaluation: it was removed, reset or stopped by its driver.
    #[error(
        "{device} does not answer any more after step {steps}: {reason}; {}",
        where_to_resume(checkpoint.as_deref())
    )]
    DeviceLost {
        /// Name of the device.
        device: String,
        /// Number of completed optimizer steps.
        steps: usize,
        /// Message of the backend.
        reason: String,
        /// Newest checkpoint.
        checkpoint: Option<PathBuf>,
    },
    /// A checkpoint is corrupted, or does not match the model or the library version.
    #[error("{}: not a checkpoint that this run can go on from: {what}", path.display())]
    Checkpoint {
        /// Checkpoint directory.
        path: PathBuf,
        /// Description of the problem.
        what: String,
    },
    /// A setting differs from that of the run to resume.
    #[error("{}: the run began with {setting} {saved}, and is to go on with {now}", path.display())]
    Resume {
        /// Path of the run's `config.json`.
        path: PathBuf,
        /// Name of the setting.
        setting: String,
        /// Saved value.
        saved: String,
        /// Current value.
        now: String,
    },
    /// The run to resume is already complete.
    #[error("{}: the run is complete; its report is there", path.display())]
    RunComplete {
        /// Run directory.
        path: PathBuf,
    },
    /// A label is not valid for the loss.
    #[error("label {found} of row {row}: the {loss} loss expects {expected}")]
    InvalidLabel {
        /// Name of the loss.
        loss: &'static str,
        /// Row of the batch or dataset, from 0.
        row: usize,
        /// Found label.
        found: String,
        /// Description of valid values.
        expected: String,
    },
    /// The outputs of a model and the labels differ in number, or a loss returned a tensor that does
    /// not have one value per row.
    #[error("{what}: {found}, expected {expected}")]
    LossShape {
        /// What has the shape.
        what: String,
        /// Found number or shape.
        found: String,
        /// Expected number or shape.
        expected: String,
    },
    /// Opening the device failed.
    #[error(transparent)]
    Device(#[from] finetune_ops::DeviceError),
    /// A freeze pattern matches no parameter, a trainable parameter has no gradient, or a frozen one
    /// changed.
    #[error("parameter {parameter}: {problem}")]
    Parameter {
        /// Path or pattern of the parameter.
        parameter: String,
        /// Description of the problem.
        problem: String,
    },
    /// The optimizer state is corrupted or incomplete.
    #[error("the optimizer's state: {0}")]
    OptimizerFile(#[from] burn_pack::Error),
    /// The optimizer state does not match the optimizer or the model.
    #[error("the optimizer's state: {name} is {found}, expected {expected}")]
    OptimizerState {
        /// Name of what does not match: a tensor, a parameter or the algorithm.
        name: String,
        /// Found value.
        found: String,
        /// Expected value.
        expected: String,
    },
    /// A file or directory could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Path of the file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The run directory is not empty.
    #[error(
        "{}: not empty; a run never overwrites another, but it can be resumed", path.display()
    )]
    RunDirectoryInUse {
        /// Run directory.
        path: PathBuf,
    },
}

/// Errors that both crates have stay what they are.
fn where_to_resume(checkpoint: Option<&Path>) -> String {
    match checkpoint {
        Some(path) => format!("the run can go on from {}", path.display()),
        None => "there is no checkpoint to go on from".to_string(),
    }
}

impl From<PredictError> for TrainError {
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Data(error) => Self::Data(error),
            PredictError::Model(error) => Self::Model(error),
            PredictError::Eval(error) => Self::Eval(error),
            PredictError::Precision(error) => Self::Precision(error),
            PredictError::Json { path, source } => Self::Json { path, source },
            PredictError::Io { path, source } => Self::Io { path, source },
            other => Self::Predict(other),
        }
    }
}

impl TrainError {
    /// Wraps your own error in [`TrainError::Custom`], which keeps its message and source and can
    /// be downcast.
    ///
    /// ```
    /// use finetune_train::TrainError;
    ///
    /// let error = TrainError::custom("the budget is spent");
    /// assert_eq!(error.to_string(), "the budget is spent");
    /// ```
    pub fn custom(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Custom(error.into())
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn activations(problem: impl Into<String>) -> Self {
        Self::Activations {
            problem: problem.into(),
        }
    }

    pub(crate) fn parameter(parameter: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Parameter {
            parameter: parameter.into(),
            problem: problem.into(),
        }
    }

    pub(crate) fn loss_shape(
        what: impl Into<String>,
        found: impl ToString,
        expected: impl ToString,
    ) -> Self {
        Self::LossShape {
            what: what.into(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    pub(crate) fn checkpoint(path: &Path, what: String) -> Self {
        let path = path.to_path_buf();
        Self::Checkpoint { path, what }
    }

    pub(crate) fn state(
        name: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::OptimizerState {
            name: name.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// Adds the name of a task; without a name, returns the error unchanged.
    pub(crate) fn in_task(self, name: &str) -> Self {
        match name {
            "" => self,
            _ => Self::Task {
                task: name.to_string(),
                source: Box::new(self),
            },
        }
    }

    pub(crate) fn setting(
        setting: &'static str,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::InvalidSetting {
            setting,
            found: found.to_string(),
            expected: expected.into(),
        }
    }
}
