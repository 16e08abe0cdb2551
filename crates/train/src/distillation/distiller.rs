//! A teacher with what its student learns of it: losses, projections and cached outputs.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use finetune_data::{BatchSize, sorted_by_length};
use finetune_model::DropoutStream;
use finetune_ops::read_floats;

use super::config::DistillationConfig;
use super::student_task::{StudentTask, Teacher};
use super::targets::{Divisors, Targets, TeacherTargets};
use super::teacher_cache::{CacheSource, TeacherCache};
use crate::activations::CacheLocation;
use crate::callback::Callback;
use crate::checkpoint_state::fingerprint_of_others;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::train_config::TrainConfig;

/// Tokens of the teacher that a projection is fitted to, for each dimension of its hidden states.
const TOKENS_PER_DIMENSION: usize = 16;

/// Rows that the projection of a teacher's embeddings is fitted to, for each of their dimensions.
const ROWS_PER_DIMENSION: usize = 8;

/// Teacher of the model of a task.
#[derive(Debug)]
pub(crate) struct Distiller<T: StudentTask> {
    teacher: Teacher<T::Model>,
    config: DistillationConfig,
    targets: Targets,
    cache: Option<TeacherCache>,
    eval_batch_size: BatchSize,
}

impl<T: StudentTask> Distiller<T> {
    /// Loads a teacher onto the device of `model`, the student of a task.
    ///
    /// # Errors
    /// As [`DistillationTask::new`](super::DistillationTask::new).
    pub(crate) fn new(
        student: &T,
        model: &T::Model,
        config: DistillationConfig,
        train: &TrainConfig,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        student.check_distillation()?;
        let device = T::encoder(model).device().without_autodiff();
        let mut teacher = student.load_teacher(model, &config, &device)?;
        teacher.model = student.in_precision(teacher.model, train.precision);
        let kind = student.logits_kind(model);
        let encoders = [model, &teacher.model].map(T::encoder);
        let targets = Targets::new(&config, kind, encoders)?;
        Ok(Self {
            teacher,
            config,
            targets,
            cache: None,
            eval_batch_size: train.eval_batch_size,
        })
    }

    /// Computes the outputs of the teacher that are cached, and fits the projections of hidden states and
    /// embeddings, as far as no earlier run has done it.
    ///
    /// # Errors
    /// As [`Task::begin_run`](crate::Task::begin_run).
    pub(crate) fn begin_run(
        &mut self,
        student: &T,
        model: &T::Model,
        callback: &mut dyn Callback,
    ) -> Result<(), TrainError> {
        self.cache = self.filled_cache(student, callback)?;
        if self.cache.is_none() {
            self.fit_projections_of_states(student)?;
        }
        self.fit_projection_of_embeddings(student, model)
    }

    /// Returns the loss of the student on a batch, as [`Task::loss`](crate::Task::loss).
    ///
    /// # Errors
    /// As [`Task::loss`](crate::Task::loss).
    pub(crate) fn loss(
        &self,
        student: &T,
        model: &T::Model,
        batch: &T::Batch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let labels = (self.config.label_weight > 0.0).then_some(step);
        let teacher = self.of_teacher(student, batch)?;
        let outputs = student.student_outputs(model, batch, labels, dropout)?;
        let divisors = Divisors {
            logits: student.num_logits(step),
            tokens: step.num_tokens as f64,
        };
        let (kind, encoder) = (student.logits_kind(model), T::encoder(model));
        Ok(self.targets.loss(kind, outputs, encoder, teacher, divisors))
    }

    /// Returns what the student learns of a batch, from the cache if there is one.
    fn of_teacher(&self, student: &T, batch: &T::Batch) -> Result<TeacherTargets, TrainError> {
        let Some(cache) = &self.cache else {
            return self.computed(student, batch);
        };
        let texts = student.cached_rows(batch);
        let device = T::encoder(&self.teacher.model).device();
        cache.batch(&texts, &self.targets, &device)
    }

