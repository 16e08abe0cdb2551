//! Predicted class probabilities with their labels.

mod auc;
mod calibration;
mod calibration_scores;
mod prediction_set;
mod proper_scores;
mod score;
mod temperature;

use crate::confusion_matrix::ConfusionMatrix;
use crate::error::EvalError;
use crate::predictions::{first_largest, softmax};
use crate::ranking::BinaryRanking;
use crate::validate::{check_pairs, check_row, checked_row, some_rows};
pub use auc::MulticlassAverage;
pub use calibration::{BinStrategy, Binning, Reliability, ReliabilityBin};
pub use calibration_scores::{CalibrationScores, PredictionSetScores};
pub use prediction_set::PredictionSetRule;
pub use temperature::fit_temperature;

/// Maximum deviation of a row's sum from 1. A softmax in 32 bits over a hundred thousand classes is
/// within it.
const SUM_TOLERANCE: f64 = 1e-4;

/// Predicted class probabilities and the label of each row.
///
/// Rows are stored (`8 (C + 1)` bytes each), so that every metric is exact over the whole dataset.
/// Sums are rounded once, so neither batches nor the order of rows change a digit.
///
/// ```
/// use finetune_eval::{MetricKind, MetricSource, PredictedProbabilities};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let mut predicted = PredictedProbabilities::new(3)?;
/// predicted.add(0, &[0.7, 0.2, 0.1])?;
/// predicted.add_logits(2, &[0.0_f32, 2.0, 1.0])?;
/// assert_eq!(predicted.predictions(), [0, 1]);
/// assert_eq!(predicted.score(MetricKind::Accuracy)?, 0.5);
/// assert_eq!(predicted.score(MetricKind::TopKAccuracy(2))?, 1.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedProbabilities {
    classes: usize,
    labels: Vec<usize>,
    /// `[N, C]`, row by row.
    probabilities: Vec<f64>,
}

impl PredictedProbabilities {
    /// Creates a set without rows, of `classes` classes.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFew`] if there are fewer than two classes.
    pub fn new(classes: usize) -> Result<Self, EvalError> {
        match classes {
            0 | 1 => Err(EvalError::too_few("classes", classes, 2)),
            _ => Ok(Self {
                classes,
                labels: Vec::new(),
                probabilities: Vec::new(),
            }),
        }
    }

    /// Creates a set from all rows; `labels[i]` and `probabilities[i]` (`C` values) belong to row
    /// `i`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if the slices differ in length.
    /// - [`EvalError::NoRows`] if they are empty.
    /// - The errors of [`new`](Self::new) and [`add`](Self::add).
    pub fn from_slices<S: Copy + Into<f64>>(
        labels: &[usize],
        probabilities: &[impl AsRef<[S]>],
    ) -> Result<Self, EvalError> {
        Self::from_rows(labels, probabilities, Self::add)
    }

