//! Ranking of rows by the score of a binary classifier.

mod precision_recall;
mod roc;

use crate::error::EvalError;
use crate::validate::{check_pairs, finite, some_rows};
pub use precision_recall::{PrecisionRecallCurve, PrecisionRecallPoint};
pub use roc::{RocCurve, RocPoint};

/// Scores of a binary classifier, with the true class of each row.
///
/// Scores may be any finite numbers, such as probabilities or logits: only their order matters. All
/// scores are stored (8 bytes per row), and curves and areas are exact. The area under the ROC
/// curve is computed from integer counts of pairs, so the order of rows does not change a digit.
///
/// ```
/// use finetune_eval::BinaryRanking;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let mut ranking = BinaryRanking::new();
/// for (positive, score) in [(false, 0.1), (false, 0.4), (true, 0.35), (true, 0.8)] {
///     ranking.add(positive, score)?;
/// }
/// assert_eq!(ranking.roc_auc()?, 0.75);
/// assert_eq!(ranking.average_precision()?, 0.5 * 1.0 + 0.5 * (2.0 / 3.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BinaryRanking {
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

/// Counts of the rows at or above a threshold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CutOff {
    pub(crate) threshold: f64,
    pub(crate) true_positives: u64,
    pub(crate) false_positives: u64,
}

impl BinaryRanking {
    /// Creates a ranking without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a ranking from all rows; `positive[i]` and `scores[i]` belong to row `i`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if the slices differ in length.
    /// - [`EvalError::NoRows`] if they are empty.
    /// - [`EvalError::InvalidRow`] if a score is NaN or infinite; it names the first one.
    pub fn from_slices<S: Copy + Into<f64>>(
        positive: &[bool],
        scores: &[S],
    ) -> Result<Self, EvalError> {
        check_pairs(positive.len(), scores.len())?;
        let mut ranking = Self::new();
        for (positive, score) in positive.iter().zip(scores) {
            ranking.add(*positive, *score)?;
        }
        Ok(ranking)
    }

    /// Adds one row. On error, nothing is added.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidRow`] if the score is NaN or infinite; its row number is the number of
    ///   rows added before.
    pub fn add(&mut self, positive: bool, score: impl Into<f64>) -> Result<(), EvalError> {
        let score = finite(self.rows(), score.into(), || "score".into())?;
        // Turns -0 into 0, so that they compare equal.
        let score = score + 0.0;
        match positive {
            true => self.positives.push(score),
            false => self.negatives.push(score),
        }
        Ok(())
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        (self.positives.len() + self.negatives.len()) as u64
    }

    /// Returns the number of rows of the positive class.
    pub fn positives(&self) -> u64 {
        self.positives.len() as u64
    }

    /// Returns the counts at each distinct score, largest score first.
    pub(crate) fn cut_offs(&self) -> Vec<CutOff> {
        let mut rows: Vec<(f64, bool)> = Vec::with_capacity(self.positives.len());
        rows.extend(self.positives.iter().map(|score| (*score, true)));
        rows.extend(self.negatives.iter().map(|score| (*score, false)));
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));

        let mut cut_offs: Vec<CutOff> = Vec::new();
        let (mut true_positives, mut false_positives) = (0, 0);
        for (threshold, positive) in rows {
            true_positives += u64::from(positive);
            false_positives += u64::from(!positive);
            let cut_off = CutOff {
                threshold,
                true_positives,
                false_positives,
            };
            match cut_offs.last_mut() {
                Some(last) if last.threshold == threshold => *last = cut_off,
                _ => cut_offs.push(cut_off),
            }
        }
        cut_offs
    }

    /// Checks that there are rows of both classes.
    fn both_classes(&self, metric: &'static str) -> Result<(), EvalError> {
        some_rows(self.rows())?;
        match (self.positives.is_empty(), self.negatives.is_empty()) {
            (true, _) => Err(EvalError::undefined(
                metric,
                "no row is of the positive class",
            )),
            (_, true) => Err(EvalError::undefined(
                metric,
                "every row is of the positive class",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_one_threshold() {
        let ranking =
            BinaryRanking::from_slices(&[true, false, true, false], &[0.0, -0.0, 1.0, 0.0])
                .unwrap();
        let cut_offs = ranking.cut_offs();
        let counts: Vec<_> = cut_offs
            .iter()
            .map(|at| (at.threshold, at.true_positives, at.false_positives))
            .collect();
        assert_eq!(counts, [(1.0, 1, 0), (0.0, 2, 2)]);
    }

    #[test]
    fn bad_input_says_where() {
        let error = BinaryRanking::from_slices(&[true, false], &[1.0, f64::INFINITY]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 1: the score is inf, expected a finite number"
        );
        let none: [f32; 0] = [];
        assert_eq!(
            BinaryRanking::from_slices(&[], &none),
            Err(EvalError::NoRows)
        );
        assert_eq!(
            BinaryRanking::from_slices(&[true], &none),
            Err(EvalError::LengthMismatch {
                first: 1,
                second: 0
            })
        );
    }
}
