//! Errors of this crate.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::{Placeholder, StorageError};

use crate::excerpt::{excerpt, excerpts, shortened, suggested_delimiter};

/// Error of this crate.
///
/// Errors about a file name the file and, where applicable, the row: in text files the line on
/// which the record begins, in Parquet files the record number, both from 1.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Path of the file or directory.
        path: PathBuf,
        /// Error reported by the operating system.
        source: io::Error,
    },

    /// A compressed file is truncated or corrupted.
    #[error("{path}: the compressed file is corrupted: {source}")]
    Compressed {
        /// Path of the file.
        path: PathBuf,
        /// Error reported by the decompressor.
        source: io::Error,
    },

    /// A Parquet, Arrow or tokenizer file is corrupted or uses an unsupported feature.
    #[error("{path}: {}", shortened(&source.to_string()))]
    Library {
        /// Path of the file.
        path: PathBuf,
        /// Error reported by the `parquet`, `arrow` or `tokenizers` library.
        source: Box<dyn Error + Send + Sync>,
    },

    /// The row, or a file that is a single JSON document, is not valid JSON or not the expected
    /// JSON.
    #[error("{path}, row {row}: {}", shortened(&source.to_string()))]
    Json {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        row: u64,
        /// Error reported by the JSON parser.
        source: serde_json::Error,
    },

    /// A directory contains none of the expected files, or lacks one of them.
    #[error("{directory}: found none of {}", looked_for.join(", "))]
    MissingFiles {
        /// Path of the directory.
        directory: PathBuf,
        /// The file names that were tried.
        looked_for: Vec<String>,
    },

    /// The file as a whole is invalid: empty, without rows, of an unsupported format, or
    /// inconsistent.
    #[error("{path}: {problem}")]
    InvalidFile {
        /// Path of the file or directory.
        path: PathBuf,
        /// Description of what is wrong.
        problem: String,
    },

    /// The vocabulary, the special tokens or the template of a tokenizer are invalid.
    #[error("{path}: {problem}")]
    InvalidTokenizer {
        /// Path of the tokenizer file.
        path: PathBuf,
        /// Description of what is wrong.
        problem: String,
    },

    /// Labels that were to be classes look like scores: many different numbers with fractions.
    #[error(
        "{path}: the {distinct} different labels look like scores, such as {:?}; say \
         whether they are scores or classes",
        excerpt(example)
    )]
    AmbiguousLabels {
        /// Path of the file.
        path: PathBuf,
        /// Number of different labels.
        distinct: usize,
        /// A label with a fraction.
        example: String,
    },

    /// The file has no column of this name or position.
    #[error(
        "{path}: no column {:?}, expected one of {}{}",
        excerpt(column),
        excerpts(available),
        suggested_delimiter(column, available)
    )]
    UnknownColumn {
        /// Path of the file.
        path: PathBuf,
        /// The requested column.
        column: String,
        /// The columns of the file; empty if they have no names.
        available: Vec<String>,
    },

    /// A row has invalid text, a wrong number of columns, or an invalid value or label. Other rows
    /// can still be read.
    #[error("{path}, row {row}: {problem}")]
    InvalidRow {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
        /// Description of what is wrong.
        problem: String,
    },

    /// A row does not end where it should: it has an unclosed quote or is too long. The rows after
    /// it are not reliable.
    #[error("{path}, row {row}: {problem}")]
    BrokenRow {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
        /// Description of what is wrong.
        problem: String,
    },

    /// A setting or an argument is out of range.
    #[error("{setting}: expected {expected}, found {found}")]
    InvalidSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Valid values.
        expected: String,
        /// Value found.
        found: String,
    },

    /// A split, a subset or folds do not fit the dataset.
    #[error("expected {expected}, found {found}")]
    InvalidSplit {
        /// Valid values.
        expected: String,
        /// Value found.
        found: String,
    },

    /// The label, the number of texts or the length of a row does not match its dataset.
    #[error("row {row}: expected {expected}, found {found}")]
    InvalidExample {
        /// Index of the row in the dataset, from 0.
        row: usize,
        /// Valid values.
        expected: String,
        /// Value found.
        found: String,
    },

    /// A row index is out of range.
    #[error("expected a row below {rows}, found {row}")]
    RowOutOfRange {
        /// Index of the row, from 0.
        row: usize,
        /// Number of rows of the dataset.
        rows: usize,
    },

    /// A text cannot be tokenized.
    #[error("{path}: text {text}: {source}")]
    Encode {
        /// Path of the tokenizer file.
        path: PathBuf,
        /// Number of the text among those encoded, from 1.
        text: usize,
        /// Error reported by the `tokenizers` library.
        source: tokenizers::Error,
    },

    /// The text of a pair that is not truncated leaves no room for the other text.
    #[error(
        "pair {pair}: expected at most {limit} tokens of the text that is not cut, found {found}"
    )]
    UntruncatedTextTooLong {
        /// Number of the pair among those encoded, from 1.
        pair: usize,
        /// Maximum number of tokens that leaves room for the other text.
        limit: usize,
        /// Number of tokens of the text that is not truncated.
        found: usize,
    },

    /// An array file, such as the cache of an encoded dataset, cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),

    /// The dataset is not available on the hub.
    #[cfg(feature = "hub")]
    #[error(
        "the data set {name} is not on the hub: its card in datasets/ says where it comes from"
    )]
    NotOnHub {
        /// Name of the dataset.
        name: &'static str,
    },

    /// A repository of the hub has no files of a known format, or none with training rows.
    #[cfg(feature = "hub")]
    #[error(
        "{name}: no training rows in .parquet, .jsonl, .csv, .tsv or .json files, nor in the hub's \
         conversion to Parquet"
    )]
    NoTables {
        /// Name of the dataset.
        name: String,
    },

    /// A download failed.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] finetune_hub::HubError),
}

