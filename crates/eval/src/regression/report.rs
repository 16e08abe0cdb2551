//! Regression report.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::PredictedScores;
use crate::{EvalError, MetricKind};

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
    pub mae: f64,
    /// Root mean squared error, in the unit of the labels.
    pub rmse: f64,
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
            mae: predicted.mean_absolute_error()?,
            rmse: predicted.root_mean_squared_error()?,
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

    /// One of these scores by its name; nothing for another metric, and for a score that is not
    /// defined.
    pub fn score(&self, metric: MetricKind) -> Option<f64> {
        match metric {
            MetricKind::Pearson => self.pearson,
            MetricKind::Spearman => self.spearman,
            MetricKind::MeanAbsoluteError => Some(self.mae),
            MetricKind::RootMeanSquaredError => Some(self.rmse),
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
            ("mae", Some(self.mae)),
            ("rmse", Some(self.rmse)),
            ("r2", self.r2),
        ]
        .map(|(name, score)| {
            (
                name,
                score.map_or("-".into(), |score| format!("{score:.4}")),
            )
        });
        let rows = self.rows.to_string();
        let widths = scores.iter().map(|(_, score)| score.len());
        let width = widths.fold(rows.len(), usize::max);
        for (name, score) in scores {
            writeln!(f, "{name:<8}  {score:>width$}")?;
        }
        writeln!(f, "{:<8}  {rows:>width$}", "rows")
    }
}

fn defined(score: Result<f64, EvalError>) -> Result<Option<f64>, EvalError> {
    match score {
        Ok(score) => Ok(Some(score)),
        Err(EvalError::Undefined { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collapsed_model_has_a_report() {
        let report = RegressionReport::from_slices(&[1.0, 2.0], &[2.0, 2.0]).unwrap();
        assert_eq!((report.pearson, report.spearman), (None, None));
        assert_eq!((report.mae, report.r2), (0.5, Some(-1.0)));
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
