//! What the training loop trains: a model, its data and its loss, behind one interface.

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_model::DropoutStream;
use finetune_ops::Precision;

use crate::callback::Callback;
use crate::evaluation::Evaluation;
use crate::mixing::MixingConfig;
use crate::{TrainConfig, TrainError};
use finetune_eval::Better;

/// What a run trains.
///
/// [`Trainer`](crate::Trainer) knows steps, optimizers, schedules, evaluations and checkpoints; what
/// a batch is and what its loss is it asks here. Everything must be a function of its arguments: a
/// run that is continued asks again, and has to get the same.
pub trait Objective {
    /// What is trained, on a device with autodiff. Callbacks ask for it by its type, so it borrows
    /// nothing.
    type Model: Module + 'static;
    /// Rows on their way into the model, on the host.
    type Batch;

    /// Whether the model fits the data, and the settings what the objective brings along.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] if not.
    fn check(&self, model: &Self::Model, config: &TrainConfig) -> Result<(), TrainError>;

    /// The model, computing in a precision; one without large products stays as it is.
    fn in_precision(&self, model: Self::Model, _precision: Precision) -> Self::Model {
        model
    }

    /// The names of the tasks; of one, nothing need be said.
    fn tasks(&self) -> Vec<String> {
        vec![String::new()]
    }

    /// Whether a task is trained, and not only measured.
    fn trains(&self, _task: usize) -> bool {
        true
    }

    /// How the tasks share the run.
    fn mixing(&self) -> MixingConfig {
        MixingConfig::default()
    }

    /// The one task that a parameter belongs to, by its path; nothing for what all share.
    fn task_of(&self, _path: &str) -> Option<usize> {
        None
    }

    /// Tokens of each training row of each task.
    ///
    /// # Errors
    /// If the data cannot be read.
    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError>;

    /// The examples that training rows come from, which are others where a long text is several
    /// rows.
    ///
    /// # Errors
    /// If the data cannot be read.
    fn examples(&self, part: &Part) -> Result<Vec<usize>, TrainError>;

    /// Training rows as a batch; what is drawn at random is drawn anew for each pass over the rows.
    ///
    /// # Errors
    /// If the data cannot be read.
    fn batch(&self, part: &Part) -> Result<Self::Batch, TrainError>;

    /// How large a batch is.
    ///
    /// # Errors
    /// If its labels are not for the objective.
    fn size(&self, batch: &Self::Batch) -> Result<BatchCounts, TrainError>;

    /// The sum of the batch's losses over `divisor`, a tensor of one value. The divisor is the
    /// sum of [`BatchCounts::weight`] over all batches of an optimizer step, so that accumulated
    /// batches have the gradient of one large batch.
    ///
    /// # Errors
    /// If the batch does not fit the model.
    fn loss(
        &self,
        model: &Self::Model,
        batch: &Self::Batch,
        divisor: f64,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError>;

    /// Names and directions of the metrics of [`Self::evaluate`]; empty without validation rows.
    fn metrics(&self) -> Vec<(String, Better)>;

    /// Measures the model on the held-out rows.
    ///
    /// # Errors
    /// If the data cannot be read or does not fit the model, and whatever `callback` returns.
    fn evaluate(
        &self,
        model: &Self::Model,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError>;
}

/// Training rows of a task, in a batch or a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its place among the tasks; 0 if there is one.
    pub task: usize,
    /// The pass over its rows, from 0.
    pub pass: u64,
    /// Positions in its training data.
    pub rows: Vec<usize>,
}

/// How large a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatchCounts {
    /// Rows.
    pub rows: usize,
    /// Places for tokens.
    pub slots: usize,
    /// Of these, padding.
    pub num_padding_tokens: usize,
    /// What the batch counts for in the mean loss: its rows, or the tokens to guess.
    pub weight: f64,
}