    /// Creates a set from logits, to which the softmax is applied.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if the slices differ in length.
    /// - [`EvalError::NoRows`] if they are empty.
    /// - The errors of [`new`](Self::new) and [`add_logits`](Self::add_logits).
    ///
    /// ```
    /// use finetune_eval::PredictedProbabilities;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let logits = vec![vec![2.0_f32, 0.0], vec![0.0, 1.0]];
    /// let predicted = PredictedProbabilities::from_logits(&[0, 1], &logits)?;
    /// assert!((predicted.log_loss()? - 0.220_094_849_9).abs() < 1e-9);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_logits<S: Copy + Into<f64>>(
        labels: &[usize],
        logits: &[impl AsRef<[S]>],
    ) -> Result<Self, EvalError> {
        Self::from_rows(labels, logits, Self::add_logits)
    }

    fn from_rows<S, R: AsRef<[S]>>(
        labels: &[usize],
        rows: &[R],
        add: fn(&mut Self, usize, &[S]) -> Result<(), EvalError>,
    ) -> Result<Self, EvalError> {
        check_pairs(labels.len(), rows.len())?;
        let mut predicted = Self::new(rows.first().map_or(0, |row| row.as_ref().len()))?;
        for (label, row) in labels.iter().zip(rows) {
            add(&mut predicted, *label, row.as_ref())?;
        }
        Ok(predicted)
    }

    /// Adds one row. On error, nothing is added.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidRow`] if the label is not below `C`, there is not one value per class,
    ///   a value is outside `[0, 1]`, or the sum is not 1; its row number is the number of rows
    ///   added before.
    pub fn add<S: Copy + Into<f64>>(
        &mut self,
        label: usize,
        probabilities: &[S],
    ) -> Result<(), EvalError> {
        let row = self.rows();
        let numbers = checked_row(row, label, probabilities, self.classes, "probability")?;
        if let Some(class) = numbers.iter().position(|p| !(0.0..=1.0).contains(p)) {
            let what = format!("probability of class {class}");
            return Err(EvalError::row(row, what, numbers[class], "between 0 and 1"));
        }
        let sum: f64 = numbers.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(EvalError::row(row, "sum of the probabilities", sum, "1"));
        }
        self.labels.push(label);
        self.probabilities.extend(numbers);
        Ok(())
    }

    /// Adds one row of logits, to which the softmax is applied. On error, nothing is added.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidRow`] if the label is not below `C`, there is not one value per class,
    ///   or a value is NaN or infinite; its row number is the number of rows added before.
    pub fn add_logits<S: Copy + Into<f64>>(
        &mut self,
        label: usize,
        logits: &[S],
    ) -> Result<(), EvalError> {
        let logits = checked_row(self.rows(), label, logits, self.classes, "logit")?;
        self.labels.push(label);
        self.probabilities.extend(softmax(&logits));
        Ok(())
    }

    /// Returns the rows with these indices, in this order, such as those of a
    /// [slice](crate::Slices).
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidSetting`] if an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Result<Self, EvalError> {
        let mut selected = Self::new(self.classes)?;
        for &row in rows {
            check_row(row, self.labels.len())?;
            selected.labels.push(self.labels[row]);
            selected.probabilities.extend(self.row(row));
        }
        Ok(selected)
    }

    /// Returns the number of classes `C`, at least 2.
    pub fn num_classes(&self) -> usize {
        self.classes
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.labels.len() as u64
    }

    /// Returns the label of each row.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Returns the most likely class of each row; the first one of ties.
    pub fn predictions(&self) -> Vec<usize> {
        let each = self.each_row();
        each.map(|(_, probabilities)| first_largest(probabilities))
            .collect()
    }

    /// Returns the confusion matrix of labels and [`predictions`](Self::predictions).
    ///
    /// # Errors
    ///
    /// - The errors of [`ConfusionMatrix::from_slices`], also if there are fewer names than
    ///   classes.
    pub fn confusion_matrix(
        &self,
        class_names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<ConfusionMatrix, EvalError> {
        ConfusionMatrix::from_slices(&self.labels, &self.predictions(), class_names)
    }

    /// Returns the fraction of rows whose class is among the `k` most likely ones, in `[0, 1]`:
    /// scikit-learn's [`top_k_accuracy_score`].
    ///
    /// With `k = 1` and equal probabilities this may differ from the accuracy: of ties, the later
    /// class ranks first here, as in scikit-learn, while the first one is the prediction, as in
    /// NumPy.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    /// - [`EvalError::InvalidSetting`] if `k` is 0.
    ///
    /// [`top_k_accuracy_score`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.top_k_accuracy_score.html
    pub fn top_k_accuracy(&self, k: usize) -> Result<f64, EvalError> {
        if k == 0 {
            return Err(EvalError::setting("k", k, "at least 1"));
        }
        let rows = self.some_rows()?;
        let each = self.each_row();
        let hits = each.filter(|(label, probabilities)| rank(*label, probabilities) < k);
        Ok(hits.count() as f64 / rows)
    }

    /// Returns the ranking of the rows by the probability of one class, for ROC and
    /// precision-recall curves.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidSetting`] if the class is not in `0..C`.
    pub fn ranking(&self, class: usize) -> Result<BinaryRanking, EvalError> {
        self.check_class(class)?;
        let mut ranking = BinaryRanking::new();
        for (label, probabilities) in self.each_row() {
            ranking.add(label == class, probabilities[class])?;
        }
        Ok(ranking)
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.probabilities[row * self.classes..][..self.classes]
    }

    fn each_row(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let rows = self.probabilities.chunks_exact(self.classes);
        self.labels.iter().copied().zip(rows)
    }

    fn some_rows(&self) -> Result<f64, EvalError> {
        some_rows(self.rows())
    }

    fn check_class(&self, class: usize) -> Result<(), EvalError> {
        match class < self.classes {
            true => Ok(()),
            false => Err(EvalError::setting(
                "class",
                class,
                format!("below {}", self.classes),
            )),
        }
    }
}

