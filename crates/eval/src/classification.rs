//! Accuracy, precision, recall and F1 of a classifier, from its confusion matrix.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::confusion_matrix::ConfusionMatrix;
use crate::error::EvalError;
use crate::text_table::width;

/// Accuracy, precision, recall and F1 of a classifier, all in `[0, 1]`.
///
/// Computed from integer counts over the whole dataset, as in scikit-learn's
/// [`precision_recall_fscore_support`] with `zero_division=0`: the precision of a class that is
/// never predicted, and the recall of a class without rows, are 0.
///
/// *Macro* scores are unweighted means over **all classes of the class list**. By default,
/// scikit-learn averages only over classes that occur in labels or predictions; here, a class that
/// occurs in neither counts as 0, as with `labels=range(C)`. The denominator is therefore the same
/// for every subset, fold and model, and scores are comparable.
///
/// *Weighted* scores are means weighted by the number of true rows of each class. *Micro* scores
/// are omitted: with one label per row, micro precision, recall and F1 all equal the accuracy. The
/// weighted recall equals the accuracy too, but is included because tables list it.
///
/// ```
/// use finetune_eval::ClassificationReport;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let report = ClassificationReport::from_slices(&[0, 0, 0, 1], &[0, 0, 1, 1], ["ham", "spam"])?;
/// assert_eq!(report.accuracy, 0.75);
/// assert_eq!(report.per_class[1].precision, 0.5);
/// assert_eq!(
///     report.to_string(),
/// "              precision    recall  f1-score   support
///
///          ham     1.0000    0.6667    0.8000         3
///         spam     0.5000    1.0000    0.6667         1
///
///     accuracy                         0.7500         4
///    macro avg     0.7500    0.8333    0.7333         4
/// weighted avg     0.8750    0.7500    0.7667         4
/// "
/// );
/// # Ok(())
/// # }
/// ```
///
/// [`precision_recall_fscore_support`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_fscore_support.html
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassificationReport {
    /// Number of rows, at least 1.
    pub rows: u64,
    /// Fraction of rows whose prediction equals the label.
    pub accuracy: f64,
    /// Macro-averaged precision.
    pub macro_precision: f64,
    /// Macro-averaged recall; the balanced accuracy if every class has rows.
    pub macro_recall: f64,
    /// Macro-averaged F1 (not the F1 of the averaged precision and recall).
    pub macro_f1: f64,
    /// Precision, averaged with the support as weights.
    pub weighted_precision: f64,
    /// Recall, averaged with the support as weights; equals the accuracy.
    pub weighted_recall: f64,
    /// F1, averaged with the support as weights.
    pub weighted_f1: f64,
    /// Scores per class, in class order.
    pub per_class: Vec<ClassScores>,
}

/// Scores of one class against all others, in `[0, 1]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassScores {
    /// Class name.
    pub name: String,
    /// Fraction of the rows predicted as this class that belong to it; 0 if there are none.
    pub precision: f64,
    /// Fraction of the rows of this class that are predicted as it; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 if the class is neither true nor predicted.
    pub f1: f64,
    /// Number of rows of this class.
    pub support: u64,
}

impl ClassificationReport {
    /// Computes the report from a confusion matrix.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if the matrix is empty.
    ///
    /// ```
    /// use finetune_eval::{ClassificationReport, ConfusionMatrix, EvalError};
    ///
    /// # fn main() -> Result<(), EvalError> {
    /// let mut matrix = ConfusionMatrix::new(["ham", "spam"])?;
    /// assert_eq!(ClassificationReport::from_confusion_matrix(&matrix), Err(EvalError::NoRows));
    /// matrix.add(1, 1)?;
    /// // A perfect prediction, yet no row was ham: its F1 is 0 and halves the mean.
    /// assert_eq!(ClassificationReport::from_confusion_matrix(&matrix)?.macro_f1, 0.5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_confusion_matrix(matrix: &ConfusionMatrix) -> Result<Self, EvalError> {
        let rows = matrix.some_rows()?;
        let per_class = matrix.class_scores();
        let accuracy = matrix.correct() as f64 / rows;
        let mean = |score: fn(&ClassScores) -> f64| {
            per_class.iter().map(score).sum::<f64>() / per_class.len() as f64
        };
        let weighted = |score: fn(&ClassScores) -> f64| {
            let sum: f64 = per_class
                .iter()
                .map(|class| score(class) * class.support as f64)
                .sum();
            sum / rows
        };
        Ok(Self {
            rows: matrix.total(),
            accuracy,
            macro_precision: mean(|class| class.precision),
            macro_recall: mean(|class| class.recall),
            macro_f1: mean(|class| class.f1),
            weighted_precision: weighted(|class| class.precision),
            // The recall of a class times its support is its number of hits, so the sum is exactly
            // the accuracy.
            weighted_recall: accuracy,
            weighted_f1: weighted(|class| class.f1),
            per_class,
        })
    }

    /// Computes the report from labels and predictions, one of each per row.
    ///
    /// # Errors
    ///
    /// - The errors of [`ConfusionMatrix::from_slices`].
    pub fn from_slices(
        labels: &[usize],
        predictions: &[usize],
        class_names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, EvalError> {
        Self::from_confusion_matrix(&ConfusionMatrix::from_slices(
            labels,
            predictions,
            class_names,
        )?)
    }
}

