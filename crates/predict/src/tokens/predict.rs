//! The prediction loop of token classification, for validation, test and new texts.

use std::time::Instant;

use burn::tensor::Tensor;
use finetune_data::{
    BatchSize, DataError, EncodedDataset, LabeledTokens, TaggedBatch, TokenLabelCollator,
    sorted_by_length,
};
use finetune_ops::ReadQueue;

use crate::error::PredictError;
use crate::predict::PredictionProgress;

/// Logits of the tokens of a sentence.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SentenceLogits {
    /// `[N, C]`, token by token.
    pub logits: Vec<f32>,
    /// Whether each token is the first of its word, `[N]`.
    pub first: Vec<bool>,
    /// Class of each token, `[N]`; empty without labels.
    pub labels: Vec<usize>,
}

/// Logits of all sentences, and how long they took.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenPredictionOutput {
    /// Logits in dataset order.
    pub sentences: Vec<SentenceLogits>,
    /// Wall time of the loop in seconds.
    pub seconds: f64,
}

impl TokenPredictionOutput {
    /// Returns the predicted sentences per second of wall time.
    pub fn samples_per_second(&self) -> f64 {
        self.sentences.len() as f64 / self.seconds
    }
}

/// Predicts every sentence of `data` with a forward pass that returns the logits `[N, C]` of the
/// labeled tokens of a batch. The logits of several batches are read from the device at once.
///
/// # Errors
/// - [`PredictError::Data`] if `batch_size` is 0 or the data cannot be read.
/// - Any error of `logits` or `progress`.
pub fn predict_tokens_with<E: From<PredictError>>(
    data: &EncodedDataset,
    collator: &TokenLabelCollator,
    batch_size: BatchSize,
    mut logits: impl FnMut(&TaggedBatch) -> Result<Tensor<2>, E>,
    mut progress: impl FnMut(PredictionProgress) -> Result<(), E>,
) -> Result<TokenPredictionOutput, E> {
    let unreadable = |error: DataError| E::from(PredictError::Data(error));
    let lengths = data.lengths().map_err(unreadable)?;
    let batches = sorted_by_length(&lengths, batch_size).map_err(unreadable)?;
    let start = Instant::now();
    progress(PredictionProgress::Begin {
        batches: batches.len(),
    })?;
    let mut rows = vec![SentenceLogits::default(); data.len()];
    let mut unread: ReadQueue<TaggedBatch> = ReadQueue::default();
    for indices in batches {
        let batch = collator.collate(data, &indices).map_err(unreadable)?;
        // Rows may have no word at all.
        if !batch.labeled.positions.is_empty() {
            unread.push(batch.clone(), logits(&batch)?);
        }
        if unread.is_full() {
            read(&mut unread, &mut rows);
        }
        progress(PredictionProgress::Batch {
            rows: batch.batch_size(),
        })?;
    }
    read(&mut unread, &mut rows);
    progress(PredictionProgress::End)?;
    let mut sentences = vec![SentenceLogits::default(); data.texts.text_count()];
    for (row, found) in rows.into_iter().enumerate() {
        let sentence = data.texts.text_of_row(row).map_err(unreadable)?;
        sentences[sentence].extend(found);
    }
    Ok(TokenPredictionOutput {
        sentences,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Reads the logits of several batches into their rows.
fn read(unread: &mut ReadQueue<TaggedBatch>, rows: &mut [SentenceLogits]) {
    for (batch, values) in unread.read() {
        let LabeledTokens {
            positions,
            first,
            labels,
            offsets,
        } = &batch.labeled;
        let classes = values.len() / positions.len();
        for (row, ends) in batch.rows.iter().zip(offsets.windows(2)) {
            let tokens = ends[0]..ends[1];
            rows[*row] = SentenceLogits {
                logits: values[tokens.start * classes..tokens.end * classes].to_vec(),
                first: first[tokens.clone()].to_vec(),
                labels: labels.get(tokens).unwrap_or_default().to_vec(),
            };
        }
    }
}

impl SentenceLogits {
    /// Returns the class of each word, that of its first token; empty without labels.
    pub fn word_labels(&self) -> Vec<usize> {
        let labels = self.labels.iter().zip(&self.first);
        labels
            .filter(|(_, first)| **first)
            .map(|(label, _)| *label)
            .collect()
    }

    /// Adds the tokens of the next row of the sentence.
    fn extend(&mut self, next: Self) {
        self.logits.extend(next.logits);
        self.first.extend(next.first);
        self.labels.extend(next.labels);
    }
}