/// Returns the number of classes that rank before the label; of ties, the later class ranks first.
fn rank(label: usize, scores: &[f64]) -> usize {
    let own = scores[label];
    let before =
        |(class, score): &(usize, &f64)| **score > own || (**score == own && *class > label);
    scores.iter().enumerate().filter(before).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_says_where() {
        let refusal = |labels: &[usize], rows: &[Vec<f64>]| {
            PredictedProbabilities::from_slices(labels, rows)
                .unwrap_err()
                .to_string()
        };
        let fine = vec![0.25, 0.75];
        assert_eq!(
            refusal(&[0, 1], &[fine.clone(), vec![0.5, 0.6]]),
            "row 1: the sum of the probabilities is 1.1, expected 1"
        );
        assert_eq!(
            refusal(&[0, 1], &[fine.clone(), vec![-0.5, 1.5]]),
            "row 1: the probability of class 0 is -0.5, expected between 0 and 1"
        );
        assert_eq!(
            refusal(&[0, 1], &[fine.clone(), vec![0.5, f64::NAN]]),
            "row 1: the probability of class 1 is NaN, expected a finite number"
        );
        assert_eq!(
            refusal(&[0, 1], &[fine.clone(), vec![0.5, 0.25, 0.25]]),
            "row 1: the number of values is 3, expected 2 (one per class)"
        );
        assert_eq!(
            refusal(&[0, 2], &[fine.clone(), fine.clone()]),
            "row 1: the label is 2, expected a class below 2"
        );
        assert_eq!(
            refusal(&[0], &[fine.clone(), fine.clone()]),
            "lists of 1 and 2 values, expected one of each per row"
        );
        assert!(refusal(&[], &[]).starts_with("no rows"));
        assert!(refusal(&[0], &[vec![1.0]]).starts_with("found 1 classes"));
    }

    #[test]
    fn a_refused_row_leaves_the_rest_alone() {
        let mut predicted = PredictedProbabilities::from_slices(&[1], &[[0.5, 0.5]]).unwrap();
        let before = predicted.clone();
        assert!(predicted.add(0, &[0.9, 0.9]).is_err());
        assert!(predicted.add_logits(0, &[0.9, f64::INFINITY]).is_err());
        assert!(predicted.select(&[1]).is_err());
        assert!(predicted.ranking(2).is_err());
        assert_eq!(predicted, before);
    }

    #[test]
    fn logits_of_any_size_become_probabilities() {
        let mut predicted = PredictedProbabilities::new(2).unwrap();
        predicted.add_logits(0, &[1e30_f32, -1e30]).unwrap();
        predicted.add_logits(1, &[-1e-30_f32, 1e-30]).unwrap();
        assert_eq!(predicted.probabilities, [1.0, 0.0, 0.5, 0.5]);
        assert_eq!(predicted.predictions(), [0, 0]);
    }

    #[test]
    fn selected_rows_are_those_named() {
        let rows = [[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]];
        let predicted = PredictedProbabilities::from_slices(&[0, 1, 1], &rows).unwrap();
        let selected = predicted.select(&[2, 0]).unwrap();
        let expected = PredictedProbabilities::from_slices(&[1, 0], &[rows[2], rows[0]]).unwrap();
        assert_eq!(selected, expected);
    }

    #[test]
    fn equal_scores_rank_the_later_class_first() {
        assert_eq!(rank(0, &[0.5, 0.5, 0.0]), 1);
        assert_eq!(rank(1, &[0.5, 0.5, 0.0]), 0);
        assert_eq!(rank(2, &[0.5, 0.5, 0.0]), 2);
    }
}
