//! Regression report.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::PredictedScores;
use crate::error::EvalError;
use crate::error::defined;
use crate::metric::MetricKind;
use crate::text_table::{aligned, four_decimals};

/// Regression metrics of predicted scores.
///
/// Undefined metrics (such as the correlation of constant predictions) are `None`, `null` in JSON
/// and `-` in the table, so that a collapsed model still has a report.
///
/// ```
/// use finetune_eval::RegressionReport;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let report = RegressionReport::from_slices(&[0.0, 2.5, 5.0], &[0.5, 2.0, 5.0])?;
/// assert_eq!(
///     report.to_string(),
///     "pearson   0.9820\n\
///      spearman  1.0000\n\
///      mae       0.3333\n\
///      rmse      0.4082\n\
///      r2        0.9600\n\
///      rows           3\n"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegressionReport {
    /// Number of rows, at least 1.
    pub rows: u64,
    /// Pearson correlation of labels and predictions, in `[-1, 1]`.
    pub pearson: Option<f64>,
    /// Spearman correlation, in `[-1, 1]`.
    pub spearman: Option<f64>,
    /// Mean absolute error, in the unit of the labels.
    pub mean_absolute_error: f64,
    /// Root mean squared error, in the unit of the labels.
    pub root_mean_squared_error: f64,
    /// Coefficient of determination R2, at most 1.
    pub r2: Option<f64>,
}

impl RegressionReport {
    /// Computes the report of collected rows.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    pub fn new(predicted: &PredictedScores) -> Result<Self, EvalError> {
        Ok(Self {
            rows: predicted.rows(),
            pearson: defined(predicted.pearson())?,
            spearman: defined(predicted.spearman())?,
            mean_absolute_error: predicted.mean_absolute_error()?,
            root_mean_squared_error: predicted.root_mean_squared_error()?,
            r2: defined(predicted.r2())?,
        })
    }

    /// Computes the report from labels and predictions, one of each per row.
    ///
    /// # Errors
    ///
    /// - The errors of [`PredictedScores::from_slices`].
    pub fn from_slices<L: Copy + Into<f64>, P: Copy + Into<f64>>(
        labels: &[L],
        predictions: &[P],
    ) -> Result<Self, EvalError> {
        Self::new(&PredictedScores::from_slices(labels, predictions)?)
    }

    /// Returns a score of the report by its metric; `None` for other metrics and for an undefined
    /// score.
    pub fn score(&self, metric: MetricKind) -> Option<f64> {
        match metric {
            MetricKind::Pearson => self.pearson,
            MetricKind::Spearman => self.spearman,
            MetricKind::MeanAbsoluteError => Some(self.mean_absolute_error),
            MetricKind::RootMeanSquaredError => Some(self.root_mean_squared_error),
            MetricKind::R2 => self.r2,
            _ => None,
        }
    }
}

/// Writes one metric per line, with four decimals.
impl fmt::Display for RegressionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scores = [
            ("pearson", self.pearson),
            ("spearman", self.spearman),
            ("mae", Some(self.mean_absolute_error)),
            ("rmse", Some(self.root_mean_squared_error)),
            ("r2", self.r2),
        ];
        let scores = scores.map(|(name, score)| (name, four_decimals(score)));
        let lines = scores.into_iter().chain([("rows", self.rows.to_string())]);
        let lines: Vec<_> = lines
            .map(|(name, value)| vec![name.into(), value])
            .collect();
        f.write_str(&aligned(&lines, &[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collapsed_model_has_a_report() {
        let report = RegressionReport::from_slices(&[1.0, 2.0], &[2.0, 2.0]).unwrap();
        assert_eq!((report.pearson, report.spearman), (None, None));
        assert_eq!((report.mean_absolute_error, report.r2), (0.5, Some(-1.0)));
        assert!(
            report.to_string().starts_with("pearson         -\n"),
            "{report}"
        );
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["pearson"].is_null());
        assert_eq!(
            serde_json::from_value::<RegressionReport>(json).unwrap(),
            report
        );
    }

    #[test]
    fn no_rows_is_an_error() {
        let none = PredictedScores::new();
        assert_eq!(RegressionReport::new(&none), Err(EvalError::NoRows));
    }
}
