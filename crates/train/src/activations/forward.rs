//! Forward pass of a classifier, from tokens or from cached activations of the frozen layers.

use burn::tensor::Tensor;
use finetune_data::Batch;
use finetune_model::{DropoutStream, SequenceClassifier};
use finetune_ops::{Upload, Uploaded};

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
    forward_with(model, batch, activations, Upload::default(), dropout).map(|(logits, _)| logits)
}

/// Returns the logits as [`forward`], and an upload on the device, to which tokens or activations
/// are added.
///
/// # Shapes
/// - logits: `[B, C]`
///
/// # Errors
/// - As [`forward`].
pub(crate) fn forward_with(
    model: &SequenceClassifier,
    batch: &Batch,
    activations: Option<&CachedActivations>,
    mut upload: Upload,
    dropout: Option<DropoutStream>,
) -> Result<(Tensor<2>, Uploaded), TrainError> {
    let Some(cached) = activations else {
        return Ok(finetune_predict::forward_with(
            model, batch, upload, dropout,
        )?);
    };
    let packed = cached.pack(batch, &mut upload)?;
    let device = model.device();
    let uploaded = upload.send(&device);
    let logits = model.forward_upper(packed.unpack(&uploaded, &device), dropout)?;
    Ok((logits, uploaded))
}
