//! Forward pass of a token classifier on a batch in host memory.

use burn::tensor::Tensor;
use finetune_data::TaggedBatch;
use finetune_model::{DropoutStream, EncoderStates, ModelError, TokenClassifier};
use finetune_ops::{Upload, Uploaded};

use crate::forward::pack_tokens;

/// Returns the logits of the labeled tokens of a batch. Without `dropout` the result is
/// deterministic.
///
/// # Shapes
/// - output: `[N, C]`
///
/// # Errors
/// - [`ModelError`] if a token id is outside the embedding tables, or no token is labeled.
pub fn forward_tokens(
    model: &TokenClassifier,
    batch: &TaggedBatch,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<2>, ModelError> {
    forward_tokens_with(model, batch, Upload::default(), dropout).map(|(logits, _)| logits)
}

/// Returns the logits as [`forward_tokens`], and an upload on the device: the tokens are added to it,
/// so that labels and tokens need one copy.
///
/// # Shapes
/// - logits: `[N, C]`
///
/// # Errors
/// - As [`forward_tokens`].
pub fn forward_tokens_with(
    model: &TokenClassifier,
    batch: &TaggedBatch,
    mut upload: Upload,
    dropout: Option<DropoutStream>,
) -> Result<(Tensor<2>, Uploaded), ModelError> {
    let packed = pack_tokens(&model.encoder, &batch.tokens, &mut upload)?;
    let positions = packed.positions(&batch.labeled.positions, &mut upload)?;
    let Some(positions) = positions else {
        let problem = "no labeled token in the batch".to_string();
        return Err(ModelError::MaskedPositions { problem });
    };
    let uploaded = upload.send(&model.encoder.device());
    let input = packed.unpack(&uploaded);
    let positions = uploaded.indices(&positions);
    let logits = model.forward(&input, Some(positions), dropout);
    Ok((logits, uploaded))
}

/// Returns logits and upload as [`forward_tokens_with`], and all hidden states from the same pass. A
/// batch without labeled tokens has no logits.
///
/// # Shapes
/// - logits: `[N, C]`
/// - hidden states: `L + 1` of `[T, D]`
///
/// # Errors
/// - [`ModelError`] if a token id is outside the embedding tables.
pub fn forward_tokens_with_hidden_states(
    model: &TokenClassifier,
    batch: &TaggedBatch,
    mut upload: Upload,
    dropout: Option<DropoutStream>,
) -> Result<(Option<Tensor<2>>, EncoderStates, Uploaded), ModelError> {
    let packed = pack_tokens(&model.encoder, &batch.tokens, &mut upload)?;
    let positions = packed.positions(&batch.labeled.positions, &mut upload)?;
    let uploaded = upload.send(&model.encoder.device());
    let input = packed.unpack(&uploaded);
    let has_logits = positions.is_some();
    let positions = positions.map(|positions| uploaded.indices(&positions));
    let (logits, states) = model.forward_with_hidden_states(&input, positions, dropout);
    Ok((has_logits.then_some(logits), states, uploaded))
}
