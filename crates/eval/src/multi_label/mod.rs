//! Any number of classes per row, as scikit-learn's multilabel indicators.

mod averages;
mod report;
mod score;
mod thresholds;

use crate::error::EvalError;
use crate::ranking::BinaryRanking;
use crate::validate::{check_class, check_lengths, check_row, finite, some_rows};
pub use averages::LabelSetScores;
pub(crate) use averages::SetCounts;
pub use report::{LabelScores, MultiLabelReport};
pub(crate) use score::METRICS;
pub use thresholds::Thresholds;

/// Independent probabilities of classes, with the set of classes that each row has.
///
/// A class is predicted if its probability is at least its threshold. Rows are stored
/// (`10 C` bytes each), so that every metric is exact over the whole dataset.
///
/// ```
/// use finetune_eval::{MetricKind, MetricSource, PredictedLabelSets, Thresholds};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let targets = [vec![0, 2], vec![], vec![1]];
/// let probabilities = [[0.9, 0.2, 0.6], [0.1, 0.5, 0.3], [0.2, 0.8, 0.4]];
/// let predicted =
///     PredictedLabelSets::from_slices(&targets, &probabilities, &Thresholds::default())?;
/// assert_eq!(predicted.predictions(1), [1]);
/// assert_eq!(predicted.score(MetricKind::Accuracy)?, 2.0 / 3.0);
/// assert_eq!(predicted.score(MetricKind::HammingLoss)?, 1.0 / 9.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedLabelSets {
    /// Threshold of each class.
    thresholds: Vec<f64>,
    /// `[N, C]`, row by row: whether the row has the class.
    targets: Vec<bool>,
    /// `[N, C]`, row by row: whether the class is predicted.
    predictions: Vec<bool>,
    /// `[N, C]`, row by row.
    probabilities: Vec<f64>,
}

impl PredictedLabelSets {
    /// Creates a set from all rows; `targets[i]` (class indices) and `probabilities[i]` (`C` values)
    /// belong to row `i`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if the slices differ in length.
    /// - [`EvalError::NoRows`] if they are empty.
    /// - [`EvalError::TooFew`] if there are no classes.
    /// - [`EvalError::InvalidSetting`] if a threshold is not in `[0, 1]`, or there is not one per
    ///   class.
    /// - [`EvalError::InvalidRow`] if a class is not below `C`, there is not one value per class, or
    ///   a value is not a probability.
    pub fn from_slices<S: Copy + Into<f64>>(
        targets: &[impl AsRef<[usize]>],
        probabilities: &[impl AsRef<[S]>],
        thresholds: &Thresholds,
    ) -> Result<Self, EvalError> {
        check_lengths(targets.len(), probabilities.len())?;
        some_rows(targets.len() as u64)?;
        let classes = probabilities.first().map_or(0, |row| row.as_ref().len());
        if classes == 0 {
            return Err(EvalError::too_few("classes", 0, 1));
        }
        let mut predicted = Self {
            thresholds: thresholds.per_class(classes)?,
            targets: Vec::with_capacity(targets.len() * classes),
            predictions: Vec::with_capacity(targets.len() * classes),
            probabilities: Vec::with_capacity(targets.len() * classes),
        };
        for (row, (set, numbers)) in (0..).zip(targets.iter().zip(probabilities)) {
            predicted.add(row, set.as_ref(), numbers.as_ref())?;
        }
        Ok(predicted)
    }

    /// Creates a set from logits, to which the sigmoid is applied.
    ///
    /// # Errors
    ///
    /// The errors of [`from_slices`](Self::from_slices).
    pub fn from_logits<S: Copy + Into<f64>>(
        targets: &[impl AsRef<[usize]>],
        logits: &[impl AsRef<[S]>],
        thresholds: &Thresholds,
    ) -> Result<Self, EvalError> {
        let probabilities = logits.iter().map(|row| {
            let row = row.as_ref().iter();
            row.map(|logit| sigmoid(*logit)).collect()
        });
        let probabilities: Vec<Vec<f64>> = probabilities.collect();
        Self::from_slices(targets, &probabilities, thresholds)
    }

    fn add<S: Copy + Into<f64>>(
        &mut self,
        row: u64,
        set: &[usize],
        numbers: &[S],
    ) -> Result<(), EvalError> {
        let classes = self.num_classes();
        if numbers.len() != classes {
            let expected = format!("{classes} (one per class)");
            let found = numbers.len();
            return Err(EvalError::row(row, "number of values", found, expected));
        }
        let first = self.targets.len();
        self.targets.resize(first + classes, false);
        for class in set {
            check_class(row, "label", *class, classes)?;
            self.targets[first + class] = true;
        }
        for (class, number) in numbers.iter().enumerate() {
            let probability = finite(row, (*number).into(), || what(class))?;
            if !(0.0..=1.0).contains(&probability) {
                let expected = "a probability, in [0, 1]";
                return Err(EvalError::row(row, what(class), probability, expected));
            }
            self.predictions.push(probability >= self.thresholds[class]);
            self.probabilities.push(probability);
        }
        Ok(())
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        (self.targets.len() / self.num_classes()) as u64
    }

