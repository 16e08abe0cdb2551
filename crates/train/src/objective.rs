//! Interface between the training loop and what it trains: model, data and loss.

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_model::DropoutStream;
use finetune_ops::Precision;

use crate::callback::Callback;
use crate::evaluation::Evaluation;
use crate::mixing::MixingConfig;
use crate::{TrainConfig, TrainError};
use finetune_eval::Better;

/// A training objective: batches, loss and evaluation of a model.
///
/// [`Trainer`](crate::Trainer) implements steps, optimizers, schedules, evaluations and
/// checkpoints; an objective defines batches and their loss. Every method must be a function of its
/// arguments, because a resumed run calls it again and needs the same result.
pub trait Objective {
    /// Model to train, on a device with autodiff. It borrows nothing, so that callbacks can
    /// downcast it.
    type Model: Module + 'static;
    /// A batch of rows in host memory.
    type Batch;

    /// Checks that the model fits the data, and that the settings fit the objective.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if they do not fit.
    fn check(&self, model: &Self::Model, config: &TrainConfig) -> Result<(), TrainError>;

    /// Returns the model computing in a precision (default: the model unchanged).
    fn in_precision(&self, model: Self::Model, _precision: Precision) -> Self::Model {
        model
    }

    /// Returns the names of the tasks (default: one task with an empty name).
    fn tasks(&self) -> Vec<String> {
        vec![String::new()]
    }

    /// Returns whether a task is trained, rather than only evaluated (default: true).
    fn trains(&self, _task: usize) -> bool {
        true
    }

    /// Returns the sampling, loss weights and gradient combination of the tasks.
    fn mixing(&self) -> MixingConfig {
        MixingConfig::default()
    }

    /// Returns the task that a parameter belongs to, by its path; `None` for shared parameters
    /// (default: `None`).
    fn task_of(&self, _path: &str) -> Option<usize> {
        None
    }

    /// Returns the number of tokens of each training row of each task.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError>;

    /// Returns the indices of the examples that training rows come from. Rows and examples differ
    /// if a long text spans several rows.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn examples(&self, part: &Part) -> Result<Vec<usize>, TrainError>;

    /// Returns training rows as a batch. Random choices, such as masks, differ between passes over
    /// the rows.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn batch(&self, part: &Part) -> Result<Self::Batch, TrainError>;

    /// Returns the size of a batch.
    ///
    /// # Errors
    /// - [`TrainError::InvalidLabel`] if the labels are not valid for the loss.
    fn size(&self, batch: &Self::Batch) -> Result<BatchCounts, TrainError>;

    /// Returns the sum of the batch's losses divided by `divisor`, a tensor of one value. The
    /// divisor is the sum of [`BatchCounts::weight`] over all batches of an optimizer step, so that
    /// accumulated batches have the gradient of one large batch.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if the batch does not fit the model.
    fn loss(
        &self,
        model: &Self::Model,
        batch: &Self::Batch,
        divisor: f64,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError>;

    /// Returns the names and directions of the metrics of [`Self::evaluate`]; empty without
    /// validation rows.
    fn metrics(&self) -> Vec<(String, Better)>;

    /// Evaluates the model on the validation rows.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    /// - [`TrainError::Model`] if the data does not fit the model.
    /// - Any error of `callback`.
    fn evaluate(
        &self,
        model: &Self::Model,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError>;
}

/// Training rows of one task, in a batch or a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Index of the task, from 0.
    pub task: usize,
    /// Pass over the task's rows, from 0.
    pub pass: u64,
    /// Indices of the rows in the task's training data.
    pub rows: Vec<usize>,
}

/// Size of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatchCounts {
    /// Number of rows.
    pub rows: usize,
    /// Number of token positions, padding included.
    pub slots: usize,
    /// Number of padding tokens.
    pub num_padding_tokens: usize,
    /// Weight of the batch in the mean loss: the loss weight of its rows, or its number of masked
    /// tokens.
    pub weight: f64,
}
