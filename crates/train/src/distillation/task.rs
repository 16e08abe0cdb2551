//! The task of a student: that of its own data, with the losses of a teacher.

use std::path::Path;

use burn::tensor::Tensor;
use finetune_eval::{Better, Scores};
use finetune_model::DropoutStream;
use finetune_ops::Precision;

use super::config::DistillationConfig;
use super::distiller::Distiller;
use super::student_task::StudentTask;
use crate::callback::Callback;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::report::{ActivationsSection, DataSection};
use crate::task::{Task, TestOutput};
use crate::train_config::TrainConfig;

/// Training of a student: the task `T`, with the losses of a teacher. Everything else, such as
/// evaluation and what is saved, is that of `T`.
#[derive(Debug)]
pub struct DistillationTask<T: StudentTask> {
    student: T,
    distiller: Distiller<T>,
}

impl<T: StudentTask> DistillationTask<T> {
    /// Makes a task from that of the student, and loads the teacher onto the device of `model`, the
    /// student.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, or the teacher does not fit task or
    ///   student.
    /// - [`TrainError::Model`] or [`TrainError::Data`] if the teacher cannot be loaded.
    pub fn new(
        student: T,
        model: &T::Model,
        config: DistillationConfig,
        train: &TrainConfig,
    ) -> Result<Self, TrainError> {
        let distiller = Distiller::new(&student, model, config, train)?;
        Ok(Self { student, distiller })
    }

    /// Returns the task of the student.
    pub fn student(&self) -> &T {
        &self.student
    }

    /// Returns the task of the student, without its teacher.
    pub fn into_student(self) -> T {
        self.student
    }
}

impl<T: StudentTask> Task for DistillationTask<T> {
    type Model = T::Model;
    type Batch = T::Batch;

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        self.student.lengths()
    }

    fn batch(&self, rows: &[usize], epoch: u64) -> Result<T::Batch, TrainError> {
        self.student.batch(rows, epoch)
    }

    fn size(&self, batch: &T::Batch) -> Result<BatchCounts, TrainError> {
        self.student.size(batch)
    }

    fn loss(
        &self,
        model: &T::Model,
        batch: &T::Batch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        self.distiller
            .loss(&self.student, model, batch, step, dropout)
    }

    fn check(&self, model: &T::Model, config: &TrainConfig) -> Result<(), TrainError> {
        self.student.check(model, config)
    }

    fn in_precision(&self, model: T::Model, precision: Precision) -> T::Model {
        self.student.in_precision(model, precision)
    }

    fn with_gradient_checkpointing(&self, model: T::Model, enabled: bool) -> T::Model {
        self.student.with_gradient_checkpointing(model, enabled)
    }

    fn text_keys(&self) -> Result<Option<Vec<Vec<u64>>>, TrainError> {
        self.student.text_keys()
    }

    fn examples(&self, rows: &[usize]) -> Result<Vec<usize>, TrainError> {
        self.student.examples(rows)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        self.student.metrics()
    }

    fn evaluate(
        &self,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<Scores, TrainError> {
        self.student.evaluate(model, callback)
    }

    fn data(&self) -> Result<Option<DataSection>, TrainError> {
        self.student.data()
    }

    /// Fits the projections of hidden states, and computes the outputs of the teacher that are cached.
    fn begin_run(
        &mut self,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<Option<ActivationsSection>, TrainError> {
        let section = self.student.begin_run(model, callback)?;
        self.distiller.begin_run(&self.student, model, callback)?;
        Ok(section)
    }

    fn end_training(
        &mut self,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<(), TrainError> {
        self.student.end_training(model, callback)
    }

    fn save(&self, model: &T::Model, directory: &Path) -> Result<(), TrainError> {
        self.student.save(model, directory)
    }

    fn test(
        &self,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<Option<TestOutput>, TrainError> {
        self.student.test(model, callback)
    }
}
