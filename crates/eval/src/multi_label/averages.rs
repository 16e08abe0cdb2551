//! Precision, recall and F1 of sets of classes, per class and averaged.

use serde::{Deserialize, Serialize};

use super::PredictedLabelSets;
use crate::exact_sum::sum;

/// Precision, recall and F1, in `[0, 1]`; 0 where scikit-learn divides by zero.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LabelSetScores {
    /// Fraction of the predicted classes that are right.
    pub precision: f64,
    /// Fraction of the classes of the rows that are predicted.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
}

/// Counts of one class, one row or all of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SetCounts {
    /// Classes that are right and predicted.
    pub(crate) hits: u64,
    pub(crate) predicted: u64,
    /// Classes that are right.
    pub(crate) support: u64,
}

impl SetCounts {
    /// Returns the sum of two counts.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            predicted: self.predicted + other.predicted,
            support: self.support + other.support,
        }
    }

    fn add(&mut self, target: bool, predicted: bool) {
        self.hits += u64::from(target && predicted);
        self.predicted += u64::from(predicted);
        self.support += u64::from(target);
    }

    pub(crate) fn scores(self) -> LabelSetScores {
        LabelSetScores {
            precision: ratio(self.hits, self.predicted),
            recall: ratio(self.hits, self.support),
            f1: ratio(2 * self.hits, self.predicted + self.support),
        }
    }

    /// Size of the intersection over size of the union.
    fn jaccard(self) -> f64 {
        ratio(self.hits, self.predicted + self.support - self.hits)
    }
}

/// Division with `zero_division=0`.
fn ratio(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

impl PredictedLabelSets {
    /// Returns the counts of each class.
    pub(super) fn class_counts(&self) -> Vec<SetCounts> {
        let classes = self.num_classes();
        let mut counts = vec![SetCounts::default(); classes];
        let pairs = self.targets.iter().zip(&self.predictions);
        for (place, (target, predicted)) in pairs.enumerate() {
            counts[place % classes].add(*target, *predicted);
        }
        counts
    }

    /// Returns the targets and predictions of each row.
    fn row_pairs(&self) -> impl Iterator<Item = (&[bool], &[bool])> {
        let classes = self.num_classes();
        let targets = self.targets.chunks(classes);
        targets.zip(self.predictions.chunks(classes))
    }

    fn row_counts(&self) -> impl Iterator<Item = SetCounts> {
        self.row_pairs().map(|(targets, predictions)| {
            let mut counts = SetCounts::default();
            let pairs = targets.iter().zip(predictions);
            pairs.for_each(|(target, predicted)| counts.add(*target, *predicted));
            counts
        })
    }

    /// Scores over all pairs of a row and a class.
    pub(super) fn micro(&self) -> LabelSetScores {
        let all = self.class_counts().into_iter();
        let all = all.fold(SetCounts::default(), |all, class| SetCounts {
            hits: all.hits + class.hits,
            predicted: all.predicted + class.predicted,
            support: all.support + class.support,
        });
        all.scores()
    }

    /// Mean scores of the classes.
    pub(super) fn macro_mean(&self) -> LabelSetScores {
        let classes = self.class_counts().into_iter();
        mean(classes.map(|class| (class.scores(), 1.0)))
    }

    /// Mean scores of the classes, weighted by their rows.
    pub(super) fn weighted(&self) -> LabelSetScores {
        let classes = self.class_counts().into_iter();
        mean(classes.map(|class| (class.scores(), class.support as f64)))
    }

    /// Mean scores of the rows.
    pub(super) fn samples(&self) -> LabelSetScores {
        mean(self.row_counts().map(|row| (row.scores(), 1.0)))
    }

    /// Mean of intersection over union of the rows.
    pub(super) fn samples_jaccard(&self) -> f64 {
        sum(self.row_counts().map(SetCounts::jaccard)) / self.rows() as f64
    }

    /// Fraction of the rows with exactly the right classes.
    pub(super) fn subset_accuracy(&self) -> f64 {
        let rows = self.row_pairs();
        let right = rows.filter(|(targets, predictions)| targets == predictions);
        right.count() as f64 / self.rows() as f64
    }

    /// Fraction of wrong pairs of a row and a class.
    pub(super) fn hamming_loss(&self) -> f64 {
        let pairs = self.targets.iter().zip(&self.predictions);
        let wrong = pairs
            .filter(|(target, predicted)| target != predicted)
            .count();
        wrong as f64 / self.targets.len() as f64
    }
}

/// Returns the weighted mean of scores; without any weight, each score is 0.
fn mean(scores: impl Iterator<Item = (LabelSetScores, f64)>) -> LabelSetScores {
    let scores: Vec<(LabelSetScores, f64)> = scores.collect();
    let weights = sum(scores.iter().map(|(_, weight)| *weight));
    let mean = |score: fn(&LabelSetScores) -> f64| {
        let sum = sum(scores.iter().map(|(scores, weight)| score(scores) * weight));
        if weights > 0.0 { sum / weights } else { 0.0 }
    };
    LabelSetScores {
        precision: mean(|scores| scores.precision),
        recall: mean(|scores| scores.recall),
        f1: mean(|scores| scores.f1),
    }
}
