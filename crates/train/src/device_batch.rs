//! From a batch of token ids to tensors on the model's device.

use finetune_data::Batch;
use finetune_model::{EncoderInput, ModelError, SequenceClassifier};

pub(crate) fn encoder_input(
    model: &SequenceClassifier,
    batch: &Batch,
) -> Result<EncoderInput, ModelError> {
    EncoderInput::new(
        &model.encoder,
        &batch.token_ids,
        &batch.token_type_ids,
        &batch.attention_mask,
        [batch.size(), batch.sequence_length],
    )
}
