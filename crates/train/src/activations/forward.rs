//! Forward pass of a classifier, from tokens or from cached activations of the frozen layers.

use burn::tensor::Tensor;
use finetune_data::Batch;
use finetune_model::{DropoutStream, SequenceClassifier};

use super::CachedActivations;
use crate::error::TrainError;

/// Returns the logits (regression: scores) of a batch, one per class name, from its cached
/// activations if there are any.
///
/// # Shapes
/// - output: `[B, C]`
///
/// # Errors
/// - [`TrainError::Model`] if a token id is outside the embedding tables, or the head is for
///   another number of texts per row.
/// - The errors of [`CachedActivations::batch`].
pub fn forward(
    model: &SequenceClassifier,
    batch: &Batch,
    activations: Option<&CachedActivations>,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<2>, TrainError> {
    Ok(match activations {
        Some(cached) => model.forward_upper(cached.batch(batch, &model.device())?, dropout)?,
        None => finetune_predict::forward(model, batch, dropout)?,
    })
}
