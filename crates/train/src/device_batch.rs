//! From a batch of token ids to tensors on the model's device.

use finetune_data::TokenBatch;
use finetune_model::{EncoderInput, ModelError, SequenceClassifier};

pub(crate) fn encoder_input(
    model: &SequenceClassifier,
    rows: usize,
    tokens: &TokenBatch,
) -> Result<EncoderInput, ModelError> {
    EncoderInput::new(
        &model.encoder,
        &tokens.token_ids,
        &tokens.token_type_ids,
        &tokens.attention_mask,
        [rows, tokens.sequence_length],
    )
}
