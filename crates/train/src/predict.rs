//! The prediction loop: validation, test and a user's own texts go through this one.
//!
//! It asks nothing of the labels, and takes single texts and pairs alike, those that the encoder
//! reads as one sequence and those that it reads each by itself.

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
    /// Logits or scores, in dataset order. For a text in several windows, their mean.
    pub predictions: Predictions,
    /// Wall time of the loop in seconds.
    pub seconds: f64,
}

impl PredictionOutput {
    /// Predicted rows per second of wall time.
    pub fn samples_per_second(&self) -> f64 {
        self.predictions.len() as f64 / self.seconds
    }
}

/// Predicts every text of `data`, without dropout and without a graph, in batches of rows of like
/// length.
///
/// # Errors
/// [`TrainError::Data`] for a batch size of 0; [`TrainError::Model`] for a token id outside the
/// model's vocabulary, and for as many texts a row as the model's head is not for; and whatever
/// `callback` returns.
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

/// What is predicted.
pub(crate) struct PredictedRows<'a> {
    pub(crate) data: &'a EncodedDataset,
    /// What a frozen part makes of them, if it is kept.
    pub(crate) activations: Option<&'a CachedActivations>,
    pub(crate) pad_token_id: u32,
    pub(crate) batch_size: BatchSize,
}

impl PredictedRows<'_> {
    /// As [`predict`]; callbacks are told what it is for.
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
            callback.on_event(&Event::BatchSubmitted { rows: batch.size() })?;
        }
        callback.on_event(&Event::PhaseEnd(phase))?;
        Ok(PredictionOutput {
            predictions: Predictions::new(texts.means()),
            seconds: start.elapsed().as_secs_f64(),
        })
    }
}

/// The logits of texts, of which some have several rows.
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
