//! The loop that computes embeddings, for validation, test and new texts.

use burn::module::Module;
use finetune_data::{BatchSize, EncodedTexts, collate_texts};
use finetune_eval::Embeddings;
use finetune_model::EmbeddingModel;

use crate::error::PredictError;
use crate::forward::encoder_input;
use crate::prediction_batches::{PredictionBatches, PredictionProgress};

/// Computes the embedding of each text without dropout or autodiff, in batches of texts of similar
/// length. Embeddings of several batches are read from the device at once.
///
/// # Errors
/// - [`PredictError::Data`] if `batch_size` is 0.
/// - [`PredictError::Model`] if a token id is outside the model's vocabulary.
/// - [`PredictError::Eval`] if an embedding is not finite.
pub fn embed(
    model: &EmbeddingModel,
    texts: &EncodedTexts,
    batch_size: BatchSize,
) -> Result<Embeddings, PredictError> {
    embed_with(model, texts, batch_size, |_| Ok(()))
}

/// Computes embeddings as [`embed`], and calls `progress`.
///
/// # Errors
/// - The errors of [`embed`].
/// - Any error of `progress`.
pub fn embed_with<E: From<PredictError>>(
    model: &EmbeddingModel,
    texts: &EncodedTexts,
    batch_size: BatchSize,
    progress: impl FnMut(PredictionProgress) -> Result<(), E>,
) -> Result<Embeddings, E> {
    let (model, size) = (model.valid(), model.config().embedding_size());
    let mut values = vec![0.0; texts.len() * size];
    let batches = PredictionBatches::new(texts.lengths(), batch_size)?;
    batches.run(
        |rows| {
            let tokens = collate_texts(texts, &rows).map_err(PredictError::Data)?;
            let input = encoder_input(&model.encoder, &tokens).map_err(PredictError::Model)?;
            Ok(Some((rows, model.embed(&input, None))))
        },
        |rows: Vec<usize>, found| {
            for (row, found) in rows.into_iter().zip(found.chunks_exact(size)) {
                values[row * size..][..size].copy_from_slice(found);
            }
            Ok(())
        },
        progress,
    )?;
    Embeddings::new(values, size).map_err(|error| E::from(PredictError::Eval(error)))
}
