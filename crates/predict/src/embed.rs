//! The loop that computes embeddings, for validation, test and new texts.

use burn::module::Module;
use finetune_data::{BatchSize, DataError, EncodedTexts, collate_texts, sorted_by_length};
use finetune_eval::Embeddings;
use finetune_model::EmbeddingModel;
use finetune_ops::ReadQueue;

use crate::error::PredictError;
use crate::forward::encoder_input;
use crate::predict::PredictionProgress;

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
    mut progress: impl FnMut(PredictionProgress) -> Result<(), E>,
) -> Result<Embeddings, E> {
    let (model, size) = (model.valid(), model.config().embedding_size());
    let unreadable = |error: DataError| E::from(PredictError::Data(error));
    let batches = sorted_by_length(&texts.lengths().map_err(unreadable)?, batch_size);
    let batches = batches.map_err(unreadable)?;
    let count = batches.len();
    progress(PredictionProgress::Begin { batches: count })?;
    let mut values = vec![0.0; texts.len() * size];
    let mut unread: ReadQueue<Vec<usize>> = ReadQueue::default();
    let mut batches = batches.into_iter().peekable();
    while let Some(rows) = batches.next() {
        let count = rows.len();
        let tokens = collate_texts(texts, &rows).map_err(unreadable)?;
        let input = encoder_input(&model.encoder, &tokens);
        let input = input.map_err(|error| E::from(PredictError::Model(error)))?;
        unread.push(rows, model.embed(&input, None));
        if unread.is_full() || batches.peek().is_none() {
            for (rows, found) in unread.read() {
                for (row, found) in rows.into_iter().zip(found.chunks_exact(size)) {
                    values[row * size..][..size].copy_from_slice(found);
                }
            }
        }
        progress(PredictionProgress::Batch { rows: count })?;
    }
    progress(PredictionProgress::End)?;
    Embeddings::new(values, size).map_err(|error| E::from(PredictError::Eval(error)))
}
