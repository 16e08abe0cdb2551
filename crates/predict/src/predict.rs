//! The prediction loop, for validation, test and new texts.
//!
//! It ignores labels, and takes single texts and pairs, for cross-encoders and bi-encoders alike.

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_data::{Batch, BatchSize, DataError, EncodedDataset, collate};
use finetune_eval::Predictions;
use finetune_model::SequenceClassifier;

use crate::error::PredictError;
use crate::forward::forward;
use crate::prediction_batches::{PredictionBatches, PredictionProgress};

/// Predictions for a dataset, and how long they took.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionOutput {
    /// Logits or scores in dataset order, or the logits of score bins. The outputs of a text in several windows are averaged.
    pub predictions: Predictions,
    /// Wall time of the loop in seconds.
    pub seconds: f64,
}

impl PredictionOutput {
    /// Takes the logits as those of the model's score bins, if it has any.
    pub fn with_bins_of(self, model: &SequenceClassifier) -> Self {
        let bins = model.config().head.score_bins().ok().flatten();
        let bin_scores = bins.map(|bins| bins.centers());
        Self {
            predictions: self.predictions.with_bin_scores(bin_scores),
            ..self
        }
    }

    /// Returns the predicted texts per second of wall time.
    pub fn samples_per_second(&self) -> f64 {
        self.predictions.len() as f64 / self.seconds
    }
}

/// Predicts every text of `data` without dropout or autodiff, in batches of rows of similar length.
///
/// # Errors
/// - [`PredictError::Data`] if `batch_size` is 0.
/// - [`PredictError::Model`] if a token id is outside the model's vocabulary, or the head is for
///   another number of texts per row.
pub fn predict(
    model: &SequenceClassifier,
    data: &EncodedDataset,
    batch_size: BatchSize,
) -> Result<PredictionOutput, PredictError> {
    let model = model.valid();
    let logits = |batch: &Batch| Ok(forward(&model, batch, None)?);
    let output: Result<PredictionOutput, PredictError> =
        predict_with(data, batch_size, logits, |_| Ok(()));
    Ok(output?.with_bins_of(&model))
}

/// Predicts every text of `data` with a forward pass of your own, which returns the logits `[B, C]`
/// of a batch. The logits of several batches are read from the device at once.
///
/// # Errors
/// - [`PredictError::Data`] if `batch_size` is 0 or the data cannot be read.
/// - Any error of `logits` or `progress`.
pub fn predict_with<E: From<PredictError>>(
    data: &EncodedDataset,
    batch_size: BatchSize,
    mut logits: impl FnMut(&Batch) -> Result<Tensor<2>, E>,
    progress: impl FnMut(PredictionProgress) -> Result<(), E>,
) -> Result<PredictionOutput, E> {
    let unreadable = |error: DataError| E::from(PredictError::Data(error));
    let mut texts = TextLogits::new(data.texts.text_count());
    let batches = PredictionBatches::new(data.lengths(), batch_size)?;
    let seconds = batches.run(
        |rows| {
            let batch = collate(data, &rows).map_err(unreadable)?;
            Ok(Some((rows, logits(&batch)?)))
        },
        |rows: Vec<usize>, values| {
            let classes = values.len() / rows.len();
            for (row, values) in rows.into_iter().zip(values.chunks_exact(classes)) {
                let text = data.texts.text_of_row(row).map_err(unreadable)?;
                texts.add(text, values);
            }
            Ok(())
        },
        progress,
    )?;
    Ok(PredictionOutput {
        predictions: Predictions::new(texts.means()),
        seconds,
    })
}

/// Sums of the logits of texts, which may have several rows each.
struct TextLogits {
    sums: Vec<Vec<f32>>,
    rows: Vec<usize>,
}

impl TextLogits {
    fn new(texts: usize) -> Self {
        Self {
            sums: vec![Vec::new(); texts],
            rows: vec![0; texts],
        }
    }

    fn add(&mut self, text: usize, logits: &[f32]) {
        let sum = &mut self.sums[text];
        if sum.is_empty() {
            sum.extend_from_slice(logits);
        } else {
            sum.iter_mut()
                .zip(logits)
                .for_each(|(sum, logit)| *sum += logit);
        }
        self.rows[text] += 1;
    }

    fn means(self) -> Vec<Vec<f32>> {
        let mean = |(mut sum, rows): (Vec<f32>, usize)| {
            sum.iter_mut().for_each(|sum| *sum /= rows as f32);
            sum
        };
        self.sums.into_iter().zip(self.rows).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_windows_of_a_text_are_averaged() {
        let mut texts = TextLogits::new(2);
        texts.add(1, &[1.0, 5.0]);
        texts.add(0, &[0.25, 0.5]);
        texts.add(1, &[2.0, 1.0]);
        assert_eq!(texts.means(), [[0.25, 0.5], [1.5, 3.0]]);
    }
}
