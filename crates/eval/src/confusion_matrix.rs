//! Counts of true against predicted classes, the one source of every classification score.

mod agreement;
mod averages;
mod confusions;
mod normalised;
mod score;
mod stored;
mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::EvalError;
pub use agreement::KappaWeights;
pub use averages::{Average, AveragedScores};
pub use confusions::Confusion;
pub use normalised::{Normalisation, NormalisedConfusionMatrix};

/// How many rows of each true class were predicted as each class.
///
/// Rows of the matrix are true classes, columns are predicted classes, as in
/// [scikit-learn's `confusion_matrix`]. Counts are integers: adding rows one by one, batch by
/// batch, or merging the matrices of several workers in any order gives the same matrix.
///
/// Two matrices are equal when their class names and all their counts are equal.
///
/// Stored as `{"class_names": [..], "counts": [[..], ..]}`; what is read back is checked.
///
/// ```
/// use finetune_eval::ConfusionMatrix;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let mut matrix = ConfusionMatrix::new(["negative", "positive"])?;
/// for (label, prediction) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
///     matrix.add(label, prediction)?;
/// }
/// assert_eq!(matrix.correct(), 3);
/// assert_eq!(matrix.total(), 4);
/// assert_eq!(
///     matrix.to_text(),
///     "true \\ predicted  negative  positive  recall\n\
///      negative                 1         1  0.5000\n\
///      positive                 .         2  1.0000\n"
/// );
/// # Ok(())
/// # }
/// ```
///
/// [scikit-learn's `confusion_matrix`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.confusion_matrix.html
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredMatrix")]
pub struct ConfusionMatrix {
    class_names: Vec<String>,
    /// `counts[true][predicted]`, always `[C, C]`, with a sum that fits 64 bits.
    counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// An empty matrix over the named classes: class `i` is the `i`-th name.
    ///
    /// # Errors
    ///
    /// [`EvalError::TooFewClasses`] for fewer than two names.
    pub fn new(
        class_names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, EvalError> {
        let class_names: Vec<String> = class_names.into_iter().map(Into::into).collect();
        let classes = class_names.len();
        if classes < 2 {
            return Err(EvalError::TooFewClasses { classes });
        }
        Ok(Self {
            class_names,
            counts: vec![vec![0; classes]; classes],
        })
    }

    /// Counts all rows of a set; `labels[i]` and `predictions[i]` belong to row `i`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFewClasses`] for fewer than two names,
    /// - [`EvalError::LengthMismatch`] when the slices differ in length,
    /// - [`EvalError::NoRows`] when they are empty,
    /// - [`EvalError::LabelOutOfRange`] or [`EvalError::PredictionOutOfRange`] for the first row
    ///   with a class outside `0..C`.
    ///
    /// ```
    /// use finetune_eval::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let matrix = ConfusionMatrix::from_slices(&[0, 1, 1], &[0, 0, 1], ["ham", "spam"])?;
    /// assert_eq!(matrix.count(1, 0), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_slices(
        labels: &[usize],
        predictions: &[usize],
        class_names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, EvalError> {
        let mut matrix = Self::new(class_names)?;
        if labels.len() != predictions.len() {
            return Err(EvalError::LengthMismatch {
                labels: labels.len(),
                predictions: predictions.len(),
            });
        }
        if labels.is_empty() {
            return Err(EvalError::NoRows);
        }
        for (row, (&label, &prediction)) in (0_u64..).zip(labels.iter().zip(predictions)) {
            matrix.check(row, label, prediction)?;
            matrix.counts[label][prediction] += 1;
        }
        Ok(matrix)
    }

    /// Counts one more row.
    ///
    /// # Errors
    ///
    /// [`EvalError::LabelOutOfRange`] or [`EvalError::PredictionOutOfRange`] for a class outside
    /// `0..C`; the position in it is the number of rows counted before. Nothing is counted then.
    pub fn add(&mut self, label: usize, prediction: usize) -> Result<(), EvalError> {
        // The total is a sum over all cells: worth computing only for a message.
        if label >= self.classes() || prediction >= self.classes() {
            self.check(self.total(), label, prediction)?;
        }
        self.counts[label][prediction] += 1;
        Ok(())
    }

    /// Adds the counts of another matrix over the same classes, such as another worker's share.
    ///
    /// # Errors
    ///
    /// [`EvalError::ClassNamesDiffer`] unless both name the same classes in the same order,
    /// [`EvalError::TooManyRows`] when the total would exceed 64 bits. `self` is unchanged then.
    ///
    /// ```
    /// use finetune_eval::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let mut matrix = ConfusionMatrix::from_slices(&[0, 1], &[0, 0], ["ham", "spam"])?;
    /// matrix.merge(&ConfusionMatrix::from_slices(&[1], &[1], ["ham", "spam"])?)?;
    /// assert_eq!(matrix.total(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn merge(&mut self, other: &Self) -> Result<(), EvalError> {
        if self.class_names != other.class_names {
            return Err(EvalError::ClassNamesDiffer {
                own: self.class_names.clone(),
                other: other.class_names.clone(),
            });
        }
        // No cell can overflow when the sum of all cells does not.
        self.total()
            .checked_add(other.total())
            .ok_or(EvalError::TooManyRows)?;
        for (own_row, other_row) in self.counts.iter_mut().zip(&other.counts) {
            for (own, other) in own_row.iter_mut().zip(other_row) {
                *own += other;
            }
        }
        Ok(())
    }

