//! Confusion matrix: counts of true against predicted classes, the basis of all classification
//! metrics.

mod agreement;
mod averages;
mod confusions;
mod display;
mod normalized;
mod score;

use serde::{Deserialize, Serialize};

use crate::error::EvalError;
use crate::validate::{check_class, check_pairs, some_rows};
pub use agreement::KappaWeights;
pub use averages::{Average, AveragedScores};
pub use confusions::Confusion;
pub use normalized::Normalize;

/// Confusion matrix: number of rows per true and predicted class.
///
/// As in [scikit-learn's `confusion_matrix`], rows of the matrix are true classes and columns are
/// predicted classes. Counts are integers, so the order of rows does not change
/// them.
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
///     matrix.to_string(),
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
#[serde(try_from = "Unchecked")]
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
    /// - [`EvalError::TooFew`] if there are fewer than two names.
    pub fn new(
        class_names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, EvalError> {
        let class_names: Vec<String> = class_names.into_iter().map(Into::into).collect();
        let classes = class_names.len();
        if classes < 2 {
            return Err(EvalError::too_few("classes", classes, 2));
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
    /// - [`EvalError::TooFew`] if there are fewer than two names.
    /// - [`EvalError::LengthMismatch`] if the slices differ in length.
    /// - [`EvalError::NoRows`] if they are empty.
    /// - [`EvalError::InvalidRow`] if a class is outside `0..C`; it names the first such row.
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
        check_pairs(labels.len(), predictions.len())?;
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
    /// - [`EvalError::InvalidRow`] if a class is outside `0..C`; its row number is the number of
    ///   rows counted before.
    pub fn add(&mut self, label: usize, prediction: usize) -> Result<(), EvalError> {
        // The total is a sum over all cells, needed only for the message.
        if label >= self.num_classes() || prediction >= self.num_classes() {
            self.check(self.total(), label, prediction)?;
        }
        self.counts[label][prediction] += 1;
        Ok(())
    }

    /// Returns the number of classes `C`, at least 2.
    pub fn num_classes(&self) -> usize {
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
    /// - [`EvalError::Unknown`] if there is no such class.
    pub fn class(&self, name: &str) -> Result<usize, EvalError> {
        let position = self.class_names.iter().position(|own| own == name);
        position.ok_or_else(|| EvalError::unknown("class", name, &self.class_names))
    }

    /// Returns the number of rows of class `label` predicted as class `prediction`.
    ///
    /// # Panics
    ///
    /// If either is not below [`num_classes`](Self::num_classes).
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

    /// Returns the number of rows, or an error if it is 0.
    pub(crate) fn some_rows(&self) -> Result<f64, EvalError> {
        some_rows(self.total())
    }

    /// Returns the number of rows per true class.
    pub(crate) fn true_totals(&self) -> Vec<u64> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// Returns the number of rows per predicted class.
    pub(crate) fn predicted_totals(&self) -> Vec<u64> {
        let column_total = |class: usize| self.counts.iter().map(|row| row[class]).sum();
        (0..self.num_classes()).map(column_total).collect()
    }

    fn check(&self, row: u64, label: usize, prediction: usize) -> Result<(), EvalError> {
        check_class(row, "label", label, self.num_classes())?;
        check_class(row, "prediction", prediction, self.num_classes())
    }
}

/// Deserialized confusion matrix before validation.
#[derive(Debug, Deserialize)]
struct Unchecked {
    class_names: Vec<String>,
    counts: Vec<Vec<u64>>,
}

impl TryFrom<Unchecked> for ConfusionMatrix {
    type Error = EvalError;

    fn try_from(unchecked: Unchecked) -> Result<Self, EvalError> {
        let Unchecked {
            class_names,
            counts,
        } = unchecked;
        let classes = Self::new(&class_names)?.num_classes();
        let lengths: Vec<usize> = counts.iter().map(Vec::len).collect();
        if lengths != vec![classes; classes] {
            let found = format!("a list of rows with {lengths:?} columns");
            let expected = format!("{classes} rows of {classes} columns");
            return Err(EvalError::setting("counts", found, expected));
        }
        let mut cells = counts.iter().flatten();
        match cells.try_fold(0_u64, |total, &count| total.checked_add(count)) {
            Some(_) => Ok(Self {
                class_names,
                counts,
            }),
            None => Err(EvalError::setting(
                "sum of the counts",
                "larger",
                "at most 2^64 - 1",
            )),
        }
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
                first: 1,
                second: 0
            }
        );
        assert_eq!(from(&[], &[]), EvalError::NoRows);
        assert_eq!(
            from(&[0, 2], &[0, 5]),
            EvalError::row(1, "label", 2, "a class below 2")
        );
        assert_eq!(
            from(&[0, 1], &[0, 2]),
            EvalError::row(1, "prediction", 2, "a class below 2")
        );
        assert_eq!(
            ConfusionMatrix::new(["only"]).unwrap_err(),
            EvalError::too_few("classes", 1, 2)
        );
        assert_eq!(
            ConfusionMatrix::new(Vec::<String>::new()).unwrap_err(),
            EvalError::too_few("classes", 0, 2)
        );
    }

    #[test]
    fn a_refused_row_leaves_the_counts_alone() {
        let mut matrix = three_classes();
        assert_eq!(
            matrix.add(0, 3).unwrap_err(),
            EvalError::row(6, "prediction", 3, "a class below 3")
        );
        assert_eq!(
            matrix.add(9, 9).unwrap_err(),
            EvalError::row(6, "label", 9, "a class below 3")
        );
        assert_eq!(matrix, three_classes());
    }

    #[test]
    fn json_round_trip_is_checked() {
        let matrix = three_classes();
        let json = serde_json::to_string(&matrix).unwrap();
        assert_eq!(
            json,
            r#"{"class_names":["a","b","c"],"counts":[[1,1,0],[2,1,0],[0,0,1]]}"#
        );
        let read: ConfusionMatrix = serde_json::from_str(&json).unwrap();
        assert_eq!(read, matrix);

        let refusal = |counts: &str| {
            let json = format!(r#"{{"class_names":["a","b"],"counts":{counts}}}"#);
            let error = serde_json::from_str::<ConfusionMatrix>(&json).unwrap_err();
            error.to_string()
        };
        assert!(refusal("[[1,2]]").contains("[2] columns, expected 2 rows of 2"));
        assert!(refusal("[[1,2],[3]]").contains("[2, 1] columns"));
        assert!(refusal(&format!("[[{},1],[0,0]]", u64::MAX)).contains("at most"));
    }
}
