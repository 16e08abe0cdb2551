//! What a metric is computed from: predictions and targets.

use crate::error::EvalError;
use crate::multi_label::{PredictedLabelSets, Thresholds, sigmoid};

/// Outputs of a model on a dataset, in dataset order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Predictions {
    /// `C` logits per row, or scores. One logit for two classes is above 0 for class 1.
    pub logits: Vec<Vec<f32>>,
    /// Score that each output stands for, if the logits are those of score bins. A row's score is
    /// then the mean of these, weighted by the probabilities of the outputs.
    pub bin_scores: Option<Vec<f64>>,
    /// Minimum probabilities at which classes are predicted in multi-label classification (default:
    /// 0.5).
    pub thresholds: Thresholds,
    /// Mean loss over the rows, where it was computed.
    pub mean_loss: Option<f64>,
}

/// The truth that predictions are compared with, one per row.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Targets {
    /// Class of each row.
    Classes(Vec<usize>),
    /// Classes of each row, any number of them.
    MultiLabel(Vec<Vec<usize>>),
    /// Score of each row.
    Scores(Vec<f32>),
    /// No labels, for so many rows.
    Unlabeled(usize),
}

impl Targets {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::MultiLabel(sets) => sets.len(),
            Self::Scores(scores) => scores.len(),
            Self::Unlabeled(rows) => *rows,
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the class of each row.
    ///
    /// # Errors
    /// [`EvalError::InvalidSetting`] if the targets are not classes.
    pub fn classes(&self) -> Result<&[usize], EvalError> {
        match self {
            Self::Classes(classes) => Ok(classes),
            other => Err(other.unexpected("classes")),
        }
    }

    /// Returns the set of classes of each row.
    ///
    /// # Errors
    /// [`EvalError::InvalidSetting`] if the targets are not sets of classes.
    pub fn label_sets(&self) -> Result<&[Vec<usize>], EvalError> {
        match self {
            Self::MultiLabel(sets) => Ok(sets),
            other => Err(other.unexpected("sets of classes")),
        }
    }

    /// Returns the score of each row.
    ///
    /// # Errors
    /// [`EvalError::InvalidSetting`] if the targets are not scores.
    pub fn scores(&self) -> Result<&[f32], EvalError> {
        match self {
            Self::Scores(scores) => Ok(scores),
            other => Err(other.unexpected("scores")),
        }
    }

    fn unexpected(&self, expected: &'static str) -> EvalError {
        let found = match self {
            Self::Classes(_) => "classes",
            Self::MultiLabel(_) => "sets of classes",
            Self::Scores(_) => "scores",
            Self::Unlabeled(_) => "missing",
        };
        EvalError::setting("kind of targets", found, expected)
    }
}

impl Predictions {
    /// Predictions without a loss.
    pub fn new(logits: Vec<Vec<f32>>) -> Self {
        Self {
            logits,
            bin_scores: None,
            thresholds: Thresholds::default(),
            mean_loss: None,
        }
    }

    /// Sets the score that each output stands for; `None` if the first output is the score.
    pub fn with_bin_scores(self, bin_scores: Option<Vec<f64>>) -> Self {
        Self { bin_scores, ..self }
    }

    /// Sets the thresholds of multi-label classification.
    pub fn with_thresholds(self, thresholds: Thresholds) -> Self {
        Self { thresholds, ..self }
    }

    /// Returns the predictions as sets of classes, with the true ones.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if the targets are not sets of classes, or there is not a
    ///   threshold per class.
    /// - The errors of [`PredictedLabelSets::from_logits`].
    pub fn label_sets(&self, targets: &Targets) -> Result<PredictedLabelSets, EvalError> {
        PredictedLabelSets::from_logits(targets.label_sets()?, &self.logits, &self.thresholds)
    }

