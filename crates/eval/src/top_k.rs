//! Top-k accuracy.

use crate::EvalError;
use crate::checks::checked_row;

/// Top-k accuracy: fraction of rows whose class is among the `k` highest scores, for any scores,
/// batch by batch. scikit-learn's [`top_k_accuracy_score`].
///
/// Of equal scores, the later class ranks first, as in scikit-learn.
///
/// ```
/// use finetune_eval::TopKAccuracy;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let mut top_2 = TopKAccuracy::new(2, 3)?;
/// top_2.add(0, &[0.1, 0.7, 0.2])?;
/// top_2.add(2, &[0.1, 0.7, 0.2])?;
/// assert_eq!(top_2.value()?, 0.5);
/// # Ok(())
/// # }
/// ```
///
/// [`top_k_accuracy_score`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.top_k_accuracy_score.html
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopKAccuracy {
    k: usize,
    classes: usize,
    hits: u64,
    rows: u64,
}

impl TopKAccuracy {
    /// Creates a counter without rows, for `classes` classes. With `k >= classes` every row is a
    /// hit.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFewClasses`] if there are fewer than two classes.
    /// - [`EvalError::InvalidSetting`] if `k` is 0.
    pub fn new(k: usize, classes: usize) -> Result<Self, EvalError> {
        if classes < 2 {
            return Err(EvalError::TooFewClasses { classes });
        }
        check_k(k)?;
        Ok(Self {
            k,
            classes,
            hits: 0,
            rows: 0,
        })
    }

    /// Counts one more row, with one score per class. On error, nothing is counted.
    ///
    /// # Errors
    ///
    /// The row number is the number of rows counted before.
    ///
    /// - [`EvalError::LabelOutOfRange`] if the label is not below `classes`.
    /// - [`EvalError::ClassCount`] if there is not one score per class.
    /// - [`EvalError::NotFinite`] if a score is NaN or infinite.
    pub fn add<S: Copy + Into<f64>>(
        &mut self,
        label: usize,
        scores: &[S],
    ) -> Result<(), EvalError> {
        let scores = checked_row(self.rows, label, scores, self.classes, "score")?;
        self.hits += u64::from(rank(label, &scores) < self.k);
        self.rows += 1;
        Ok(())
    }

    /// Adds the counts of other rows.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NumberOfClassesDiffers`] if the numbers of classes differ.
    /// - [`EvalError::InvalidSetting`] if `k` differs.
    pub fn merge(&mut self, other: &Self) -> Result<(), EvalError> {
        if self.classes != other.classes {
            return Err(EvalError::NumberOfClassesDiffers {
                own: self.classes,
                other: other.classes,
            });
        }
        if self.k != other.k {
            return Err(EvalError::InvalidSetting {
                setting: "k",
                found: other.k.to_string(),
                expected: "the same for all rows",
            });
        }
        self.hits += other.hits;
        self.rows += other.rows;
        Ok(())
    }

    /// Returns the fraction of hits, in `[0, 1]`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if no row was counted.
    pub fn value(&self) -> Result<f64, EvalError> {
        match self.rows {
            0 => Err(EvalError::NoRows),
            rows => Ok(self.hits as f64 / rows as f64),
        }
    }
}

/// Returns the number of classes that rank before the label.
pub(crate) fn rank(label: usize, scores: &[f64]) -> usize {
    let own = scores[label];
    let before =
        |(class, score): &(usize, &f64)| **score > own || (**score == own && *class > label);
    scores.iter().enumerate().filter(before).count()
}

pub(crate) fn check_k(k: usize) -> Result<(), EvalError> {
    match k {
        0 => Err(EvalError::InvalidSetting {
            setting: "k",
            found: "0".into(),
            expected: "at least 1",
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_rank_the_later_class_first() {
        assert_eq!(rank(0, &[0.5, 0.5, 0.0]), 1);
        assert_eq!(rank(1, &[0.5, 0.5, 0.0]), 0);
        assert_eq!(rank(2, &[0.5, 0.5, 0.0]), 2);
    }

    #[test]
    fn bad_input_says_where() {
        let mut top = TopKAccuracy::new(1, 2).unwrap();
        assert_eq!(top.value(), Err(EvalError::NoRows));
        top.add(0, &[1.0_f32, 0.0]).unwrap();
        assert_eq!(
            top.add(0, &[1.0_f32, f32::NAN]).unwrap_err().to_string(),
            "row 1: the score of class 1 is NaN, not a finite number"
        );
        assert_eq!(
            top.add(2, &[1.0_f32, 0.0]).unwrap_err().to_string(),
            "row 1: label 2 is outside the 2 classes 0..2"
        );
        assert_eq!(
            top.add(1, &[1.0_f32]).unwrap_err().to_string(),
            "row 1: 1 numbers for 2 classes"
        );
        assert_eq!(top.value(), Ok(1.0));
        assert!(top.merge(&TopKAccuracy::new(2, 2).unwrap()).is_err());
        assert!(top.merge(&TopKAccuracy::new(1, 3).unwrap()).is_err());
        assert!(TopKAccuracy::new(0, 2).is_err());
    }
}
