//! Transfer of a batch of token ids to the model's device.

use finetune_data::TokenBatch;
use finetune_model::{Encoder, EncoderInput, ModelError};

use crate::TrainError;

/// Returns token ids, token types and attention mask as tensors on the encoder's device.
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

/// Checks that the model is on a device with autodiff.
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
