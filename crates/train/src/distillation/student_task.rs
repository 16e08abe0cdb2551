//! Tasks whose model can learn from a teacher.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use finetune_model::{DropoutStream, Encoder, EncoderStates};

use super::config::DistillationConfig;
use super::token_map::TokenMap;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::task::Task;

/// What the logits of a model stand for, and so how those of two models are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitsKind {
    /// One of several classes or words.
    Softmax,
    /// Independent classes.
    Sigmoid,
    /// Scores.
    Score,
    /// The values of an embedding.
    Embedding,
}

/// Outputs of a model on a batch.
#[derive(Debug, Clone)]
pub struct ModelOutputs {
    /// Logits `[N, C]`, or embeddings; `None` for a batch without any.
    pub logits: Option<Tensor<2>>,
    /// Hidden states of all layers.
    pub states: EncoderStates,
    /// Loss of the labels, as [`Task::loss`]; `None` if it was not wanted.
    pub label_loss: Option<Tensor<1>>,
}

/// Trained model that a student learns from.
#[derive(Debug)]
pub struct Teacher<M> {
    /// Its checkpoint directory.
    pub directory: PathBuf,
    /// The model, without autodiff.
    pub model: M,
    /// Ids of the student's tokens in its vocabulary.
    pub tokens: TokenMap,
    /// Whether it reads texts before they are masked.
    pub reads_unmasked: bool,
}

impl<M> Teacher<M> {
    /// Creates the teacher that the settings name.
    pub(crate) fn new(config: &DistillationConfig, model: M, tokens: TokenMap) -> Self {
        Self {
            directory: config.teacher.clone(),
            model,
            tokens,
            reads_unmasked: config.unmasked_teacher,
        }
    }
}

/// Returns tokenizer and text settings of a task, which one of encoded rows does not have.
///
/// # Errors
/// - [`TrainError::InvalidSetting`] if it has none.
pub(super) fn of_files<T>(prepared: Option<T>) -> Result<T, TrainError> {
    prepared.ok_or_else(|| {
        let expected = "a task of a run from files, which has a tokenizer";
        TrainError::setting("task", "of encoded rows", expected)
    })
}

/// A task whose model can learn from the outputs of a teacher, which is a model of the same type.
///
/// [`DistillationTask`](super::DistillationTask) adds the teacher's losses.
pub trait StudentTask: Task {
    /// Loads a teacher, and checks that it fits task and student.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if its vocabulary, its length or its head does not fit.
    /// - [`TrainError::Model`] or [`TrainError::Data`] if the checkpoint cannot be loaded.
    fn load_teacher(
        &self,
        student: &Self::Model,
        config: &DistillationConfig,
        device: &Device,
    ) -> Result<Teacher<Self::Model>, TrainError>;

    /// Returns the encoder of a model.
    fn encoder(model: &Self::Model) -> &Encoder;

    /// Returns what the logits stand for.
    fn logits_kind(&self, model: &Self::Model) -> LogitsKind;

    /// Returns the number of values of an embedding (default: `None`, for other models).
    fn embedding_size(&self, _model: &Self::Model) -> Option<usize> {
        None
    }

    /// Returns the number of logits rows in a step, which the mean of their loss is taken over.
    fn num_logits(&self, step: &BatchCounts) -> f64;

    /// Runs the student on a batch. `labels` is the size of the step, if the loss of the labels is
    /// wanted.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if the batch does not fit the model.
    fn student_outputs(
        &self,
        student: &Self::Model,
        batch: &Self::Batch,
        labels: Option<&BatchCounts>,
        dropout: DropoutStream,
    ) -> Result<ModelOutputs, TrainError>;

    /// Runs the teacher on a batch, without dropout. Its logits are those of the student's outputs, in
    /// the same order.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if the batch does not fit the model.
    fn teacher_outputs(
        &self,
        teacher: &Teacher<Self::Model>,
        batch: &Self::Batch,
    ) -> Result<ModelOutputs, TrainError>;

    /// Returns the number of rows of logits of all training rows, and the number of logits of each, if
    /// the outputs can be cached, because they are the same in every batch and epoch (default: `None`,
    /// they cannot).
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn cached_logits(&self, _teacher: &Self::Model) -> Result<Option<[usize; 2]>, TrainError> {
        Ok(None)
    }

    /// Returns the rows of a batch whose outputs can be cached; called only if
    /// [`Self::cached_logits`] says that they can (default: none).
    fn cached_rows<'a>(&self, _batch: &'a Self::Batch) -> CachedRows<'a> {
        CachedRows::default()
    }

    /// Returns a hash of the training texts, for the name of a cache file.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn texts_fingerprint(&self) -> Result<String, TrainError>;

    /// Checks that nothing else of the task is against distillation, such as a cache of activations
    /// (default: no check).
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if something is.
    fn check_distillation(&self) -> Result<(), TrainError> {
        Ok(())
    }
}

/// Rows of a batch, and which of its tokens they are.
#[derive(Debug, Clone, Default)]
pub struct CachedRows<'a> {
    /// Index of each row.
    pub rows: &'a [usize],
    /// Where the outputs of the rows are.
    pub ends: RowEnds,
}

/// Where the outputs of the rows of a batch are: one part per row, or all first parts, such as first
/// texts, then all second ones, and so on.
#[derive(Debug, Clone, Default)]
pub struct RowEnds {
    /// Ends of the parts among the tokens, from 0 on.
    pub tokens: Vec<usize>,
    /// Ends of the parts among the logits, from 0 on.
    pub logits: Vec<usize>,
}

/// Returns the error of a teacher without a head for the task.
pub(super) fn no_head(directory: &Path, expected: &str) -> TrainError {
    let found = format!("{}, whose head is for something else", directory.display());
    TrainError::setting("distillation.teacher", found, expected)
}