    /// Returns what the student learns of a batch, computed by the teacher.
    fn computed(&self, student: &T, batch: &T::Batch) -> Result<TeacherTargets, TrainError> {
        let outputs = student.teacher_outputs(&self.teacher, batch)?;
        let encoder = T::encoder(&self.teacher.model);
        Ok(self.targets.of_teacher(outputs, encoder))
    }

    /// Fits the projection of embeddings to those of the first rows, if the teacher's are longer. A cache
    /// has them as the teacher computed them, so that they are not computed again.
    fn fit_projection_of_embeddings(
        &mut self,
        student: &T,
        model: &T::Model,
    ) -> Result<(), TrainError> {
        let widths = [model, &self.teacher.model].map(|model| student.embedding_size(model));
        let [Some(width), Some(of_teacher)] = widths else {
            return Ok(());
        };
        if width == of_teacher || self.config.logits_weight == 0.0 {
            return Ok(());
        }
        let lengths = student.lengths()?;
        let few = lengths.len().min(ROWS_PER_DIMENSION * of_teacher);
        let mut embeddings = Vec::new();
        for rows in sorted_by_length(&lengths[..few], self.eval_batch_size)? {
            let targets = self.of_teacher(student, &student.batch(&rows, 0)?)?;
            embeddings.extend(targets.logits.into_iter().flat_map(read_floats));
        }
        let device = T::encoder(&self.teacher.model).device();
        let widths = [width, of_teacher];
        self.targets.fit_embeddings(&embeddings, widths, &device)
    }

    /// Fits the projections of hidden states to those of the first rows, if the teacher's are wider. A
    /// cache has the projected states: the projections are for filling it.
    fn fit_projections_of_states(&self, student: &T) -> Result<(), TrainError> {
        if !self.targets.needs_projections() {
            return Ok(());
        }
        let lengths = student.lengths()?;
        let wanted = TOKENS_PER_DIMENSION * self.targets.widths[1];
        let mut tokens = 0;
        let few = lengths.iter().take_while(|length| {
            tokens += **length;
            tokens - **length < wanted
        });
        let few = few.count();
        let mut states = vec![Vec::new(); self.targets.layers.len()];
        for rows in sorted_by_length(&lengths[..few], self.eval_batch_size)? {
            let batch = student.batch(&rows, 0)?;
            let computed = self.computed(student, &batch)?;
            for (all, found) in states.iter_mut().zip(computed.hidden_states) {
                all.extend(read_floats(found));
            }
        }
        let device = T::encoder(&self.teacher.model).device();
        self.targets.fit(&states, &device)
    }

    /// Returns the teacher's outputs for all rows, computed or found in the file of an earlier run, if they
    /// can be cached.
    fn filled_cache(
        &self,
        student: &T,
        callback: &mut dyn Callback,
    ) -> Result<Option<TeacherCache>, TrainError> {
        let logits = match self.config.cache {
            CacheLocation::Off => None,
            _ => student.cached_logits(&self.teacher.model)?,
        };
        let Some(logits) = logits else {
            return Ok(None);
        };
        let lengths = student.lengths()?;
        let batches = sorted_by_length(&lengths, self.eval_batch_size)?;
        let computed = |rows: &[usize]| {
            self.fit_projections_of_states(student)?;
            let batch = student.batch(rows, 0)?;
            let targets = self.computed(student, &batch)?;
            Ok((targets, student.cached_rows(&batch).ends))
        };
        let model = &self.teacher.model;
        let key = || {
            let all = fingerprint_of_others(model, &BTreeSet::new());
            Ok((student.texts_fingerprint()?, all))
        };
        let source = CacheSource {
            location: &self.config.cache,
            targets: &self.targets,
            logits,
            lengths: &lengths,
            batches: &batches,
        };
        source.fill(key, computed, callback).map(Some)
    }
}
