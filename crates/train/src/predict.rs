//! The prediction loop, for validation, test and new texts.
//!
//! It ignores labels, and takes single texts and pairs, for cross-encoders and bi-encoders alike.

use std::time::Instant;

use burn::module::Module;
use finetune_data::{BatchSize, EncodedDataset, Padding, collate, sorted_by_length};
use finetune_eval::Predictions;
use finetune_model::SequenceClassifier;

use crate::TrainError;
use crate::activations::{BatchInputs, CachedActivations};
use crate::callback::{Callback, Event, Phase};

/// Predictions for a dataset, and how long they took.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionOutput {
    /// Logits or scores in dataset order. The outputs of a text in several windows are averaged.
    pub predictions: Predictions,
    /// Wall time of the loop in seconds.
    pub seconds: f64,
}

impl PredictionOutput {
    /// Returns the predicted texts per second of wall time.
    pub fn samples_per_second(&self) -> f64 {
        self.predictions.len() as f64 / self.seconds
    }
}

/// Predicts every text of `data` without dropout or autodiff, in batches of rows of similar length.
///
/// # Errors
/// - [`TrainError::Data`] if `batch_size` is 0.
/// - [`TrainError::Model`] if a token id is outside the model's vocabulary, or the head is for
///   another number of texts per row.
/// - Any error of `callback`.
pub fn predict(
    model: &SequenceClassifier,
    data: &EncodedDataset,
    pad_token_id: u32,
    batch_size: BatchSize,
    callback: &mut dyn Callback,
) -> Result<PredictionOutput, TrainError> {
    let rows = PredictedRows {
        data,
        activations: None,
        pad_token_id,
        batch_size,
    };
    rows.predict(Phase::Testing, model, callback)
}

/// Rows to predict.
pub(crate) struct PredictedRows<'a> {
    pub(crate) data: &'a EncodedDataset,
    /// Cached activations of frozen layers, if any.
    pub(crate) activations: Option<&'a CachedActivations>,
    pub(crate) pad_token_id: u32,
    pub(crate) batch_size: BatchSize,
}

impl PredictedRows<'_> {
    /// Like [`predict`], with the phase that callbacks receive.
    pub(crate) fn predict(
        &self,
        phase: Phase,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<PredictionOutput, TrainError> {
        let (data, model) = (self.data, model.valid());
        let batches = sorted_by_length(&data.lengths()?, self.batch_size)?;
        let start = Instant::now();
        callback.on_event(&Event::phase_begin(phase, batches.len()))?;
        let mut texts = TextLogits::new(data.texts.text_count());
        for rows in batches {
            let batch = collate(data, &rows, Padding::Longest, self.pad_token_id)?;
            let inputs = BatchInputs::new(&model, &batch, self.activations)?;
            let output = inputs.forward(&model, None)?;
            let classes = output.dims()[1];
            let values: Vec<f32> = output.into_data().convert::<f32>().iter().collect();
            for (row, values) in rows.into_iter().zip(values.chunks_exact(classes)) {
                texts.add(data.texts.text_of_row(row)?, values);
            }
            callback.on_event(&Event::BatchSubmitted {
                rows: batch.batch_size(),
            })?;
        }
        callback.on_event(&Event::PhaseEnd(phase))?;
        Ok(PredictionOutput {
            predictions: Predictions::new(texts.means()),
            seconds: start.elapsed().as_secs_f64(),
        })
    }
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
