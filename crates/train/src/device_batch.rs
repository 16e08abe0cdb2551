//! From a batch of token ids to tensors on the model's device.

use burn::tensor::Tensor;
use finetune_data::{Batch, TokenBatch};
use finetune_model::{DropoutStream, Encoder, EncoderInput, ModelError, SequenceClassifier};

use crate::TrainError;

/// The outputs for a batch of texts, or of pairs that the encoder reads each by itself.
///
/// # Shapes
/// - output: `[B, C]`
pub(crate) fn forward(
    model: &SequenceClassifier,
    batch: &Batch,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<2>, ModelError> {
    let first = encoder_input(&model.encoder, batch.size(), &batch.tokens)?;
    match &batch.second_tokens {
        None => model.forward(&first, dropout),
        Some(second) => {
            let second = encoder_input(&model.encoder, batch.size(), second)?;
            model.forward((&first, &second), dropout)
        }
    }
}

/// Token ids, types and mask as tensors.
pub(crate) fn encoder_input(
    encoder: &Encoder,
    rows: usize,
    tokens: &TokenBatch,
) -> Result<EncoderInput, ModelError> {
    EncoderInput::new(
        encoder,
        &tokens.token_ids,
        &tokens.token_type_ids,
        &tokens.attention_mask,
        [rows, tokens.sequence_length],
    )
}

/// Whether a model can be trained where it is.
pub(crate) fn check_autodiff(encoder: &Encoder) -> Result<(), TrainError> {
    let device = encoder.embeddings.word_embeddings.weight.lazy_device();
    if !device.is_autodiff() {
        return Err(TrainError::setting(
            "device of the model",
            "plain",
            "one with autodiff",
        ));
    }
    Ok(())
}
