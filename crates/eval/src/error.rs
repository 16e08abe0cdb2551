//! What can be wrong with the input of a metric.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Why a metric could not be computed, with the position and the value at fault.
///
/// ```
/// use finetune_eval::{ConfusionMatrix, EvalError};
///
/// let error = ConfusionMatrix::from_slices(&[0, 1], &[0, 2], ["ham", "spam"]).unwrap_err();
/// assert_eq!(error, EvalError::PredictionOutOfRange { row: 1, prediction: 2, classes: 2 });
/// assert_eq!(error.to_string(), "row 1: prediction 2 is outside the 2 classes 0..2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvalError {
    /// Labels and predictions do not pair up row by row.
    #[error("{labels} labels but {predictions} predictions: every row needs one of each")]
    LengthMismatch {
        /// Number of labels given.
        labels: usize,
        /// Number of predictions given.
        predictions: usize,
    },

    /// A label names no class.
    #[error("row {row}: label {label} is outside the {classes} classes 0..{classes}")]
    LabelOutOfRange {
        /// Position of the row, counted from 0.
        row: u64,
        /// The label found there.
        label: usize,
        /// Number of classes.
        classes: usize,
    },

    /// A prediction names no class.
    #[error("row {row}: prediction {prediction} is outside the {classes} classes 0..{classes}")]
    PredictionOutOfRange {
        /// Position of the row, counted from 0.
        row: u64,
        /// The prediction found there.
        prediction: usize,
        /// Number of classes.
        classes: usize,
    },

    /// A number that came from outside is NaN or infinite.
    #[error("row {row}: the {what} is {got}, not a finite number")]
    NotFinite {
        /// Position of the row, counted from 0.
        row: u64,
        /// What the number is, such as "predicted score".
        what: String,
        /// The number.
        got: String,
    },

    /// A row has not one number for each class.
    #[error("row {row}: {got} numbers for {classes} classes")]
    WrongWidth {
        /// Position of the row, counted from 0.
        row: u64,
        /// Number of classes.
        classes: usize,
        /// Numbers found in the row.
        got: usize,
    },

    /// The numbers of a row are no probabilities of classes that exclude each other.
    #[error("row {row}: not the probabilities of the classes: {reason}")]
    NotProbabilities {
        /// Position of the row, counted from 0.
        row: u64,
        /// Which of them is outside `[0, 1]`, or what they add up to.
        reason: String,
    },

    /// A row was asked for that is not there.
    #[error("row {row} is outside the {rows} rows 0..{rows}")]
    RowOutOfRange {
        /// The row asked for.
        row: usize,
        /// Number of rows.
        rows: usize,
    },

    /// The score of these rows is not a number, where scikit-learn or SciPy give NaN or an error.
    #[error("{metric} is undefined: {reason}")]
    Undefined {
        /// The score.
        metric: &'static str,
        /// What the rows lack.
        reason: String,
    },

    /// No metric is called so.
    #[error("unknown metric {name:?}, expected one of {known}")]
    UnknownMetric {
        /// The name given.
        name: String,
        /// The names there are, those most like it first.
        known: String,
    },

    /// Two metrics have one name.
    #[error("two metrics are called {name:?}; a metric of your own needs a name of its own")]
    DuplicateMetric {
        /// The name.
        name: String,
    },

    /// Targets are not of the kind that a metric compares with.
    #[error("targets are {found}, expected {expected}")]
    TargetKind {
        /// Their kind.
        found: &'static str,
        /// The kind that is needed.
        expected: &'static str,
    },

    /// An error of a user's own metric.
    #[error(transparent)]
    Custom(CustomError),

    /// A metric was asked of predictions that do not have it.
    #[error("{metric} needs {needs}")]
    MetricNeeds {
        /// The metric.
        metric: String,
        /// What it is computed from.
        needs: &'static str,
    },

    /// No class is called so.
    #[error("no class is called {name:?}, the classes are {class_names:?}")]
    UnknownClass {
        /// The name given.
        name: String,
        /// The names there are.
        class_names: Vec<String>,
    },

    /// Two sets of probabilities have different numbers of classes.
    #[error("cannot add rows of {other} classes to rows of {own}")]
    NumberOfClassesDiffers {
        /// Classes of the set that was to grow.
        own: usize,
        /// Classes of the set that was to be added.
        other: usize,
    },

    /// A setting of a metric is outside its range.
    #[error("{setting} is {got}, expected {expected}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        got: String,
        /// Which values it may have.
        expected: &'static str,
    },

    /// What was given makes no picture.
    #[error("cannot draw {plot}: {reason}")]
    Plot {
        /// The kind of picture.
        plot: &'static str,
        /// What is wrong with its data.
        reason: String,
    },

    /// A picture could not be written.
    #[error("{}: {reason}", path.display())]
    Picture {
        /// The file it was to become.
        path: std::path::PathBuf,
        /// Why it did not.
        reason: String,
    },

    /// A score over no rows is not a number.
    #[error("no rows: a score needs at least one labelled prediction")]
    NoRows,

    /// With fewer than two classes there is nothing to tell apart.
    #[error("{classes} class names: a classification needs at least two")]
    TooFewClasses {
        /// Number of class names given.
        classes: usize,
    },

    /// Two confusion matrices count different classes, so their cells do not correspond.
    #[error("cannot merge counts over the classes {other:?} into counts over {own:?}")]
    ClassNamesDiffer {
        /// Class names of the matrix that was to grow.
        own: Vec<String>,
        /// Class names of the matrix that was to be added.
        other: Vec<String>,
    },

    /// Stored counts are not one row and one column per class.
    #[error(
        "counts of {classes} classes must be {classes} x {classes}, got {what} of length {got}"
    )]
    CountsNotSquare {
        /// Number of class names.
        classes: usize,
        /// The list at fault: the list of rows, or one of the rows.
        what: String,
        /// Its length.
        got: usize,
    },

    /// The counts together exceed what a 64-bit total can hold.
    #[error("the counts add up to more than {} rows", u64::MAX)]
    TooManyRows,

    /// A sample is too small for what is asked of it.
    #[error("sample {sample:?}: {got} values where at least {needed} are needed")]
    TooFewValues {
        /// The sample at fault: `first`, `second`, the name of an arm.
        sample: String,
        /// Fewest values that will do.
        needed: usize,
        /// Number of values given.
        got: usize,
    },

    /// Paired samples do not pair up value by value.
    #[error("paired samples of {first} and {second} values: every pair needs one of each")]
    PairsIncomplete {
        /// Number of values of the first sample.
        first: usize,
        /// Number of values of the second sample.
        second: usize,
    },

    /// Nothing varies, so there is nothing to measure a difference by.
    #[error("the values do not vary, which leaves {test} undefined")]
    ZeroVariance {
        /// What was to be computed.
        test: &'static str,
    },

    /// A metric is NaN or infinite on some of the rows.
    #[error("the metric is {got} on {rows}")]
    MetricNotFinite {
        /// Which rows: all, all but one, or a resample by its number.
        rows: String,
        /// The metric.
        got: String,
    },

    /// There are not two arms to compare.
    #[error("{got} arms: a comparison needs at least two")]
    TooFewArms {
        /// Number of arms given.
        got: usize,
    },

    /// Two arms have one name.
    #[error("two arms are named {name:?}")]
    ArmTwice {
        /// The name.
        name: String,
    },

    /// No arm has the name of the baseline.
    #[error("no arm is named {name:?}, the arms are {arms:?}")]
    UnknownArm {
        /// The name asked for.
        name: String,
        /// The names there are.
        arms: Vec<String>,
    },

    /// A row of a table has not one cell for each column.
    #[error("row {row} of the table: {got} cells for {columns} columns")]
    CellsMismatch {
        /// Position of the row, counted from 0.
        row: usize,
        /// Number of columns.
        columns: usize,
        /// Number of cells given.
        got: usize,
    },

    /// A figure is no SVG drawing that stands by itself.
    #[error("not an SVG drawing that a page can hold: {reason}")]
    NotADrawing {
        /// What is wrong with it.
        reason: String,
    },

    /// A report cannot be written.
    #[error("{}: {reason}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
}

