//! The prediction loop: validation, test and a user's own texts go through this one.
//!
//! It asks nothing of the labels, and takes single texts and pairs alike, those that the encoder
//! reads as one sequence and those that it reads each by itself.

use std::time::Instant;

use burn::module::Module;
use finetune_data::{BatchSize, EncodedDataset, Padding, collate, sorted_by_length};
use finetune_model::SequenceClassifier;

use crate::TrainError;
use crate::activations::{BatchInputs, FrozenActivations};
use crate::callback::{Callback, Event, Phase};

/// The model's word on every text of a data set, in the order of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// `C` logits per text, or scores, as the model has it. Of a text that was cut into windows,
    /// their mean.
    pub logits: Vec<Vec<f32>>,
    /// Wall time of the loop.
    pub seconds: f64,
}

impl Predictions {
    /// The likeliest class of each row; the first of equals. Of a model with one output it is class 1
    /// where that is above 0, and class 0 elsewhere.
    pub fn classes(&self) -> Vec<usize> {
        let best = |logits: &Vec<f32>| {
            if let [logit] = logits[..] {
                return usize::from(logit > 0.0);
            }
            let likelier = |best: usize, class: usize| match logits[class] > logits[best] {
                true => class,
                false => best,
            };
            (0..logits.len()).reduce(likelier).unwrap_or(0)
        };
        self.logits.iter().map(best).collect()
    }

    /// The probability of each class of a row; they sum to 1.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn probabilities(&self, row: usize) -> Vec<f64> {
        softmax(&self.logits[row])
    }

    /// The first output of each row: the score, of a model that gives scores.
    pub fn scores(&self) -> Vec<f32> {
        let score = |row: &Vec<f32>| row.first().copied().unwrap_or(f32::NAN);
        self.logits.iter().map(score).collect()
    }

    /// Predicted rows per second of wall time.
    pub fn examples_per_second(&self) -> f64 {
        self.logits.len() as f64 / self.seconds
    }
}

/// The probabilities of the classes of which one is right.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f64> {
    let logits = logits.iter().map(|logit| f64::from(*logit));
    let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials
        .into_iter()
        .map(|exponential| exponential / sum)
        .collect()
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
) -> Result<Predictions, TrainError> {
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
    pub(crate) activations: Option<&'a FrozenActivations>,
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
    ) -> Result<Predictions, TrainError> {
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
        Ok(Predictions {
            logits: texts.means(),
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

    fn predictions(logits: &[&[f32]]) -> Predictions {
        Predictions {
            logits: logits.iter().map(|row| row.to_vec()).collect(),
            seconds: 1.0,
        }
    }

    #[test]
    fn the_windows_of_a_text_are_averaged() {
        let mut texts = TextLogits::new(2);
        texts.add(1, &[1.0, 5.0]);
        texts.add(0, &[0.25, 0.5]);
        texts.add(1, &[2.0, 1.0]);
        assert_eq!(texts.means(), [[0.25, 0.5], [1.5, 3.0]]);
    }

    #[test]
    fn the_first_of_equal_classes_wins() {
        let predictions = predictions(&[&[0.0, 2.0, 2.0], &[-1.0, -2.0, -3.0], &[0.0, 0.0, 0.1]]);
        assert_eq!(predictions.classes(), [1, 0, 2]);
    }

    #[test]
    fn one_logit_says_which_of_two() {
        let predictions = predictions(&[&[0.1], &[-3.0], &[0.0]]);
        assert_eq!(predictions.classes(), [1, 0, 0]);
        assert_eq!(predictions.scores(), [0.1, -3.0, 0.0]);
    }

    #[test]
    fn probabilities_survive_large_logits() {
        let predictions = predictions(&[&[1000.0, 1000.0, -1000.0]]);
        assert_eq!(predictions.probabilities(0), [0.5, 0.5, 0.0]);
    }
}
