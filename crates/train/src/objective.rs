//! What the training loop sees of its tasks: one [`Task`], or several on one encoder.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_eval::Better;
use finetune_model::DropoutStream;
use finetune_ops::Precision;

use crate::callback::Callback;
use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::mixing::MixingConfig;
use crate::multi_task::OverallScore;
use crate::report::{ActivationsSection, DataSection, TestSection};
use crate::task::{Task, TestOutput};
use crate::train_config::TrainConfig;

/// One or several tasks of a model.
///
/// Every [`Task`] is an objective; implement that trait for a task of your own. A
/// [`TaskGroup`](crate::TaskGroup) is the objective of several tasks. Tasks are counted from 0.
pub trait Objective {
    /// Model to train.
    type Model: Module + Sync + 'static;
    /// A batch of rows in host memory.
    type Batch: 'static;

    /// See [`Task::check`].
    ///
    /// # Errors
    /// As [`Task::check`].
    fn check(&self, model: &Self::Model, config: &TrainConfig) -> Result<(), TrainError>;

    /// See [`Task::in_precision`].
    fn in_precision(&self, model: Self::Model, _precision: Precision) -> Self::Model {
        model
    }

    /// See [`Task::with_gradient_checkpointing`].
    fn with_gradient_checkpointing(&self, model: Self::Model, _enabled: bool) -> Self::Model {
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
    /// As [`Task::lengths`].
    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError>;

    /// See [`Task::text_keys`] (default: `None`).
    ///
    /// # Errors
    /// As [`Task::text_keys`].
    fn text_keys(&self, _task: usize) -> Result<Option<Vec<Vec<u64>>>, TrainError> {
        Ok(None)
    }

    /// See [`Task::examples`].
    ///
    /// # Errors
    /// As [`Task::examples`].
    fn examples(&self, part: &BatchIndices) -> Result<Vec<usize>, TrainError>;

    /// See [`Task::batch`].
    ///
    /// # Errors
    /// As [`Task::batch`].
    fn batch(&self, part: &BatchIndices) -> Result<Self::Batch, TrainError>;

    /// See [`Task::size`].
    ///
    /// # Errors
    /// As [`Task::size`].
    fn size(&self, batch: &Self::Batch) -> Result<BatchCounts, TrainError>;

    /// See [`Task::loss`].
    ///
    /// # Errors
    /// As [`Task::loss`].
    fn loss(
        &self,
        model: &Self::Model,
        batch: &Self::Batch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError>;

    /// Returns the names and directions of the metrics of [`Self::evaluate`]; empty without
    /// validation rows.
    fn metrics(&self) -> Vec<(String, Better)>;

    /// Evaluates the model on the validation rows.
    ///
    /// # Errors
    /// As [`Task::evaluate`].
    fn evaluate(
        &self,
        model: &Self::Model,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError>;

    /// Returns statistics of the data of each task (default: none).
    ///
    /// # Errors
    /// As [`Task::data`].
    fn data(&self) -> Result<Vec<Option<DataSection>>, TrainError> {
        Ok(vec![None; self.tasks().len()])
    }

    /// See [`Task::begin_run`].
    ///
    /// # Errors
    /// As [`Task::begin_run`].
    fn begin_run(
        &mut self,
        _model: &Self::Model,
        _callback: &mut dyn Callback,
    ) -> Result<Option<ActivationsSection>, TrainError> {
        Ok(None)
    }

    /// See [`Task::end_training`].
    ///
    /// # Errors
    /// As [`Task::end_training`].
    fn end_training(
        &mut self,
        _model: &Self::Model,
        _callback: &mut dyn Callback,
    ) -> Result<(), TrainError> {
        Ok(())
    }

    /// See [`Task::save`].
    ///
    /// # Errors
    /// As [`Task::save`].
    fn save(&self, _model: &Self::Model, _directory: &Path) -> Result<(), TrainError> {
        Ok(())
    }

    /// Predicts and scores the test rows of each task (default: there are none).
    ///
    /// # Errors
    /// As [`Task::test`].
    fn test(
        &self,
        _model: &Self::Model,
        _callback: &mut dyn Callback,
    ) -> Result<Vec<Option<TestOutput>>, TrainError> {
        Ok(vec![None; self.tasks().len()])
    }

    /// Returns the overall score of several tasks, with its formula (default: `None`, for one
    /// task).
    fn overall(&self, _tests: &[Option<TestSection>]) -> Option<(OverallScore, Option<f64>)> {
        None
    }
}

impl<T: Task> Objective for T {
    type Model = T::Model;
    type Batch = T::Batch;

    fn check(&self, model: &T::Model, config: &TrainConfig) -> Result<(), TrainError> {
        Task::check(self, model, config)
    }

    fn in_precision(&self, model: T::Model, precision: Precision) -> T::Model {
        Task::in_precision(self, model, precision)
    }

    fn with_gradient_checkpointing(&self, model: T::Model, enabled: bool) -> T::Model {
        Task::with_gradient_checkpointing(self, model, enabled)
    }

    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError> {
        Ok(vec![Task::lengths(self)?])
    }

    fn text_keys(&self, _task: usize) -> Result<Option<Vec<Vec<u64>>>, TrainError> {
        Task::text_keys(self)
    }

    fn examples(&self, part: &BatchIndices) -> Result<Vec<usize>, TrainError> {
        Task::examples(self, &part.indices)
    }

    fn batch(&self, part: &BatchIndices) -> Result<T::Batch, TrainError> {
        Task::batch(self, &part.indices, part.epoch)
    }

    fn size(&self, batch: &T::Batch) -> Result<BatchCounts, TrainError> {
        Task::size(self, batch)
    }

    fn loss(
        &self,
        model: &T::Model,
        batch: &T::Batch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        Task::loss(self, model, batch, step, dropout)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        Task::metrics(self)
    }

    fn evaluate(
        &self,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError> {
        Ok(Task::evaluate(self, model, callback)?.into())
    }

    fn data(&self) -> Result<Vec<Option<DataSection>>, TrainError> {
        Ok(vec![Task::data(self)?])
    }

    fn begin_run(
        &mut self,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<Option<ActivationsSection>, TrainError> {
        Task::begin_run(self, model, callback)
    }

    fn end_training(
        &mut self,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<(), TrainError> {
        Task::end_training(self, model, callback)
    }

    fn save(&self, model: &T::Model, directory: &Path) -> Result<(), TrainError> {
        Task::save(self, model, directory)
    }

    fn test(
        &self,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<Vec<Option<TestOutput>>, TrainError> {
        Ok(vec![Task::test(self, model, callback)?])
    }
}

/// Training rows of one task, in a batch or a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchIndices {
    /// Index of the task, from 0.
    pub task: usize,
    /// Epoch of the task, from 0.
    pub epoch: u64,
    /// Indices of the rows in the task's training data.
    pub indices: Vec<usize>,
}

/// Size of a batch, or of all batches of a step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatchCounts {
    /// Number of rows.
    pub rows: usize,
    /// Number of tokens.
    pub num_tokens: usize,
    /// Weight of the batch in the mean loss: the loss weight of its rows, or its number of masked
    /// tokens.
    pub weight: f64,
}

impl BatchCounts {
    /// Returns the share of a batch in the loss of a step of this size, for a loss that is the mean over
    /// the `rows` of the batch and a weight of 1 per row.
    pub(crate) fn share_of(&self, loss: Tensor<1>, rows: usize) -> Tensor<1> {
        match rows as f64 / self.weight {
            1.0 => loss,
            share => loss * share,
        }
    }
}

impl std::iter::Sum for BatchCounts {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), |sum, size| Self {
            rows: sum.rows + size.rows,
            num_tokens: sum.num_tokens + size.num_tokens,
            weight: sum.weight + size.weight,
        })
    }
}
