//! From a batch of token ids to tensors on the model's device.

use finetune_data::TokenBatch;
use finetune_model::{Encoder, EncoderInput, ModelError};

use crate::TrainError;

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