    /// Sets the mean loss.
    pub fn with_mean_loss(self, loss: f64) -> Self {
        Self {
            mean_loss: Some(loss),
            ..self
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.logits.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.logits.is_empty()
    }

    /// Number of classes: outputs per row, or 2 for one output.
    pub fn num_classes(&self) -> usize {
        self.logits.first().map_or(0, |row| row.len().max(2))
    }

    /// Returns the most likely class of each row; the first of equals. For a model with one output
    /// it is class 1 where the output is above 0, class 0 elsewhere.
    pub fn classes(&self) -> Vec<usize> {
        let best = |logits: &Vec<f32>| {
            if let [logit] = logits[..] {
                return usize::from(logit > 0.0);
            }
            first_largest(logits)
        };
        self.logits.iter().map(best).collect()
    }

    /// Returns the probability of each class of a row, which sum to 1: the softmax of its logits,
    /// or the sigmoid of one logit.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn probabilities(&self, row: usize) -> Vec<f64> {
        match self.logits[row][..] {
            [logit] => {
                let yes = sigmoid(logit);
                vec![1.0 - yes, yes]
            }
            ref logits => softmax(logits),
        }
    }

    /// Returns the score of each row, of a regression model: the first output, or the expected
    /// score over the bins. The mean, unlike the center of the likeliest bin, takes any value of the
    /// range.
    pub fn scores(&self) -> Vec<f32> {
        let first = |row: &Vec<f32>| row.first().copied().unwrap_or(f32::NAN);
        match &self.bin_scores {
            None => self.logits.iter().map(first).collect(),
            Some(bins) => {
                let rows = self.logits.iter();
                rows.map(|row| expected_score(row, bins)).collect()
            }
        }
    }
}

fn expected_score(logits: &[f32], bin_scores: &[f64]) -> f32 {
    let probabilities = softmax(logits).into_iter();
    let parts = probabilities.zip(bin_scores).map(|(p, score)| p * score);
    parts.sum::<f64>() as f32
}

/// Returns the probabilities of classes that exclude each other.
pub fn softmax<S: Copy + Into<f64>>(logits: &[S]) -> Vec<f64> {
    let logits = logits.iter().map(|logit| (*logit).into());
    let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials
        .into_iter()
        .map(|exponential| exponential / sum)
        .collect()
}

/// Returns the position of the largest number; the first of equals.
pub fn first_largest<S: Copy + PartialOrd>(numbers: &[S]) -> usize {
    let larger = |best: usize, place: usize| match numbers[place] > numbers[best] {
        true => place,
        false => best,
    };
    (0..numbers.len()).reduce(larger).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(logits: &[&[f32]]) -> Predictions {
        Predictions::new(logits.iter().map(|row| row.to_vec()).collect())
    }

    #[test]
    fn the_first_of_equal_classes_wins() {
        let predictions = predictions(&[&[0.0, 2.0, 2.0], &[-1.0, -2.0, -3.0], &[0.0, 0.0, 0.1]]);
        assert_eq!(predictions.classes(), [1, 0, 2]);
    }

    #[test]
    fn one_logit_decides_between_two_classes() {
        let predictions = predictions(&[&[0.1], &[-3.0], &[0.0]]);
        assert_eq!(predictions.classes(), [1, 0, 0]);
        assert_eq!(predictions.scores(), [0.1, -3.0, 0.0]);
        assert_eq!(predictions.probabilities(2), [0.5, 0.5]);
        assert_eq!(predictions.num_classes(), 2);
    }

    #[test]
    fn the_score_of_bins_is_the_mean_over_their_probabilities() {
        let logits = predictions(&[&[0.0, 0.0], &[1000.0, 0.0], &[0.0, 3f32.ln()]]);
        assert_eq!(logits.scores(), [0.0, 1000.0, 0.0]);
        let bins = logits.with_bin_scores(Some(vec![1.0, 3.0]));
        assert_eq!(bins.scores(), [2.0, 1.0, 2.5]);
    }

    #[test]
    fn probabilities_survive_large_logits() {
        let predictions = predictions(&[&[1000.0, 1000.0, -1000.0]]);
        assert_eq!(predictions.probabilities(0), [0.5, 0.5, 0.0]);
    }

    #[test]
    fn targets_of_another_kind_are_refused() {
        let error = Targets::Scores(vec![1.0])
            .classes()
            .unwrap_err()
            .to_string();
        assert_eq!(error, "kind of targets is scores, expected classes");
        let error = Targets::Unlabeled(2).scores().unwrap_err().to_string();
        assert_eq!(error, "kind of targets is missing, expected scores");
    }
}