/// Any error of a user's own code. Two are equal if they are the same value.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub struct CustomError(#[source] Arc<dyn std::error::Error + Send + Sync>);

impl PartialEq for CustomError {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CustomError {}

impl EvalError {
    /// An error of a metric of your own.
    pub fn custom(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Custom(CustomError(error.into().into()))
    }
}

/// Sorts names by their likeness to one that is unknown.
pub(crate) fn nearest_first(name: &str, names: &mut [String]) {
    names.sort_by(|a, b| {
        let likeness = |other: &str| strsim::jaro_winkler(name, other);
        likeness(b).total_cmp(&likeness(a))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_and_where() {
        let cases = [
            (
                EvalError::LengthMismatch {
                    labels: 3,
                    predictions: 2,
                },
                "3 labels but 2 predictions: every row needs one of each",
            ),
            (
                EvalError::LabelOutOfRange {
                    row: 7,
                    label: 4,
                    classes: 4,
                },
                "row 7: label 4 is outside the 4 classes 0..4",
            ),
            (
                EvalError::NoRows,
                "no rows: a score needs at least one labelled prediction",
            ),
            (
                EvalError::TooFewClasses { classes: 1 },
                "1 class names: a classification needs at least two",
            ),
            (
                EvalError::ClassNamesDiffer {
                    own: vec!["a".into()],
                    other: vec!["b".into()],
                },
                "cannot merge counts over the classes [\"b\"] into counts over [\"a\"]",
            ),
            (
                EvalError::CountsNotSquare {
                    classes: 2,
                    what: "row 1".into(),
                    got: 3,
                },
                "counts of 2 classes must be 2 x 2, got row 1 of length 3",
            ),
        ];
        for (error, message) in cases {
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn is_an_error_that_threads_can_pass_on() {
        fn assert_passes<T: std::error::Error + Send + Sync + 'static>() {}
        assert_passes::<EvalError>();
    }
}
