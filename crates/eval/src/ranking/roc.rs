//! Receiver operating characteristic (ROC).

use serde::{Deserialize, Serialize};

use super::{BinaryRanking, CutOff};
use crate::error::EvalError;

/// ROC curve, from (0, 0) to (1, 1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RocCurve {
    /// Points by decreasing threshold.
    pub points: Vec<RocPoint>,
}

/// Point of a ROC curve: rows at or above the threshold are predicted as positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RocPoint {
    /// Threshold; `None` if no row is predicted as positive (scikit-learn: infinity).
    pub threshold: Option<f64>,
    /// Fraction of the negative rows that are predicted as positive.
    pub false_positive_rate: f64,
    /// Fraction of the positive rows that are predicted as positive (recall).
    pub true_positive_rate: f64,
}

impl BinaryRanking {
    /// Returns the area under the ROC curve, in `[0, 1]`: the probability that a positive row has a
    /// higher score than a negative one, with ties counted half. scikit-learn's [`roc_auc_score`].
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    /// - [`EvalError::Undefined`] if all rows are of one class (scikit-learn: NaN).
    ///
    /// [`roc_auc_score`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_auc_score.html
    pub fn roc_auc(&self) -> Result<f64, EvalError> {
        self.both_classes("ROC AUC")?;
        // Correctly ordered pairs count 2, ties count 1.
        let mut halves: u128 = 0;
        let (mut positives, mut negatives) = (0, 0);
        for cut_off in self.cut_offs() {
            let new_positives = u128::from(cut_off.true_positives - positives);
            let remaining = u128::from(self.negatives.len() as u64 - cut_off.false_positives);
            let equal = u128::from(cut_off.false_positives - negatives);
            halves += new_positives * (2 * remaining + equal);
            (positives, negatives) = (cut_off.true_positives, cut_off.false_positives);
        }
        let pairs = self.positives.len() as f64 * self.negatives.len() as f64;
        Ok(halves as f64 / (2.0 * pairs))
    }

    /// Returns the curve with a point per distinct score: scikit-learn's [`roc_curve`] with
    /// `drop_intermediate=False`.
    ///
    /// # Errors
    ///
    /// - The errors of [`roc_auc`](Self::roc_auc).
    ///
    /// ```
    /// use finetune_eval::BinaryRanking;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let ranking = BinaryRanking::from_slices(&[false, true, true], &[0.1, 0.4, 0.8])?;
    /// let curve = ranking.roc_curve()?;
    /// let points = curve.points.iter();
    /// let points: Vec<_> = points.map(|p| (p.false_positive_rate, p.true_positive_rate)).collect();
    /// assert_eq!(points, [(0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (1.0, 1.0)]);
    /// assert_eq!(curve.drop_intermediate().points.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`roc_curve`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_curve.html
    pub fn roc_curve(&self) -> Result<RocCurve, EvalError> {
        self.both_classes("ROC curve")?;
        let (positives, negatives) = (self.positives.len() as f64, self.negatives.len() as f64);
        let first = RocPoint {
            threshold: None,
            false_positive_rate: 0.0,
            true_positive_rate: 0.0,
        };
        let point = |cut_off: CutOff| RocPoint {
            threshold: Some(cut_off.threshold),
            false_positive_rate: cut_off.false_positives as f64 / negatives,
            true_positive_rate: cut_off.true_positives as f64 / positives,
        };
        let points = self.cut_offs().into_iter().map(point);
        Ok(RocCurve {
            points: std::iter::once(first).chain(points).collect(),
        })
    }
}

impl RocCurve {
    /// Returns the curve without points between their neighbors on a horizontal or vertical line.
    /// The plot is the same with far fewer points.
    pub fn drop_intermediate(&self) -> Self {
        let mut points: Vec<RocPoint> = Vec::new();
        for point in &self.points {
            if let [.., before, _] = points.as_slice() {
                let level = before.true_positive_rate == point.true_positive_rate;
                let upright = before.false_positive_rate == point.false_positive_rate;
                if level || upright {
                    points.pop();
                }
            }
            points.push(*point);
        }
        Self { points }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(positive: &[bool], scores: &[f64]) -> BinaryRanking {
        BinaryRanking::from_slices(positive, scores).unwrap()
    }

    #[test]
    fn constant_scores_are_chance() {
        assert_eq!(ranking(&[true, false, false], &[0.3; 3]).roc_auc(), Ok(0.5));
    }

    #[test]
    fn one_class_alone_has_no_area() {
        let of = |positive| {
            ranking(&[positive], &[0.3])
                .roc_auc()
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            of(true),
            "ROC AUC is undefined: every row is of the positive class"
        );
        assert_eq!(
            of(false),
            "ROC AUC is undefined: no row is of the positive class"
        );
        assert_eq!(BinaryRanking::new().roc_curve(), Err(EvalError::NoRows));
    }

    #[test]
    fn the_picture_stays_without_points_between() {
        let positive = [true, true, false, false, true, false];
        let curve = ranking(&positive, &[6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
            .roc_curve()
            .unwrap();
        let corners = curve.drop_intermediate();
        let corners: Vec<_> = corners
            .points
            .iter()
            .map(|point| (point.false_positive_rate, point.true_positive_rate))
            .collect();
        let (third, two) = (1.0 / 3.0, 2.0 / 3.0);
        assert_eq!(
            corners,
            [(0.0, 0.0), (0.0, two), (two, two), (two, 1.0), (1.0, 1.0)]
        );
        assert!(
            curve
                .points
                .iter()
                .any(|point| point.false_positive_rate == third)
        );
    }
}
