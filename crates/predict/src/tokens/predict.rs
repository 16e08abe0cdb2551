//! The prediction loop of token classification, for validation, test and new texts.

use burn::tensor::Tensor;
use finetune_data::{
    BatchSize, DataError, EncodedDataset, LabeledTokens, TaggedBatch, TokenLabelCollator,
};

use crate::error::PredictError;
use crate::prediction_batches::{PredictionBatches, PredictionProgress};

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
    progress: impl FnMut(PredictionProgress) -> Result<(), E>,
) -> Result<TokenPredictionOutput, E> {
    let unreadable = |error: DataError| E::from(PredictError::Data(error));
    let mut rows = vec![SentenceLogits::default(); data.len()];
    let batches = PredictionBatches::new(data.lengths(), batch_size)?;
    let seconds = batches.run(
        |indices| {
            let batch = collator.collate(data, &indices).map_err(unreadable)?;
            // Rows may have no word at all.
            if batch.labeled.positions.is_empty() {
                return Ok(None);
            }
            let logits = logits(&batch)?;
            Ok(Some((batch, logits)))
        },
        |batch, values| {
            fill(&mut rows, &batch, &values);
            Ok(())
        },
        progress,
    )?;
    let mut sentences = vec![SentenceLogits::default(); data.texts.text_count()];
    for (row, found) in rows.into_iter().enumerate() {
        let sentence = data.texts.text_of_row(row).map_err(unreadable)?;
        sentences[sentence].extend(found);
    }
    Ok(TokenPredictionOutput { sentences, seconds })
}

/// Puts the logits of a batch into its rows.
fn fill(rows: &mut [SentenceLogits], batch: &TaggedBatch, values: &[f32]) {
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
