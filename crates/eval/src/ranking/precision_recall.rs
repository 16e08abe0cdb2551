//! Precision-recall curves.

use serde::{Deserialize, Serialize};

use super::{BinaryRanking, CutOff};
use crate::error::EvalError;
use crate::exact_sum::sum;
use crate::validate::some_rows;

/// Precision-recall curve: precision and recall at every threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PrecisionRecallCurve {
    /// Points by increasing threshold; the last one is (precision 1, recall 0).
    pub points: Vec<PrecisionRecallPoint>,
}

/// Point of a precision-recall curve: rows at or above the threshold are predicted as positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PrecisionRecallPoint {
    /// Threshold; `None` if no row is predicted as positive.
    pub threshold: Option<f64>,
    /// Fraction of the rows predicted as positive that are positive.
    pub precision: f64,
    /// Fraction of the positive rows that are predicted as positive.
    pub recall: f64,
}

impl BinaryRanking {
    /// Returns the average precision, in `[0, 1]`: scikit-learn's [`average_precision_score`].
    ///
    /// It is 0 if no row is positive.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    ///
    /// [`average_precision_score`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html
    pub fn average_precision(&self) -> Result<f64, EvalError> {
        let points = self.precision_recall_curve()?.points;
        let steps = points
            .windows(2)
            .map(|pair| (pair[0].recall - pair[1].recall) * pair[0].precision);
        // Rounding may move the sum slightly above 1.
        Ok(sum(steps).clamp(0.0, 1.0))
    }

    /// Returns the curve with a point per distinct score and a final one: scikit-learn's
    /// [`precision_recall_curve`].
    ///
    /// If no row is positive, the recall is 1 at every threshold.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    ///
    /// ```
    /// use finetune_eval::BinaryRanking;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let ranking = BinaryRanking::from_slices(&[false, true, true], &[0.4, 0.1, 0.8])?;
    /// let curve = ranking.precision_recall_curve()?;
    /// let points: Vec<_> = curve.points.iter().map(|p| (p.precision, p.recall)).collect();
    /// assert_eq!(points, [(2.0 / 3.0, 1.0), (0.5, 0.5), (1.0, 0.5), (1.0, 0.0)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`precision_recall_curve`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_curve.html
    pub fn precision_recall_curve(&self) -> Result<PrecisionRecallCurve, EvalError> {
        some_rows(self.rows())?;
        let positives = self.positives();
        let point = |cut_off: &CutOff| {
            let taken = cut_off.true_positives + cut_off.false_positives;
            PrecisionRecallPoint {
                threshold: Some(cut_off.threshold),
                precision: cut_off.true_positives as f64 / taken as f64,
                recall: match positives {
                    0 => 1.0,
                    _ => cut_off.true_positives as f64 / positives as f64,
                },
            }
        };
        let last = PrecisionRecallPoint {
            threshold: None,
            precision: 1.0,
            recall: 0.0,
        };
        let cut_offs = self.cut_offs();
        let points = cut_offs.iter().rev().map(point);
        Ok(PrecisionRecallCurve {
            points: points.chain([last]).collect(),
        })
    }
}

impl PrecisionRecallCurve {
    /// Returns the area by the trapezoidal rule: scikit-learn's `auc(recall, precision)`.
    ///
    /// Linear interpolation is too optimistic ([Davis and Goadrich 2006]); report the [average
    /// precision](BinaryRanking::average_precision) instead.
    ///
    /// [Davis and Goadrich 2006]: https://doi.org/10.1145/1143844.1143874
    pub fn area(&self) -> f64 {
        let between = |pair: &[PrecisionRecallPoint]| {
            (pair[0].recall - pair[1].recall) * (pair[0].precision + pair[1].precision) / 2.0
        };
        sum(self.points.windows(2).map(between)).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_positive_rows_the_average_precision_is_0() {
        let ranking = BinaryRanking::from_slices(&[false, false], &[0.1, 0.2]).unwrap();
        assert_eq!(ranking.average_precision(), Ok(0.0));
        let points = ranking.precision_recall_curve().unwrap().points;
        assert_eq!((points[0].precision, points[0].recall), (0.0, 1.0));
        assert_eq!(
            BinaryRanking::new().average_precision(),
            Err(EvalError::NoRows)
        );
    }

    #[test]
    fn constant_scores_have_the_precision_of_chance() {
        let ranking = BinaryRanking::from_slices(&[false, true, false, false], &[0.5; 4]).unwrap();
        assert_eq!(ranking.average_precision(), Ok(0.25));
        assert_eq!(ranking.precision_recall_curve().unwrap().area(), 0.625);
    }
}
