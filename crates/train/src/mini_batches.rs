//! Mini-batches: texts of a batch that go through the encoder in parts, whose activations are computed
//! again in the backward pass. It is the gradient cache of
//! [Gao et al. 2021](https://arxiv.org/abs/2101.06983).

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_data::TokenBatch;
use finetune_model::{DropoutStream, Encoder, EncoderInput, ModelError};
use finetune_predict::encoder_input;

use crate::error::TrainError;

/// Returns the vectors of all texts of a batch, computed by `pool` for at most `texts` at a time. It gets
/// the tokens on the device of the encoder with and without autodiff.
///
/// # Shapes
/// - output: `[B, W]`
///
/// # Errors
/// - [`TrainError::Model`] if a token id is outside the embedding tables.
/// - The errors of `pool`.
pub(crate) fn in_mini_batches(
    encoder: &Encoder,
    tokens: &TokenBatch,
    texts: usize,
    dropout: DropoutStream,
    pool: impl Fn(EncoderInput, EncoderInput, Option<DropoutStream>) -> Result<Tensor<2>, ModelError>,
) -> Result<Tensor<2>, TrainError> {
    let plain = encoder.valid();
    let mut pooled = Vec::new();
    for (number, tokens) in (0..).zip(tokens.chunks(texts)) {
        let input = encoder_input(encoder, &tokens)?;
        let plain = encoder_input(&plain, &tokens)?;
        pooled.push(pool(input, plain, Some(dropout.in_chunk(number)))?);
    }
    Ok(Tensor::cat(pooled, 0))
}

/// Checks the size of mini-batches.
///
/// # Errors
/// - [`TrainError::InvalidSetting`] if it is 0.
pub(crate) fn check_mini_batch_size(size: Option<usize>) -> Result<(), TrainError> {
    match size {
        Some(0) => Err(TrainError::setting("mini_batch_size", 0, "at least 1")),
        _ => Ok(()),
    }
}
