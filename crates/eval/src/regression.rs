//! Regression metrics of predicted scores.

mod correlation;
mod errors;
mod report;
mod score;

use crate::EvalError;
use crate::checks::{finite, pairs};
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
    /// - [`EvalError::NotFinite`] if a value is NaN or infinite; it names the first one.
    pub fn from_slices<L: Copy + Into<f64>, P: Copy + Into<f64>>(
        labels: &[L],
        predictions: &[P],
    ) -> Result<Self, EvalError> {
        pairs(labels.len(), predictions.len())?;
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
    /// - [`EvalError::NotFinite`] if a value is NaN or infinite; its row number is the number of
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

    /// Adds the rows of another set.
    pub fn merge(&mut self, other: &Self) {
        self.labels.extend(&other.labels);
        self.predictions.extend(&other.predictions);
    }

    /// Returns the rows with these indices, in this order, such as those of a
    /// [slice](crate::Slices).
    ///
    /// # Errors
    ///
    /// - [`EvalError::RowOutOfRange`] if an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Result<Self, EvalError> {
        let mut selected = Self::new();
        for &row in rows {
            let (Some(label), Some(prediction)) = (self.labels.get(row), self.predictions.get(row))
            else {
                return Err(EvalError::RowOutOfRange {
                    row,
                    rows: self.labels.len(),
                });
            };
            selected.labels.push(*label);
            selected.predictions.push(*prediction);
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

    fn rows_or_error(&self) -> Result<f64, EvalError> {
        match self.labels.len() {
            0 => Err(EvalError::NoRows),
            rows => Ok(rows as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_says_where() {
        let refusal = |labels: &[f64], predictions: &[f32]| {
            PredictedScores::from_slices(labels, predictions)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal(&[1.0, 2.0], &[1.0, f32::NAN]),
            "row 1: the predicted score is NaN, not a finite number"
        );
        assert_eq!(
            refusal(&[f64::NEG_INFINITY], &[1.0]),
            "row 0: the true score is -inf, not a finite number"
        );
        assert!(refusal(&[1.0], &[]).starts_with("1 labels but 0 predictions"));
        assert!(refusal(&[], &[]).starts_with("no rows"));
    }

    #[test]
    fn a_refused_row_leaves_the_rest_alone() {
        let mut predicted = PredictedScores::from_slices(&[1.0, 2.0], &[1.0, 3.0]).unwrap();
        let before = predicted.clone();
        assert!(predicted.add(1.0, f64::NAN).is_err());
        assert_eq!(
            predicted.select(&[0, 2]),
            Err(EvalError::RowOutOfRange { row: 2, rows: 2 })
        );
        assert_eq!(predicted, before);
        assert_eq!(predicted.select(&[1]).unwrap().predictions(), [3.0]);
    }
}
