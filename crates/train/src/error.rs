//! What can go wrong in a run.

use std::path::{Path, PathBuf};

/// An error of this crate; each names the file, field or value it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Reading or tokenizing the data failed.
    #[error(transparent)]
    Data(#[from] finetune_data::DataError),
    /// Loading, running or saving the model failed.
    #[error(transparent)]
    Model(#[from] finetune_model::ModelError),
    /// The device does not compute in the precision asked for.
    #[error(transparent)]
    Precision(#[from] finetune_ops::PrecisionError),
    /// Scoring the predictions failed.
    #[error(transparent)]
    Eval(#[from] finetune_eval::EvalError),
    /// A file of arrays could not be read or written.
    #[error(transparent)]
    Storage(#[from] finetune_storage::StorageError),
    /// A callback, or another part that the program brings along, failed with an error of its own.
    #[error(transparent)]
    Custom(Box<dyn std::error::Error + Send + Sync>),
    /// Two callbacks of a run keep state under one name.
    #[error("two callbacks named {name:?} keep state; Callback::name must tell them apart")]
    DuplicateCallback {
        /// The name of both.
        name: String,
    },
    /// A checkpoint holds the state of a callback that the run does not have.
    #[error("{}: holds the state of callback {name:?}, which the run does not have", path.display())]
    MissingCallback {
        /// The folder of the checkpoint.
        path: PathBuf,
        /// The name of the callback.
        name: String,
    },
    /// A callback asked for an evaluation, but there is nothing to evaluate on.
    #[error("a callback asked for an evaluation, but there are no validation rows")]
    NoValidationRows,
    /// The activations of a frozen part would take more than they may.
    #[error("activations of {needed} bytes, but activation_cache.max_bytes is {limit}")]
    ActivationsTooLarge {
        /// The bytes that they would take.
        needed: u64,
        /// The most that they may.
        limit: u64,
    },
    /// There is no memory for the activations of a frozen part.
    #[error("no memory for activations of {bytes} bytes; they can be kept on disk")]
    ActivationMemory {
        /// The bytes that they would take.
        bytes: u64,
    },
    /// An activation of the frozen part cannot be kept.
    #[error("row {row}: the frozen part gives {found}, expected a number of at most {largest}")]
    Activation {
        /// The row of the data set.
        row: usize,
        /// NaN, an infinity or a large number.
        found: f32,
        /// What the numbers can hold that activations are kept as.
        largest: f32,
    },
    /// Activations were asked for that are of other data.
    #[error("row {row}: activations of {expected} tokens, but the batch has {found}")]
    StaleActivations {
        /// The row of the data set.
        row: usize,
        /// Tokens of the row that the activations are of.
        expected: usize,
        /// Its tokens in the batch.
        found: usize,
    },
    /// Something is wrong with one of several tasks.
    #[error("task {task}: {source}")]
    Task {
        /// Its name.
        task: String,
        /// What is wrong.
        source: Box<TrainError>,
    },
    /// A setting of the run is outside its range.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// The tokenizer knows tokens that the model has no embedding for.
    #[error(
        "{}: the tokenizer has ids up to {highest_id}, the embedding table of the model {rows} rows",
        path.display()
    )]
    VocabularyTooLarge {
        /// The folder with tokenizer and model.
        path: PathBuf,
        /// The highest token id.
        highest_id: usize,
        /// Rows of the word embedding table.
        rows: usize,
    },
    /// Texts are to be cut or padded to a length that the position table does not reach.
    #[error(
        "{}: max_length with padding is {length}, above max_position_embeddings {positions}",
        path.display()
    )]
    LongerThanPositions {
        /// The folder of the model.
        path: PathBuf,
        /// The length asked for.
        length: usize,
        /// Rows of the position table.
        positions: usize,
    },
    /// The checkpoint has no trained head, or not the whole of it.
    #[error(
        "{}: no fine-tuned classifier: the checkpoint lacks {}",
        path.display(),
        tensors.join(", ")
    )]
    NotAClassifier {
        /// The folder of the model.
        path: PathBuf,
        /// What it lacks.
        tensors: Vec<String>,
    },
    /// Single texts for a model of pairs, or pairs for a model of single texts.
    #[error("{found} texts a row, but the model is for {expected}")]
    TextCount {
        /// As many as the model looks at.
        expected: usize,
        /// As many as there are.
        found: usize,
    },
    /// A file is no JSON, or not the one expected.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// A loss or a gradient is no longer a number; the run cannot recover.
    #[error(
        "step {step}: the loss is {loss}, the gradient norm {grad_norm}, on the examples \
         {examples:?}; {}; a lower learning rate or a longer warm-up may help",
        match checkpoint {
            Some(path) => format!("the last checkpoint before it is {}", path.display()),
            None => "there is no checkpoint before it".to_string(),
        }
    )]
    Diverged {
        /// The optimizer step, from 1.
        step: u64,
        /// The loss of that step.
        loss: f32,
        /// The norm of all its gradients, before clipping.
        grad_norm: f32,
        /// The positions of its examples in the training data.
        examples: Vec<usize>,
        /// The newest checkpoint from before that step.
        checkpoint: Option<PathBuf>,
    },
    /// The device has no memory for a step.
    #[error(
        "{device} is out of memory after step {steps}: {reason}; smaller batches with as much \
         gradient_accumulation_steps train the same, and {}",
        match checkpoint {
            Some(path) => format!("the run can go on from {}", path.display()),
            None => "there is no checkpoint to go on from".to_string(),
        }
    )]
    OutOfMemory {
        /// The device.
        device: String,
        /// Optimizer steps that are done.
        steps: usize,
        /// What the backend says.
        reason: String,
        /// The newest checkpoint.
        checkpoint: Option<PathBuf>,
    },
    /// A checkpoint is not one of this model, or not of this version.
    #[error("{}: not a checkpoint that this run can go on from: {what}", path.display())]
    Checkpoint {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A run can only go on with what it began with.
    #[error("{}: the run began with {setting} {saved}, and is to go on with {now}", path.display())]
    Resume {
        /// The run's `config.json`.
        path: PathBuf,
        /// Which setting differs.
        setting: String,
        /// What it was.
        saved: String,
        /// What it is now.
        now: String,
    },
    /// The run that is to go on has come to its end before.
    #[error("{}: the run is complete; its report is there", path.display())]
    RunComplete {
        /// The run directory.
        path: PathBuf,
    },
    /// A label is not what the loss is for.
    #[error("label {found} of row {row}: the {loss} loss expects {expected}")]
    InvalidLabel {
        /// The loss.
        loss: &'static str,
        /// The row of the batch or data set, from 0.
        row: usize,
        /// The label.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// Outputs of a model and labels that do not belong together.
    #[error("{what}: {found}, expected {expected}")]
    LossInput {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The device cannot be opened.
    #[error(transparent)]
    Device(#[from] finetune_ops::DeviceError),
    /// A loss does not return one value per row.
    #[error("loss {loss} returned shape {found:?}, expected {expected:?}: one value per row")]
    LossShape {
        /// The loss.
        loss: String,
        /// The shape it returned.
        found: Vec<usize>,
        /// The shape it should return.
        expected: Vec<usize>,
    },
    /// Something to freeze that the model does not have.
    #[error("{pattern:?} names no parameter of the model, which has such as {example:?}")]
    NoMatchingParameter {
        /// The pattern.
        pattern: String,
        /// A name that there is.
        example: String,
    },
    /// A parameter that is to train has no gradient, so that it would never move.
    #[error("{parameter} trains, but the loss does not depend on it: freeze it or use it")]
    NoGradient {
        /// Its path.
        parameter: String,
    },
    /// A parameter that was frozen is not what it was.
    #[error("{parameter} was frozen, and yet it changed")]
    FrozenChanged {
        /// Its path.
        parameter: String,
    },
    /// The optimizer's state is corrupted or incomplete.
    #[error("the optimizer's state: {0}")]
    OptimizerFile(#[from] burn_pack::Error),
    /// The optimizer's state is not of this optimizer and model.
    #[error("the optimizer's state: {name} is {found}, expected {expected}")]
    OptimizerState {
        /// What does not fit: a tensor, a parameter or the algorithm.
        name: String,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A file of the run record could not be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The run directory already holds something.
    #[error(
        "{}: not empty; a run never overwrites another, but it can be resumed", path.display()
    )]
    RunDirectoryInUse {
        /// The folder.
        path: PathBuf,
    },
}

impl TrainError {
    /// Returns an error of one's own as one of a run: with its message and source, and in
    /// [`TrainError::Custom`] to be downcast.
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

    /// The same, said of a task; of the only one, without a name, as it is.
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
