//! Errors of this crate.

use std::path::PathBuf;

use finetune_data::DataError;
use finetune_eval::EvalError;
use finetune_storage::StorageError;

/// Error of this crate.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// A setting is out of range.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// Name of the setting, such as `c`.
        setting: &'static str,
        /// Value of the setting.
        found: String,
        /// Valid values.
        expected: String,
    },

    /// The texts have no terms, or none within the document frequencies.
    #[error("no terms: {reason}")]
    NoTerms {
        /// Numbers of texts and terms.
        reason: String,
    },

    /// There are more terms than supported column indices.
    #[error("more than {} terms", u32::MAX)]
    TooManyTerms,

    /// A row of a dataset, of labels or of a matrix is invalid.
    #[error("{data}, row {row}: found {found}, expected {expected}")]
    InvalidRow {
        /// Name of the dataset, or kind of data.
        data: String,
        /// Row index, from 0.
        row: usize,
        /// Content found.
        found: String,
        /// Expected content.
        expected: String,
    },

    /// A number of rows or columns is wrong.
    #[error("number of {what} is {found}, expected {expected}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// Number found.
        found: usize,
        /// Expected number: that of the fitted model, or of the rows.
        expected: usize,
    },

    /// Fewer than two classes have rows.
    #[error("a classifier needs rows of two classes at least, found those of {found:?}")]
    TooFewClasses {
        /// The classes with rows: one or none.
        found: Vec<usize>,
    },

    /// The loss or its gradient is NaN or infinite, for example because of extremely large values.
    #[error("iteration {iteration}: the loss ({loss}) or its slope is no number: too large values")]
    NotFinite {
        /// Number of completed iterations.
        iteration: usize,
        /// The loss.
        loss: f64,
    },

    /// Error of the data crate, for example about folds.
    #[error(transparent)]
    Data(#[from] DataError),

    /// Error in computing scores.
    #[error(transparent)]
    Eval(#[from] EvalError),

    /// The file of a classifier cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),

    /// The file does not contain a valid classifier.
    #[error("{path}: {what} is {found}, expected {expected}")]
    InvalidModelFile {
        /// Path of the file.
        path: PathBuf,
        /// The invalid part of the file.
        what: &'static str,
        /// Content found.
        found: String,
        /// Expected content.
        expected: String,
    },

    /// A file cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// Error reported by the operating system.
        source: std::io::Error,
    },
}

impl BaselineError {
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
        data: impl Into<String>,
        row: usize,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        let (data, found, expected) = (data.into(), found.to_string(), expected.into());
        Self::InvalidRow {
            data,
            row,
            found,
            expected,
        }
    }
}
