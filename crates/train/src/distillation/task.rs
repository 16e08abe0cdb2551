//! The task of a student: that of its own data, with the losses of a teacher.

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::Tensor;
use finetune_data::{BatchSize, sorted_by_length};
use finetune_eval::{Better, Scores};
use finetune_model::DropoutStream;
use finetune_ops::{Precision, read_floats};

use super::config::DistillationConfig;
use super::student_task::{StudentTask, Teacher};
use super::targets::{Divisors, Targets, TeacherTargets};
use super::teacher_cache::{CacheSource, TeacherCache};
use crate::activations::CacheLocation;
use crate::callback::Callback;
use crate::checkpoint_state::fingerprint_of_others;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::report::{ActivationsSection, DataSection};
use crate::task::{Task, TestOutput};
use crate::train_config::TrainConfig;

/// Tokens of the teacher that a projection is fitted to, for each dimension of its hidden states.
const TOKENS_PER_DIMENSION: usize = 16;

/// Training of a student: the task `T`, with the losses of a teacher. Everything else, such as
/// evaluation and what is saved, is that of `T`.
#[derive(Debug)]
pub struct DistillationTask<T: StudentTask> {
    student: T,
    teacher: Teacher<T::Model>,
    config: DistillationConfig,
    targets: Targets,
    cache: Option<TeacherCache>,
    eval_batch_size: BatchSize,
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
        config.validate()?;
        student.check_distillation()?;
        let device = T::encoder(model).device().without_autodiff();
        let mut teacher = student.load_teacher(model, &config, &device)?;
        teacher.model = student.in_precision(teacher.model, train.precision);
        let targets = Targets::new(&config, T::encoder(model), T::encoder(&teacher.model))?;
        Ok(Self {
            student,
            teacher,
            config,
            targets,
            cache: None,
            eval_batch_size: train.eval_batch_size,
        })
    }

    /// Returns the task of the student.
    pub fn student(&self) -> &T {
        &self.student
    }

    /// Returns the task of the student, without its teacher.
    pub fn into_student(self) -> T {
        self.student
    }

    /// Returns what the student learns of a batch, computed by the teacher.
    fn computed(&self, batch: &T::Batch) -> Result<TeacherTargets, TrainError> {
        let outputs = self.student.teacher_outputs(&self.teacher, batch)?;
        let encoder = T::encoder(&self.teacher.model);
        Ok(self.targets.of_teacher(outputs, encoder))
    }

    /// Fits the projections to the first rows.
    fn fit_projections(&mut self) -> Result<(), TrainError> {
        if !self.targets.needs_projections() {
            return Ok(());
        }
        let lengths = self.student.lengths()?;
        let wanted = TOKENS_PER_DIMENSION * self.targets.widths[1];
        let mut tokens = 0;
        let few = lengths.iter().take_while(|length| {
            tokens += **length;
            tokens - **length < wanted
        });
        let few = few.count();
        let mut states = vec![Vec::new(); self.targets.layers.len()];
        for rows in sorted_by_length(&lengths[..few], self.eval_batch_size)? {
            let batch = self.student.batch(&rows, 0)?;
            let computed = self.computed(&batch)?;
            for (all, found) in states.iter_mut().zip(computed.hidden_states) {
                all.extend(read_floats(found));
            }
        }
        let device = T::encoder(&self.teacher.model).device();
        self.targets.fit(&states, &device)
    }

    /// Computes the teacher's outputs for all rows, if they can be cached.
    fn fill_cache(&mut self, callback: &mut dyn Callback) -> Result<(), TrainError> {
        let outputs = self.student.cached_logits(&self.teacher.model);
        let Some(outputs) = outputs.filter(|_| self.config.cache != CacheLocation::Off) else {
            return Ok(());
        };
        let lengths = self.student.lengths()?;
        let batches = sorted_by_length(&lengths, self.eval_batch_size)?;
        let computed = |rows: &[usize]| {
            let batch = self.student.batch(rows, 0)?;
            let targets = self.computed(&batch)?;
            Ok((targets, self.student.cached_rows(&batch).offsets))
        };
        let model = &self.teacher.model;
        let key = || {
            let all = fingerprint_of_others(model, &BTreeSet::new());
            Ok((self.student.texts_fingerprint()?, all))
        };
        let source = CacheSource {
            location: &self.config.cache,
            targets: &self.targets,
            outputs,
            lengths: &lengths,
            batches: &batches,
        };
        self.cache = Some(source.fill(key, computed, callback)?);
        Ok(())
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
        let labels = (self.config.label_weight > 0.0).then_some(step);
        let teacher = match &self.cache {
            Some(cache) => {
                let texts = self.student.cached_rows(batch);
                let device = T::encoder(&self.teacher.model).device();
                cache.batch(&texts, &self.targets, &device)?
            }
            None => self.computed(batch)?,
        };
        let outputs = self
            .student
            .student_outputs(model, batch, labels, dropout)?;
        let divisors = Divisors {
            logits: self.student.num_logits(step),
            tokens: step.num_tokens as f64,
        };
        let (kind, encoder) = (self.student.logits_kind(model), T::encoder(model));
        Ok(self.targets.loss(kind, outputs, encoder, teacher, divisors))
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
        self.fit_projections()?;
        self.fill_cache(callback)?;
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
