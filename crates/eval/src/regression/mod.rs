//! Regression metrics of predicted scores.

mod correlation;
mod errors;
mod report;

use crate::error::EvalError;
use crate::metric::{MetricKind, MetricSource};
use crate::validate::{check_pairs, check_row, finite, some_rows};
pub use report::RegressionReport;

/// True and predicted score of each row, such as those of semantic similarity.
///
/// Rows are stored (16 bytes each), so that every metric is exact over the whole dataset. Sums are
/// rounded once, so neither batches nor the order of rows change a digit.
///
/// ```
/// use finetune_eval::PredictedScores;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let mut predicted = PredictedScores::new();
/// for (label, prediction) in [(0.0, 0.5), (2.5, 2.0), (5.0, 5.0)] {
///     predicted.add(label, prediction)?;
/// }
/// assert!(predicted.pearson()? > 0.98);
/// assert_eq!(predicted.spearman()?, 1.0);
/// assert_eq!(predicted.mean_absolute_error()?, 1.0 / 3.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PredictedScores {
    labels: Vec<f64>,
    predictions: Vec<f64>,
}

impl PredictedScores {
    /// Creates a set without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a set from all rows; `labels[i]` and `predictions[i]` belong to row `i`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if the slices differ in length.
    /// - [`EvalError::NoRows`] if they are empty.
    /// - [`EvalError::InvalidRow`] if a value is NaN or infinite; it names the first one.
    pub fn from_slices<L: Copy + Into<f64>, P: Copy + Into<f64>>(
        labels: &[L],
        predictions: &[P],
    ) -> Result<Self, EvalError> {
        check_pairs(labels.len(), predictions.len())?;
        let mut predicted = Self::new();
        for (label, prediction) in labels.iter().zip(predictions) {
            predicted.add(*label, *prediction)?;
        }
        Ok(predicted)
    }

    /// Adds one row. On error, nothing is added.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidRow`] if a value is NaN or infinite; its row number is the number of
    ///   rows added before.
    pub fn add(
        &mut self,
        label: impl Into<f64>,
        prediction: impl Into<f64>,
    ) -> Result<(), EvalError> {
        let row = self.rows();
        let label = finite(row, label.into(), || "true score".into())?;
        let prediction = finite(row, prediction.into(), || "predicted score".into())?;
        self.labels.push(label);
        self.predictions.push(prediction);
        Ok(())
    }

    /// Returns the rows with these indices, in this order, such as those of a
    /// [slice](crate::Slices).
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidSetting`] if an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Result<Self, EvalError> {
        let mut selected = Self::new();
        for &row in rows {
            check_row(row, self.labels.len())?;
            selected.labels.push(self.labels[row]);
            selected.predictions.push(self.predictions[row]);
        }
        Ok(selected)
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.labels.len() as u64
    }

    /// Returns the true score of each row.
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// Returns the predicted score of each row.
    pub fn predictions(&self) -> &[f64] {
        &self.predictions
    }

    fn some_rows(&self) -> Result<f64, EvalError> {
        some_rows(self.rows())
    }
}

impl MetricSource for PredictedScores {
    fn score(&self, metric: MetricKind) -> Result<f64, EvalError> {
        match metric {
            MetricKind::Pearson => self.pearson(),
            MetricKind::Spearman => self.spearman(),
            MetricKind::MeanAbsoluteError => self.mean_absolute_error(),
            MetricKind::MeanSquaredError => self.mean_squared_error(),
            MetricKind::RootMeanSquaredError => self.root_mean_squared_error(),
            MetricKind::R2 => self.r2(),
            other => Err(other.needs_other_input()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Metric, MetricInput};

    #[test]
    fn bad_input_says_where() {
        let refusal = |labels: &[f64], predictions: &[f32]| {
            PredictedScores::from_slices(labels, predictions)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal(&[1.0, 2.0], &[1.0, f32::NAN]),
            "row 1: the predicted score is NaN, expected a finite number"
        );
        assert_eq!(
            refusal(&[f64::NEG_INFINITY], &[1.0]),
            "row 0: the true score is -inf, expected a finite number"
        );
        assert!(refusal(&[1.0], &[]).starts_with("lists of 1 and 0 values"));
        assert!(refusal(&[], &[]).starts_with("no rows"));
    }

    #[test]
    fn a_refused_row_leaves_the_rest_alone() {
        let mut predicted = PredictedScores::from_slices(&[1.0, 2.0], &[1.0, 3.0]).unwrap();
        let before = predicted.clone();
        assert!(predicted.add(1.0, f64::NAN).is_err());
        let error = predicted.select(&[0, 2]).unwrap_err().to_string();
        assert_eq!(error, "row is 2, expected below 2 (number of rows)");
        assert_eq!(predicted, before);
        assert_eq!(predicted.select(&[1]).unwrap().predictions(), [3.0]);
    }

    #[test]
    fn every_metric_of_scores_is_there_and_no_other() {
        let predicted = PredictedScores::from_slices(&[1.0, 2.0, 4.0], &[1.0, 3.0, 3.5]).unwrap();
        for &metric in MetricKind::ALL {
            let of_scores = metric.input() == MetricInput::Scores;
            assert_eq!(predicted.score(metric).is_ok(), of_scores, "{metric}");
        }
    }
}
