//! Errors of the crate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

/// Error of a metric, test, plot or report; it names the position and the invalid value.
///
/// ```
/// use finetune_eval::{ConfusionMatrix, EvalError};
///
/// let error = ConfusionMatrix::from_slices(&[0, 1], &[0, 2], ["ham", "spam"]).unwrap_err();
/// assert!(matches!(error, EvalError::InvalidRow { row: 1, .. }));
/// assert_eq!(error.to_string(), "row 1: the prediction is 2, expected a class below 2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A setting or an argument is out of range.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Value found.
        found: String,
        /// Valid values.
        expected: String,
    },

    /// A row has an invalid value, or not the expected number of values.
    #[error("row {row}: the {what} is {found}, expected {expected}")]
    InvalidRow {
        /// Row index, from 0.
        row: u64,
        /// Invalid part of the row, such as "predicted score".
        what: String,
        /// Value found.
        found: String,
        /// Valid values.
        expected: String,
    },

    /// Lists that belong together, such as labels and predictions, differ in length.
    #[error("lists of {first} and {second} values, expected one of each per row")]
    LengthMismatch {
        /// Length of the first list, such as the labels.
        first: usize,
        /// Length of the second list, such as the predictions.
        second: usize,
    },

    /// There are no rows to score.
    #[error("no rows: a score needs at least one labeled prediction")]
    NoRows,

    /// There are too few classes, groups, or values of a sample.
    #[error("found {found} {what}, expected at least {needed}")]
    TooFew {
        /// What is counted; values of a sample are named with the sample.
        what: String,
        /// Number found.
        found: usize,
        /// Minimum number.
        needed: usize,
    },

    /// A metric or test is undefined for the rows, where scikit-learn or SciPy return NaN or raise
    /// an error.
    #[error("{metric} is undefined: {reason}")]
    Undefined {
        /// Name of the metric or test.
        metric: &'static str,
        /// Why it is undefined.
        reason: String,
    },

    /// No metric, class or group has this name.
    #[error("unknown {what} {name:?}, expected one of {known}")]
    Unknown {
        /// Kind of the named thing.
        what: &'static str,
        /// Name found.
        name: String,
        /// Existing names.
        known: String,
    },

    /// Two metrics or groups have the same name.
    #[error("two {what}s are called {name:?}")]
    Duplicate {
        /// Kind of the named things.
        what: &'static str,
        /// Duplicate name.
        name: String,
    },

    /// A metric is requested of predictions that do not provide its input.
    #[error(
        "{metric} needs {needs}{}",
        match others.as_str() {
            "" => String::new(),
            others => format!("; the metrics here are {others}"),
        }
    )]
    MetricNeeds {
        /// Name of the metric.
        metric: String,
        /// Input of the metric.
        needs: &'static str,
        /// Names of the metrics that the predictions have, those most like it first; empty if they
        /// are not known.
        others: String,
    },

    /// The data cannot be plotted, or a drawing cannot be embedded in a report.
    #[error("cannot draw {plot}: {reason}")]
    Plot {
        /// Kind of plot.
        plot: &'static str,
        /// What is wrong with the data.
        reason: String,
    },

    /// A plot or report cannot be written.
    #[error("{}: {reason}", path.display())]
    Write {
        /// File or directory.
        path: PathBuf,
        /// Reason.
        reason: String,
    },

    /// An error of a user's own metric.
    #[error(transparent)]
    Custom(CustomError),
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
    /// Creates an error of your own metric.
    pub fn custom(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Custom(CustomError(error.into().into()))
    }

    pub(crate) fn setting(
        setting: &'static str,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        let (found, expected) = (found.to_string(), expected.into());
        Self::InvalidSetting {
            setting,
            found,
            expected,
        }
    }

    pub(crate) fn row(
        row: u64,
        what: impl Into<String>,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        let (what, found, expected) = (what.into(), found.to_string(), expected.into());
        Self::InvalidRow {
            row,
            what,
            found,
            expected,
        }
    }

    pub(crate) fn too_few(what: impl Into<String>, found: usize, needed: usize) -> Self {
        let what = what.into();
        Self::TooFew {
            what,
            found,
            needed,
        }
    }

    pub(crate) fn undefined(metric: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Undefined { metric, reason }
    }

    pub(crate) fn unknown(what: &'static str, name: &str, known: &[impl AsRef<str>]) -> Self {
        let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
        Self::Unknown {
            what,
            name: name.to_owned(),
            known: known.join(", "),
        }
    }

    /// Returns a function from the error of the operating system.
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Write {
            path,
            reason: error.to_string(),
        }
    }

    pub(crate) fn plot(plot: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Plot { plot, reason }
    }
}

/// Returns `None` for a value that is undefined.
pub(crate) fn defined<T>(value: Result<T, EvalError>) -> Result<Option<T>, EvalError> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(EvalError::Undefined { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_and_where() {
        let cases = [
            (
                EvalError::setting("bins", 0, "at least 1"),
                "bins is 0, expected at least 1",
            ),
            (
                EvalError::row(7, "label", 4, "a class below 4"),
                "row 7: the label is 4, expected a class below 4",
            ),
            (
                EvalError::LengthMismatch {
                    first: 3,
                    second: 2,
                },
                "lists of 3 and 2 values, expected one of each per row",
            ),
            (
                EvalError::too_few("classes", 1, 2),
                "found 1 classes, expected at least 2",
            ),
            (
                EvalError::unknown("class", "c", &["a", "b"]),
                "unknown class \"c\", expected one of a, b",
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
