//! Errors of the crate.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Error of a metric, test, plot or report; it names the position and the invalid value.
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
    /// The numbers of labels and predictions differ.
    #[error("{labels} labels but {predictions} predictions: every row needs one of each")]
    LengthMismatch {
        /// Number of labels.
        labels: usize,
        /// Number of predictions.
        predictions: usize,
    },

    /// A label is not a class index.
    #[error("row {row}: label {label} is outside the {classes} classes 0..{classes}")]
    LabelOutOfRange {
        /// Row index, from 0.
        row: u64,
        /// Label found.
        label: usize,
        /// Number of classes.
        classes: usize,
    },

    /// A prediction is not a class index.
    #[error("row {row}: prediction {prediction} is outside the {classes} classes 0..{classes}")]
    PredictionOutOfRange {
        /// Row index, from 0.
        row: u64,
        /// Prediction found.
        prediction: usize,
        /// Number of classes.
        classes: usize,
    },

    /// An input value is NaN or infinite.
    #[error("row {row}: the {what} is {found}, not a finite number")]
    NotFinite {
        /// Row index, from 0.
        row: u64,
        /// Kind of value, such as "predicted score".
        what: String,
        /// Value found.
        found: String,
    },

    /// A row does not have one value per class.
    #[error("row {row}: {found} numbers for {classes} classes")]
    ClassCount {
        /// Row index, from 0.
        row: u64,
        /// Number of classes.
        classes: usize,
        /// Number of values found.
        found: usize,
    },

    /// The values of a row are not a probability distribution over the classes.
    #[error("row {row}: not the probabilities of the classes: {reason}")]
    NotProbabilities {
        /// Row index, from 0.
        row: u64,
        /// The value outside `[0, 1]`, or the sum of the row.
        reason: String,
    },

    /// A row index is out of range.
    #[error("row {row} is outside the {rows} rows 0..{rows}")]
    RowOutOfRange {
        /// Row index found.
        row: usize,
        /// Number of rows.
        rows: usize,
    },

    /// A metric is undefined for the rows, where scikit-learn or SciPy return NaN or raise an
    /// error.
    #[error("{metric} is undefined: {reason}")]
    Undefined {
        /// Name of the metric.
        metric: &'static str,
        /// Why it is undefined.
        reason: String,
    },

    /// No metric is called so.
    #[error("unknown metric {name:?}, expected one of {known}")]
    UnknownMetric {
        /// Name found.
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

    /// No class has this name.
    #[error("no class is called {name:?}, the classes are {class_names:?}")]
    UnknownClass {
        /// Name found.
        name: String,
        /// Existing class names.
        class_names: Vec<String>,
    },

    /// Two sets of probabilities have different numbers of classes.
    #[error("cannot add rows of {other} classes to rows of {own}")]
    NumberOfClassesDiffers {
        /// Number of classes of the set to extend.
        own: usize,
        /// Number of classes of the added set.
        other: usize,
    },

    /// A setting is out of range.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Value found.
        found: String,
        /// Valid values.
        expected: &'static str,
    },

    /// The data cannot be plotted.
    #[error("cannot draw {plot}: {reason}")]
    Plot {
        /// Kind of plot.
        plot: &'static str,
        /// What is wrong with the data.
        reason: String,
    },

    /// A plot cannot be written to a file.
    #[error("{}: {reason}", path.display())]
    PlotFile {
        /// File.
        path: std::path::PathBuf,
        /// Reason.
        reason: String,
    },

    /// There are no rows to score.
    #[error("no rows: a score needs at least one labeled prediction")]
    NoRows,

    /// There are fewer than two classes.
    #[error("{classes} class names: a classification needs at least two")]
    TooFewClasses {
        /// Number of class names.
        classes: usize,
    },

    /// Two confusion matrices have different classes.
    #[error("cannot merge counts over the classes {other:?} into counts over {own:?}")]
    ClassNamesDiffer {
        /// Class names of the matrix to extend.
        own: Vec<String>,
        /// Class names of the added matrix.
        other: Vec<String>,
    },

    /// Deserialized counts are not a `[C, C]` matrix.
    #[error(
        "counts of {classes} classes must be {classes} x {classes}, found {what} of length {found}"
    )]
    CountsNotSquare {
        /// Number of class names.
        classes: usize,
        /// The list of wrong length: the list of rows, or one of the rows.
        what: String,
        /// Length found.
        found: usize,
    },

    /// The sum of the counts exceeds 64 bits.
    #[error("the counts add up to more than {} rows", u64::MAX)]
    TooManyRows,

    /// A sample has too few values.
    #[error("sample {sample:?}: {found} values where at least {needed} are needed")]
    TooFewValues {
        /// Name of the sample: `first`, `second`, or that of a group.
        sample: String,
        /// Minimum number of values.
        needed: usize,
        /// Number of values found.
        found: usize,
    },

    /// Paired samples have different numbers of values.
    #[error("paired samples of {first} and {second} values: every pair needs one of each")]
    PairsIncomplete {
        /// Number of values of the first sample.
        first: usize,
        /// Number of values of the second sample.
        second: usize,
    },

    /// The values have no variance, so the test is undefined.
    #[error("the values do not vary, which leaves {test} undefined")]
    ZeroVariance {
        /// Test or effect size.
        test: &'static str,
    },

    /// A metric is NaN or infinite on some of the rows.
    #[error("the metric is {found} on {rows}")]
    MetricNotFinite {
        /// Rows: all, all but one, or the number of a resample.
        rows: String,
        /// Value found.
        found: String,
    },

    /// There are fewer than two groups to compare.
    #[error("{found} groups: a comparison needs at least two")]
    TooFewGroups {
        /// Number of groups found.
        found: usize,
    },

    /// Two groups have the same name.
    #[error("two groups are named {name:?}")]
    DuplicateGroup {
        /// Duplicate name.
        name: String,
    },

    /// No group has the name of the baseline.
    #[error("no group is named {name:?}, the groups are {groups:?}")]
    UnknownGroup {
        /// Name found.
        name: String,
        /// Existing names of groups.
        groups: Vec<String>,
    },

    /// A table row does not have one cell per column.
    #[error("row {row} of the table: {found} cells for {columns} columns")]
    CellCount {
        /// Row index, from 0.
        row: usize,
        /// Number of columns.
        columns: usize,
        /// Number of cells found.
        found: usize,
    },

    /// A figure is not a self-contained SVG drawing.
    #[error("not an SVG drawing that a page can hold: {reason}")]
    InvalidSvg {
        /// What is wrong with it.
        reason: String,
    },

    /// A report cannot be written.
    #[error("{}: {reason}", path.display())]
    Write {
        /// File or directory.
        path: PathBuf,
        /// Error of the operating system.
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
                "no rows: a score needs at least one labeled prediction",
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
                    found: 3,
                },
                "counts of 2 classes must be 2 x 2, found row 1 of length 3",
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
