//! What can go wrong between a file and a batch.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

/// Every way in which this crate fails.
///
/// An error about a file names the file, and the row where there is one: the line on which the
/// record begins in a text file, the record's number in a Parquet file, both from 1.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system could not read or write the file.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// The file holds no bytes, or nothing but a byte order mark.
    #[error("{path}: the file is empty")]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },

    /// The file is well formed and holds no rows (a header at most).
    #[error("{path}: the file has no rows")]
    NoRows {
        /// The file.
        path: PathBuf,
    },

    /// A folder holds none of the files that were looked for.
    #[error("{directory}: found none of {}", looked_for.join(", "))]
    MissingFiles {
        /// The folder.
        directory: PathBuf,
        /// The names that would have done.
        looked_for: Vec<String>,
    },

    /// A split in several files lacks one of them.
    #[error("{directory}: the shard {name} is missing")]
    MissingShard {
        /// The folder.
        directory: PathBuf,
        /// The name of the missing file.
        name: String,
    },

    /// A folder holds shards of two different cuts of one split.
    #[error("{directory}: expected the shards of one cut, found {}", found.join(", "))]
    AmbiguousShards {
        /// The folder.
        directory: PathBuf,
        /// One shard of each cut.
        found: Vec<String>,
    },

    /// The name of the file does not say how to read it.
    #[error("{path}: expected one of the extensions {expected}, found {found:?}")]
    UnsupportedExtension {
        /// The file.
        path: PathBuf,
        /// The extensions that can be read.
        expected: &'static str,
        /// The extension of the file, empty if it has none.
        found: String,
    },

    /// The row is not UTF-8.
    #[error("{path}, row {row}: the text is not valid UTF-8")]
    InvalidUtf8 {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
    },

    /// The row holds a NUL character, which no text has: the file is damaged or binary.
    #[error("{path}, row {row}: the text holds a NUL character")]
    NulByte {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
    },

    /// The row is longer than any text should be: most often not a text file at all.
    #[error("{path}, row {row}: the row is longer than {limit} bytes")]
    RowTooLong {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The longest row that is read, in bytes.
        limit: usize,
    },

    /// The row has too few or too many columns.
    #[error("{path}, row {row}: expected {expected} columns, found {found}")]
    ColumnCount {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The columns of the header, of the layout, or of the first row.
        expected: usize,
        /// The columns of this row.
        found: usize,
    },

    /// The file has no such column.
    #[error("{path}: no column {column:?}, expected one of {available:?}")]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The column that was asked for.
        column: String,
        /// The columns of the file; empty if they have no names.
        available: Vec<String>,
    },

    /// The file has the column twice.
    #[error("{path}: more than one column is named {column:?}")]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The column that was asked for.
        column: String,
    },

    /// A quoted field runs to the end of the file.
    #[error("{path}, row {row}: a quoted field that begins in this row is never closed")]
    UnterminatedQuote {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
    },

    /// A quoted field goes on after its closing quote: the quote is not doubled, or an earlier
    /// field of the row was never closed.
    #[error(
        "{path}, row {row}, column {column}: expected a delimiter after the closing quote, found \
         more text (is a quote not doubled, or an earlier one not closed?)"
    )]
    StrayQuote {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The column's position, from 1.
        column: usize,
    },

    /// The row has no value in a column that needs one.
    #[error("{path}, row {row}: no value in the column {column:?}")]
    MissingValue {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The column.
        column: String,
    },

    /// A column holds something that is no text, number or truth value.
    #[error(
        "{path}, row {row}, column {column:?}: expected text, a number or a bool, found {found}"
    )]
    UnsupportedType {
        /// The file.
        path: PathBuf,
        /// The row, from 1: the first of the column where the whole column has the type.
        row: u64,
        /// The column.
        column: String,
        /// The type in the words of the format.
        found: String,
    },

    /// The label is none of the classes.
    #[error("{path}, row {row}: the label {found:?} is none of {classes:?}")]
    UnknownLabel {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The label in the file.
        found: String,
        /// The labels that the file may have.
        classes: Vec<String>,
    },

    /// The training rows have fewer than two classes: there is nothing to tell apart.
    #[error("{path}: expected at least two classes, found {found:?}")]
    TooFewClasses {
        /// The training file.
        path: PathBuf,
        /// The classes found.
        found: Vec<String>,
    },

    /// The row, or the file where it has no rows, is not the JSON that was expected.
    #[error("{path}, row {row}: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        row: u64,
        /// What the JSON reader said.
        source: serde_json::Error,
    },

    /// The Parquet file is damaged or uses something that this build cannot read.
    #[error("{path}: {source}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the Parquet reader said.
        source: ParquetError,
    },

    /// The tokenizer's file is damaged or not a tokenizer.
    #[error("{path}: {source}")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizers library said.
        source: tokenizers::Error,
    },

    /// The tokenizer knows no tokens.
    #[error("{path}: the tokenizer has an empty vocabulary")]
    EmptyVocabulary {
        /// The tokenizer's file.
        path: PathBuf,
    },

    /// The vocabulary lacks a token that the model's input needs.
    #[error("{path}: the vocabulary lacks the special token {token:?}")]
    MissingSpecialToken {
        /// The tokenizer's file.
        path: PathBuf,
        /// The token.
        token: String,
    },

    /// The tokenizer does more to a text than put special tokens before and after it.
    #[error("{path}: expected special tokens before and after the text, found {found}")]
    UnsupportedTemplate {
        /// The tokenizer's file.
        path: PathBuf,
        /// What the tokenizer makes of a text.
        found: String,
    },

    /// A new vocabulary could not be learned.
    #[error("training a WordPiece vocabulary: {source}")]
    Training {
        /// What the tokenizers library said.
        source: tokenizers::Error,
    },

    /// The texts to learn a vocabulary from have no words.
    #[error("expected texts with words to learn a vocabulary from, found none")]
    EmptyCorpus,

    /// A new vocabulary has no room for the special tokens and an alphabet.
    #[error("expected a vocabulary of at least {minimum} tokens, found {found}")]
    VocabularyTooSmall {
        /// The smallest vocabulary.
        minimum: usize,
        /// The vocabulary that was asked for.
        found: usize,
    },

    /// A text could not be tokenised.
    #[error("{path}: text {text}: {source}")]
    Encode {
        /// The tokenizer's file.
        path: PathBuf,
        /// The text's position among those encoded, from 1.
        text: usize,
        /// What the tokenizers library said.
        source: tokenizers::Error,
    },

    /// The maximum length has no room for the special tokens and one token of text.
    #[error("expected a maximum length of at least {minimum} tokens, found {found}")]
    MaxLengthTooSmall {
        /// The special tokens and one.
        minimum: usize,
        /// The maximum length that was asked for.
        found: usize,
    },

    /// A batch of no rows was asked for.
    #[error("expected a batch size of at least 1, found 0")]
    BatchSizeZero,

    /// Rows cannot be padded to a multiple of nothing.
    #[error("expected padding to a multiple of at least 1, found 0")]
    PaddingMultipleZero,

    /// A row does not fit the fixed length of its batch.
    #[error("row {row}: expected at most {sequence_length} tokens (fixed padding), found {found}")]
    LongerThanFixedPadding {
        /// The row's position in the data set, from 0.
        row: usize,
        /// The fixed length of the batch.
        sequence_length: usize,
        /// The length of the row.
        found: usize,
    },

    /// A batch names a row that the data set does not have.
    #[error("expected a row below {rows}, found {row}")]
    RowOutOfRange {
        /// The row's position, from 0.
        row: usize,
        /// The rows of the data set.
        rows: usize,
    },
}

// The variants that many places build.
impl DataError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io { path, source }
    }

    pub(crate) fn tokenizer(path: &Path, source: tokenizers::Error) -> Self {
        let path = path.to_path_buf();
        Self::Tokenizer { path, source }
    }

    pub(crate) fn json(path: &Path, source: serde_json::Error) -> Self {
        let (path, row) = (path.to_path_buf(), source.line() as u64);
        Self::Json { path, row, source }
    }

    pub(crate) fn missing_special_token(path: &Path, token: &str) -> Self {
        let (path, token) = (path.to_path_buf(), token.to_owned());
        Self::MissingSpecialToken { path, token }
    }

    pub(crate) fn invalid_utf8(path: &Path, row: u64) -> Self {
        let path = path.to_path_buf();
        Self::InvalidUtf8 { path, row }
    }
}
