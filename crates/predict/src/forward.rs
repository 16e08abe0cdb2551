//! Forward pass of a classifier on a batch in host memory.

use burn::tensor::Tensor;
use finetune_data::{Batch, TokenBatch};
use finetune_model::{
    ClassifierInput, DropoutStream, Encoder, EncoderInput, ModelError, SequenceClassifier,
};

/// Moves the tokens of `rows` rows to the encoder's device: token ids, token types and attention
/// mask.
///
/// # Errors
/// - [`ModelError`] if a token id is outside the embedding tables.
pub fn encoder_input(
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

/// Returns the logits (regression: scores) of a batch, one per class name. Without `dropout` the
/// result is deterministic.
///
/// # Shapes
/// - output: `[B, C]`
///
/// # Errors
/// - [`ModelError`] if a token id is outside the embedding tables, or the head is for another
///   number of texts per row.
pub fn forward(
    model: &SequenceClassifier,
    batch: &Batch,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<2>, ModelError> {
    let input = |tokens| encoder_input(&model.encoder, batch.batch_size(), tokens);
    let first = input(&batch.tokens)?;
    match &batch.second_tokens {
        None => model.forward(ClassifierInput::Single(&first), dropout),
        Some(second) => model.forward(ClassifierInput::Pair(&first, &input(second)?), dropout),
    }
}