// Constructors for errors that many modules return.
impl DataError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io { path, source }
    }

    /// Returns the error of reading a file that may be compressed. Errors without an
    /// operating-system error code come from the decompressor.
    pub(crate) fn reading(path: &Path, source: io::Error) -> Self {
        if source.raw_os_error().is_some() {
            return Self::io(path, source);
        }
        let path = path.to_path_buf();
        Self::Compressed { path, source }
    }

    pub(crate) fn library(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (path, source) = (path.to_path_buf(), source.into());
        Self::Library { path, source }
    }

    pub(crate) fn json(path: &Path, source: serde_json::Error) -> Self {
        let (path, row) = (path.to_path_buf(), source.line() as u64);
        Self::Json { path, row, source }
    }

    pub(crate) fn file(path: &Path, problem: impl Into<String>) -> Self {
        let (path, problem) = (path.to_path_buf(), problem.into());
        Self::InvalidFile { path, problem }
    }

    pub(crate) fn empty_file(path: &Path) -> Self {
        Self::file(path, "the file is empty")
    }

    pub(crate) fn no_rows(path: &Path) -> Self {
        Self::file(path, "the file has no rows")
    }

    pub(crate) fn tokenizer(path: &Path, problem: impl Into<String>) -> Self {
        let (path, problem) = (path.to_path_buf(), problem.into());
        Self::InvalidTokenizer { path, problem }
    }

    /// Returns the error of a setting in a file beside a tokenizer.
    pub(crate) fn token_setting(
        path: &Path,
        key: &str,
        expected: &str,
        found: &serde_json::Value,
    ) -> Self {
        let found = found.to_string();
        let (key, found) = (excerpt(key), excerpt(&found));
        Self::tokenizer(path, format!("{key}: {expected}, found {found}"))
    }

    pub(crate) fn missing_special_token(path: &Path, token: &str) -> Self {
        Self::tokenizer(
            path,
            format!(
                "the vocabulary lacks the special token {:?}",
                excerpt(token)
            ),
        )
    }

    pub(crate) fn empty_vocabulary(path: &Path) -> Self {
        Self::tokenizer(path, "the tokenizer has an empty vocabulary")
    }

    pub(crate) fn row(path: &Path, row: u64, problem: impl Into<String>) -> Self {
        let (path, problem) = (path.to_path_buf(), problem.into());
        Self::InvalidRow { path, row, problem }
    }

    pub(crate) fn invalid_utf8(path: &Path, row: u64) -> Self {
        Self::row(path, row, "the text is not valid UTF-8")
    }

    pub(crate) fn column_count(path: &Path, row: u64, expected: usize, found: usize) -> Self {
        Self::row(
            path,
            row,
            format!("expected {expected} columns, found {found}"),
        )
    }

    pub(crate) fn missing_value(path: &Path, row: u64, column: &str) -> Self {
        let column = excerpt(column);
        Self::row(path, row, format!("no value in the column {column:?}"))
    }

    /// Returns the error of a value that is not text, a number or a Boolean.
    pub(crate) fn unsupported_type(path: &Path, row: u64, column: &str, found: &str) -> Self {
        let expected = "expected text, a number or a bool";
        let (column, found) = (excerpt(column), excerpt(found));
        Self::row(
            path,
            row,
            format!("column {column:?}: {expected}, found {found}"),
        )
    }

    /// Returns the error of a file whose content is not a table but a placeholder for one.
    pub(crate) fn placeholder(path: &Path, found: Placeholder) -> Self {
        Self::file(path, format!("the file is {found}"))
    }

    pub(crate) fn broken_row(path: &Path, row: u64, problem: impl Into<String>) -> Self {
        let (path, problem) = (path.to_path_buf(), problem.into());
        Self::BrokenRow { path, row, problem }
    }

    pub(crate) fn setting(
        setting: &'static str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        let (expected, found) = (expected.into(), found.to_string());
        Self::InvalidSetting {
            setting,
            expected,
            found,
        }
    }

    pub(crate) fn split(expected: impl Into<String>, found: impl ToString) -> Self {
        let (expected, found) = (expected.into(), found.to_string());
        Self::InvalidSplit { expected, found }
    }

    pub(crate) fn example(row: usize, expected: impl Into<String>, found: impl ToString) -> Self {
        let (expected, found) = (expected.into(), excerpt(&found.to_string()).into_owned());
        Self::InvalidExample {
            row,
            expected,
            found,
        }
    }

    /// Returns whether the error concerns a single row, so that reading can continue with the next
    /// row.
    pub(crate) fn is_of_one_row(&self) -> bool {
        matches!(self, Self::InvalidRow { .. } | Self::Json { .. })
    }

    /// Converts an error from tokenizing a chunk to positions in the whole dataset; `texts` is the
    /// number of texts before the chunk.
    pub(crate) fn of_text_after(mut self, texts: usize) -> Self {
        if let Self::Encode { text: place, .. } | Self::UntruncatedTextTooLong { pair: place, .. } =
            &mut self
        {
            *place += texts;
        }
        self
    }
}
