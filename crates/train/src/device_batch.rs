//! From a batch of token ids to tensors on the model's device.

use burn::tensor::Tensor;
use finetune_data::{Batch, TokenBatch};
use finetune_model::{DropoutStream, EncoderInput, ModelError, SequenceClassifier};

/// The outputs for a batch of texts, or of pairs that the encoder reads each by itself.
///
/// # Shapes
/// - output: `[B, C]`
pub(crate) fn forward(
    model: &SequenceClassifier,
    batch: &Batch,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<2>, ModelError> {
    let first = encoder_input(model, batch.size(), &batch.tokens)?;
    match &batch.second_tokens {
        None => model.forward(&first, dropout),
        Some(second) => {
            let second = encoder_input(model, batch.size(), second)?;
            model.forward((&first, &second), dropout)
        }
    }
}

fn encoder_input(
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