    /// Returns the number of classes.
    pub fn num_classes(&self) -> usize {
        self.thresholds.len()
    }

    /// Returns the classes that a row has, ascending.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn targets(&self, row: usize) -> Vec<usize> {
        members(self.row(&self.targets, row))
    }

    /// Returns the classes that are predicted for a row, ascending.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn predictions(&self, row: usize) -> Vec<usize> {
        members(self.row(&self.predictions, row))
    }

    /// Returns the probability of each class of a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn probabilities(&self, row: usize) -> &[f64] {
        self.row(&self.probabilities, row)
    }

    /// Returns the set of the given rows, in the given order.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if no rows are given.
    /// - [`EvalError::InvalidSetting`] if there is no such row.
    pub fn select(&self, rows: &[usize]) -> Result<Self, EvalError> {
        some_rows(rows.len() as u64)?;
        for row in rows {
            check_row(*row, self.rows() as usize)?;
        }
        Ok(Self {
            thresholds: self.thresholds.clone(),
            targets: self.rows_of(&self.targets, rows),
            predictions: self.rows_of(&self.predictions, rows),
            probabilities: self.rows_of(&self.probabilities, rows),
        })
    }

    /// Returns the rows by the probability of a class, for its curves and areas.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidSetting`] if there is no such class.
    pub fn ranking(&self, class: usize) -> Result<BinaryRanking, EvalError> {
        let classes = self.num_classes();
        if class >= classes {
            return Err(EvalError::setting(
                "class",
                class,
                format!("below {classes}"),
            ));
        }
        let mut ranking = BinaryRanking::new();
        for row in 0..self.rows() as usize {
            let place = row * classes + class;
            ranking.add(self.targets[place], self.probabilities[place])?;
        }
        Ok(ranking)
    }

    fn row<'a, T>(&self, values: &'a [T], row: usize) -> &'a [T] {
        let classes = self.num_classes();
        &values[row * classes..(row + 1) * classes]
    }

    fn rows_of<T: Copy>(&self, values: &[T], rows: &[usize]) -> Vec<T> {
        let rows = rows.iter().flat_map(|row| self.row(values, *row));
        rows.copied().collect()
    }
}

/// Returns the probability of a class that does not exclude others.
pub fn sigmoid<S: Into<f64>>(logit: S) -> f64 {
    1.0 / (1.0 + (-logit.into()).exp())
}

fn what(class: usize) -> String {
    format!("probability of class {class}")
}

fn members(row: &[bool]) -> Vec<usize> {
    (0..row.len()).filter(|class| row[*class]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_predicted_from_its_threshold_on() {
        let thresholds = Thresholds::PerClass(vec![0.25, 0.75]);
        let rows = [[0.25, 0.5], [0.2, 0.75]];
        let predicted = PredictedLabelSets::from_slices(&[[0], [1]], &rows, &thresholds).unwrap();
        assert_eq!(
            (predicted.predictions(0), predicted.predictions(1)),
            (vec![0], vec![1])
        );
        assert_eq!(
            (predicted.targets(0), predicted.targets(1)),
            (vec![0], vec![1])
        );
        let second = predicted.select(&[1]).unwrap();
        assert_eq!(
            (second.rows(), second.probabilities(0)),
            (1, &[0.2, 0.75][..])
        );
        assert!(predicted.select(&[2]).is_err() && predicted.select(&[]).is_err());
        let logits = [[0.0f32], [-1.0]];
        let half = PredictedLabelSets::from_logits(&[[0], [0]], &logits, &Thresholds::default());
        assert_eq!(half.unwrap().predictions(0), [0]);
    }

    #[test]
    fn bad_input_says_where() {
        let error = |targets: &[Vec<usize>], rows: &[Vec<f64>], thresholds: &Thresholds| {
            let made = PredictedLabelSets::from_slices(targets, rows, thresholds);
            made.unwrap_err().to_string()
        };
        let half = Thresholds::default();
        let rows = [vec![0.5, 0.5], vec![0.5, 1.5]];
        let sets = [vec![0], vec![]];
        assert_eq!(
            error(&sets, &rows, &half),
            "row 1: the probability of class 1 is 1.5, expected a probability, in [0, 1]"
        );
        assert_eq!(
            error(&[vec![2]], &rows[..1], &half),
            "row 0: the label is 2, expected a class below 2"
        );
        assert_eq!(
            error(&[vec![0], vec![0]], &[vec![0.5, 0.5], vec![0.5]], &half),
            "row 1: the number of values is 1, expected 2 (one per class)"
        );
        assert!(error(&[], &[], &half).starts_with("no rows"));
        let three = Thresholds::PerClass(vec![0.5; 3]);
        assert_eq!(
            error(&sets, &rows, &three),
            "threshold is a list of 3, expected one number, or one per class, 2"
        );
    }
}
