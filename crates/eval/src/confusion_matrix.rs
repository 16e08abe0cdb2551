//! Confusion matrix: counts of true against predicted classes, the basis of all classification
//! metrics.

mod agreement;
mod averages;
mod confusions;
mod normalized;
mod score;
mod stored;
mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::EvalError;
pub use agreement::KappaWeights;
pub use averages::{Average, AveragedScores};
pub use confusions::Confusion;
pub use normalized::{Normalize, NormalizedConfusionMatrix};

/// Confusion matrix: number of rows per true and predicted class.
///
/// As in [scikit-learn's `confusion_matrix`], rows of the matrix are true classes and columns are
/// predicted classes. Counts are integers: adding rows batch by batch, or merging the matrices of
/// several workers in any order, gives the same matrix.
///
/// Two matrices are equal if their class names and all counts are equal.
///
/// Serialized as `{"class_names": [..], "counts": [[..], ..]}`; deserialization checks the counts.
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
    /// `counts[true][predicted]`, `[C, C]`; the sum fits into 64 bits.
    counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Creates an empty matrix; class `i` has the `i`-th name.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFewClasses`] if there are fewer than two names.
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

    /// Counts all rows; `labels[i]` and `predictions[i]` belong to row `i`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFewClasses`] if there are fewer than two names.
    /// - [`EvalError::LengthMismatch`] if the slices differ in length.
    /// - [`EvalError::NoRows`] if they are empty.
    /// - [`EvalError::LabelOutOfRange`] or [`EvalError::PredictionOutOfRange`] if a class is
    ///   outside `0..C`; it names the first such row.
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

    /// Counts one more row. On error, nothing is counted.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LabelOutOfRange`] or [`EvalError::PredictionOutOfRange`] if a class is
    ///   outside `0..C`; its row number is the number of rows counted before.
    pub fn add(&mut self, label: usize, prediction: usize) -> Result<(), EvalError> {
        // The total is a sum over all cells, needed only for the message.
        if label >= self.classes() || prediction >= self.classes() {
            self.check(self.total(), label, prediction)?;
        }
        self.counts[label][prediction] += 1;
        Ok(())
    }

    /// Adds the counts of another matrix over the same classes, such as that of another worker. On
    /// error, `self` is unchanged.
    ///
    /// # Errors
    ///
    /// - [`EvalError::ClassNamesDiffer`] if the class names or their order differ.
    /// - [`EvalError::TooManyRows`] if the total exceeds 64 bits.
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
        // If the sum of all cells does not overflow, no cell does.
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

    /// Returns the number of classes `C`, at least 2.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// Returns the class names, in class order.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Returns the index of the class with this name.
    ///
    /// # Errors
    ///
    /// - [`EvalError::UnknownClass`] if there is no such class.
    pub fn class(&self, name: &str) -> Result<usize, EvalError> {
        let mut names = self.class_names.iter();
        names
            .position(|own| own == name)
            .ok_or_else(|| EvalError::UnknownClass {
                name: name.into(),
                class_names: self.class_names.clone(),
            })
    }

    /// Returns the number of rows of class `label` predicted as class `prediction`.
    ///
    /// # Panics
    ///
    /// If either is not below [`classes`](Self::classes).
    pub fn count(&self, label: usize, prediction: usize) -> u64 {
        self.counts[label][prediction]
    }

    /// Returns the counts as `[C, C]`: for each true class, the number of rows per predicted class.
    pub fn counts_by_true(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// Returns the number of counted rows.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Returns the number of rows whose prediction equals the label.
    pub fn correct(&self) -> u64 {
        self.counts
            .iter()
            .enumerate()
            .map(|(class, row)| row[class])
            .sum()
    }

    /// Returns, for each true class, the fractions of its rows by predicted class.
    ///
    /// Each row sums to 1 and has the recall on the diagonal; the row of a class without rows is 0.
    ///
    /// ```
    /// use finetune_eval::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let matrix = ConfusionMatrix::from_slices(&[0, 0, 1], &[0, 2, 1], ["a", "b", "c"])?;
    /// assert_eq!(
    ///     matrix.normalized_by_true(),
    ///     [[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn normalized_by_true(&self) -> Vec<Vec<f64>> {
        self.normalized(Normalize::True).shares
    }

    /// Returns the matrix as a table for terminals that ends in a newline.
    ///
    /// Rows are true classes, columns are predicted classes, a dot means 0, and the last column is
    /// the recall (`-` for a class without rows). Long names are shortened with an ellipsis; if
    /// names do not fit or become ambiguous, columns are headed by class indices, and rows by index
    /// and name. With more than 20 classes, the most frequent confusions are listed instead.
    ///
    /// Columns are aligned if every character of a class name is one cell wide.
    pub fn to_text(&self) -> String {
        text::render(self)
    }

    /// Returns the number of rows per true class.
    pub(crate) fn true_totals(&self) -> Vec<u64> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// Returns the number of rows per predicted class.
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

/// Writes the table of [`ConfusionMatrix::to_text`].
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