/// Writes a table that is identical to scikit-learn's [`classification_report`] with
/// `zero_division=0`, except that the support is always an integer. The precision of the format is
/// scikit-learn's `digits` (default: 4).
///
/// ```
/// use finetune_eval::ClassificationReport;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let report = ClassificationReport::from_slices(&[0, 1], &[0, 1], ["ham", "spam"])?;
/// assert!(format!("{report:.2}").contains("         ham       1.00      1.00"));
/// # Ok(())
/// # }
/// ```
///
/// [`classification_report`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.classification_report.html
impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.per_class.iter().map(|class| &class.name[..]);
        let table = ScoreTable::new(f.precision(), names);
        let mut text = table.head();
        for class in &self.per_class {
            let scores = [class.precision, class.recall, class.f1];
            text += &table.line(&class.name, scores, class.support);
        }
        let macro_means = [self.macro_precision, self.macro_recall, self.macro_f1];
        let means = [
            self.weighted_precision,
            self.weighted_recall,
            self.weighted_f1,
        ];
        text += "\n";
        text += &table.accuracy(self.accuracy, self.rows);
        text += &table.line("macro avg", macro_means, self.rows);
        text += &table.line("weighted avg", means, self.rows);
        f.write_str(&text)
    }
}

/// Layout of scikit-learn's `classification_report`.
pub(crate) struct ScoreTable {
    digits: usize,
    /// Width of the first column.
    first: usize,
}

impl ScoreTable {
    /// Creates the layout for these names and so many digits (default: 4).
    pub(crate) fn new<'a>(digits: Option<usize>, names: impl Iterator<Item = &'a str>) -> Self {
        let digits = digits.unwrap_or(4);
        let first = names
            .map(width)
            .fold("weighted avg".len().max(digits), usize::max);
        Self { digits, first }
    }

    /// Returns the heads of the columns and an empty line.
    pub(crate) fn head(&self) -> String {
        let heads = ["precision", "recall", "f1-score"].map(String::from);
        self.cells("", heads, &"support") + "\n"
    }

    /// Returns a line of precision, recall, F1 and support.
    pub(crate) fn line(&self, name: &str, scores: [f64; 3], support: u64) -> String {
        self.cells(name, scores.map(|score| self.shown(score)), &support)
    }

    fn accuracy(&self, accuracy: f64, rows: u64) -> String {
        let cells = [String::new(), String::new(), self.shown(accuracy)];
        self.cells("accuracy", cells, &rows)
    }

    fn shown(&self, score: f64) -> String {
        format!("{score:.digits$}", digits = self.digits)
    }

    fn cells(&self, name: &str, scores: [String; 3], support: &dyn fmt::Display) -> String {
        let ([precision, recall, f1], first) = (scores, self.first);
        format!("{name:>first$}  {precision:>9} {recall:>9} {f1:>9} {support:>9}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        // b: 1 of 2 predicted is right, 1 of 3 is found; c is never predicted.
        let report = ClassificationReport::from_slices(
            &[0, 0, 1, 1, 1, 2],
            &[0, 1, 1, 0, 0, 0],
            ["a", "b", "c"],
        )
        .unwrap();
        assert_eq!(report.rows, 6);
        assert_eq!(report.accuracy, 2.0 / 6.0);
        let b = &report.per_class[1];
        assert_eq!(
            (b.precision, b.recall, b.f1, b.support),
            (0.5, 1.0 / 3.0, 2.0 / 5.0, 3)
        );
        let c = &report.per_class[2];
        assert_eq!((c.precision, c.recall, c.f1, c.support), (0.0, 0.0, 0.0, 1));
        assert_eq!(report.macro_f1, (2.0 / 6.0 + 2.0 / 5.0) / 3.0);
        assert_eq!(
            report.weighted_f1,
            (2.0 * (2.0 / 6.0) + 3.0 * (2.0 / 5.0)) / 6.0
        );
        assert_eq!(report.weighted_recall, report.accuracy);
    }

    #[test]
    fn an_absent_class_counts_in_the_macro_mean() {
        let report =
            ClassificationReport::from_slices(&[0, 1], &[0, 1], ["a", "b", "absent"]).unwrap();
        assert_eq!(report.macro_f1, 2.0 / 3.0);
        assert_eq!(report.weighted_f1, 1.0);
    }

    #[test]
    fn no_rows_is_an_error() {
        let empty = ConfusionMatrix::new(["a", "b"]).unwrap();
        assert_eq!(
            ClassificationReport::from_confusion_matrix(&empty),
            Err(EvalError::NoRows)
        );
    }

    #[test]
    fn json_holds_every_score() {
        let report = ClassificationReport::from_slices(&[0, 1, 1], &[0, 1, 0], ["a", "b"]).unwrap();
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["macro_f1"], report.macro_f1);
        assert_eq!(json["per_class"][1]["name"], "b");
        assert_eq!(json["per_class"][1]["support"], 2);
        assert_eq!(
            serde_json::from_value::<ClassificationReport>(json).unwrap(),
            report
        );
    }

    #[test]
    fn long_names_widen_the_first_column() {
        let name = "a class name of some length";
        let report = ClassificationReport::from_slices(&[0, 1], &[0, 1], [name, "b"]).unwrap();
        let text = report.to_string();
        assert!(text.contains(&format!("\n{name}     1.0000")), "{text}");
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len()),
            "{text}"
        );
    }
}