    /// Number of classes `C`, at least 2.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// The class names, in class order.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The number of the class of that name.
    ///
    /// # Errors
    ///
    /// [`EvalError::UnknownClass`] if there is none.
    pub fn class(&self, name: &str) -> Result<usize, EvalError> {
        let mut names = self.class_names.iter();
        names
            .position(|own| own == name)
            .ok_or_else(|| EvalError::UnknownClass {
                name: name.into(),
                class_names: self.class_names.clone(),
            })
    }

    /// Number of rows of class `label` that were predicted as class `prediction`.
    ///
    /// # Panics
    ///
    /// Like indexing a slice, when either is not below [`classes`](Self::classes).
    pub fn count(&self, label: usize, prediction: usize) -> u64 {
        self.counts[label][prediction]
    }

    /// The counts as `C` rows of `C`: for each true class, how often each class was predicted.
    pub fn counts_by_true(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// Number of rows counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Number of rows whose prediction equals the label, in `0..=total`.
    pub fn correct(&self) -> u64 {
        self.counts
            .iter()
            .enumerate()
            .map(|(class, row)| row[class])
            .sum()
    }

    /// For each true class, the shares in `[0, 1]` of its rows by predicted class.
    ///
    /// Each row adds up to 1 and has the recall on the diagonal; a class without rows gives zeros.
    ///
    /// ```
    /// use finetune_eval::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let matrix = ConfusionMatrix::from_slices(&[0, 0, 1], &[0, 2, 1], ["a", "b", "c"])?;
    /// assert_eq!(
    ///     matrix.normalised_by_true(),
    ///     [[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn normalised_by_true(&self) -> Vec<Vec<f64>> {
        self.normalised(Normalisation::ByTrue).shares
    }

    /// The matrix as a table for a terminal, ending in a line break.
    ///
    /// Rows are true classes, columns predicted classes, a dot stands for 0, and the last column is
    /// the recall of the row (`-` for a class without rows). Long names are shortened with an
    /// ellipsis; where names would not fit or would become indistinct, columns carry class numbers
    /// and rows carry number and name. With more than 20 classes, where no matrix is legible, the
    /// most frequent confusions are listed instead.
    ///
    /// Columns align where each character of a class name is one cell wide.
    pub fn to_text(&self) -> String {
        text::render(self)
    }

    /// Number of rows of each true class.
    pub(crate) fn true_totals(&self) -> Vec<u64> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// Number of rows predicted as each class.
    pub(crate) fn predicted_totals(&self) -> Vec<u64> {
        let column_total = |class: usize| self.counts.iter().map(|row| row[class]).sum();
        (0..self.classes()).map(column_total).collect()
    }

    fn check(&self, row: u64, label: usize, prediction: usize) -> Result<(), EvalError> {
        let classes = self.classes();
        if label >= classes {
            return Err(EvalError::LabelOutOfRange {
                row,
                label,
                classes,
            });
        }
        if prediction >= classes {
            return Err(EvalError::PredictionOutOfRange {
                row,
                prediction,
                classes,
            });
        }
        Ok(())
    }
}

/// The table of [`ConfusionMatrix::to_text`].
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_classes() -> ConfusionMatrix {
        ConfusionMatrix::from_slices(&[0, 0, 1, 1, 1, 2], &[0, 1, 1, 0, 0, 2], ["a", "b", "c"])
            .unwrap()
    }

    #[test]
    fn counts_true_by_predicted() {
        let matrix = three_classes();
        assert_eq!(matrix.counts_by_true(), [[1, 1, 0], [2, 1, 0], [0, 0, 1]]);
        assert_eq!(matrix.count(1, 0), 2);
        assert_eq!((matrix.correct(), matrix.total()), (3, 6));
        assert_eq!(matrix.true_totals(), [2, 3, 1]);
        assert_eq!(matrix.predicted_totals(), [3, 2, 1]);
    }

    #[test]
    fn bad_input_says_where() {
        let names = ["a", "b"];
        let from = |labels: &[usize], predictions: &[usize]| {
            ConfusionMatrix::from_slices(labels, predictions, names).unwrap_err()
        };
        assert_eq!(
            from(&[0], &[]),
            EvalError::LengthMismatch {
                labels: 1,
                predictions: 0
            }
        );
        assert_eq!(from(&[], &[]), EvalError::NoRows);
        assert_eq!(
            from(&[0, 2], &[0, 5]),
            EvalError::LabelOutOfRange {
                row: 1,
                label: 2,
                classes: 2
            }
        );
        assert_eq!(
            from(&[0, 1], &[0, 2]),
            EvalError::PredictionOutOfRange {
                row: 1,
                prediction: 2,
                classes: 2
            }
        );
        assert_eq!(
            ConfusionMatrix::new(["only"]).unwrap_err(),
            EvalError::TooFewClasses { classes: 1 }
        );
        assert_eq!(
            ConfusionMatrix::new(Vec::<String>::new()).unwrap_err(),
            EvalError::TooFewClasses { classes: 0 }
        );
    }

    #[test]
    fn a_refused_row_leaves_the_counts_alone() {
        let mut matrix = three_classes();
        assert_eq!(
            matrix.add(0, 3).unwrap_err(),
            EvalError::PredictionOutOfRange {
                row: 6,
                prediction: 3,
                classes: 3
            }
        );
        assert_eq!(
            matrix.add(9, 9).unwrap_err(),
            EvalError::LabelOutOfRange {
                row: 6,
                label: 9,
                classes: 3
            }
        );
        assert_eq!(matrix, three_classes());
    }

    #[test]
    fn merging_needs_the_same_classes_in_the_same_order() {
        let mut matrix = three_classes();
        let other = ConfusionMatrix::new(["a", "c", "b"]).unwrap();
        assert!(matches!(
            matrix.merge(&other),
            Err(EvalError::ClassNamesDiffer { .. })
        ));
        assert_eq!(matrix, three_classes());
    }
}
