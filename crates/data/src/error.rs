//! Errors of this crate.

use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::StorageError;
use parquet::errors::ParquetError;

use crate::splits::Split;

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

    /// An archive contains a path that leads outside the archive.
    #[error("{path}: the archive holds the path {entry:?}, which leads out of it")]
    ArchivePath {
        /// Path of the archive.
        path: PathBuf,
        /// The path in the archive.
        entry: String,
    },

    /// The file is empty or consists of a byte order mark only.
    #[error("{path}: the file is empty")]
    EmptyFile {
        /// Path of the file.
        path: PathBuf,
    },

    /// The file is valid but has no rows (at most a header).
    #[error("{path}: the file has no rows")]
    NoRows {
        /// Path of the file.
        path: PathBuf,
    },

    /// A directory contains none of the expected files.
    #[error("{directory}: found none of {}", looked_for.join(", "))]
    MissingFiles {
        /// Path of the directory.
        directory: PathBuf,
        /// The file names that were tried.
        looked_for: Vec<String>,
    },

    /// A shard of a split is missing.
    #[error("{directory}: the shard {name} is missing")]
    MissingShard {
        /// Path of the directory.
        directory: PathBuf,
        /// Name of the missing file.
        name: String,
    },

    /// A directory contains shards of two different shardings of one split.
    #[error("{directory}: expected the shards of one cut, found {}", found.join(", "))]
    AmbiguousShards {
        /// Path of the directory.
        directory: PathBuf,
        /// One shard of each sharding.
        found: Vec<String>,
    },

    /// The file extension does not identify a supported format.
    #[error("{path}: expected one of the extensions {expected}, found {found:?}")]
    UnsupportedExtension {
        /// Path of the file.
        path: PathBuf,
        /// The supported extensions.
        expected: String,
        /// The extension of the file; empty if it has none.
        found: String,
    },

    /// The row is not valid UTF-8.
    #[error("{path}, row {row}: the text is not valid UTF-8")]
    InvalidUtf8 {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
    },

    /// The row contains a NUL character: the file is corrupted or binary.
    #[error("{path}, row {row}: the text holds a NUL character")]
    NulByte {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
    },

    /// The row exceeds the length limit; most often the file is not a text file.
    #[error("{path}, row {row}: the row is longer than {limit} bytes")]
    RowTooLong {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
        /// Maximum row length in bytes.
        limit: usize,
    },

    /// The row has too few or too many columns.
    #[error("{path}, row {row}: expected {expected} columns, found {found}")]
    ColumnCount {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
        /// Number of columns of the header, of the layout, or of the first row.
        expected: usize,
        /// Number of columns of this row.
        found: usize,
    },

    /// The file has no column of this name or position.
    #[error("{path}: no column {column:?}, expected one of {available:?}")]
    UnknownColumn {
        /// Path of the file.
        path: PathBuf,
        /// The requested column.
        column: String,
        /// The columns of the file; empty if they have no names.
        available: Vec<String>,
    },

    /// The file has two columns of this name.
    #[error("{path}: more than one column is named {column:?}")]
    DuplicateColumn {
        /// Path of the file.
        path: PathBuf,
        /// The requested column.
        column: String,
    },

    /// A quoted field is not closed before the end of the file.
    #[error("{path}, row {row}: a quoted field that begins in this row is never closed")]
    UnterminatedQuote {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
    },

    /// Text follows the closing quote of a quoted field: a quote is not doubled, or an earlier
    /// field of the row was never closed.
    #[error(
        "{path}, row {row}, column {column}: expected a delimiter after the closing quote, found \
         more text (is a quote not doubled, or an earlier one not closed?)"
    )]
    StrayQuote {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
        /// Column number, from 1.
        column: usize,
    },

    /// The row has no value in a required column.
    #[error("{path}, row {row}: no value in the column {column:?}")]
    MissingValue {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
        /// Name of the column.
        column: String,
    },

    /// A column contains a value that is not text, a number or a Boolean.
    #[error(
        "{path}, row {row}, column {column:?}: expected text, a number or a bool, found {found}"
    )]
    UnsupportedType {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1; the first row if the whole column has this type.
        row: u64,
        /// Name of the column.
        column: String,
        /// The type, as named by the file format.
        found: String,
    },

    /// The label is not one of the expected classes.
    #[error("{path}, row {row}: the label {found:?} is none of {classes:?}")]
    UnknownLabel {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
        /// The label in the file.
        found: String,
        /// The expected labels.
        classes: Vec<String>,
    },

    /// The score is not a finite number or is out of range.
    #[error("{path}, row {row}: the score {found:?} is not {expected}")]
    InvalidScore {
        /// Path of the file.
        path: PathBuf,
        /// Row number, from 1.
        row: u64,
        /// The score in the file.
        found: String,
        /// The expected range of the score.
        expected: String,
    },

    /// The minimum of a score range is not below its maximum, or one of them is not finite.
    #[error(
        "expected a scale from a finite number up to a higher one, found {lowest} to {highest}"
    )]
    InvalidScale {
        /// Minimum of the range.
        lowest: f64,
        /// Maximum of the range.
        highest: f64,
    },

    /// No text column was specified.
    #[error("expected at least one column of text, found none")]
    NoTextColumn,

    /// The catalog has no dataset of this name.
    #[error("no data set is called {name:?}, expected one of {}", names.join(", "))]
    UnknownDataset {
        /// The requested name.
        name: String,
        /// The names in the catalog.
        names: Vec<&'static str>,
    },

    /// The published dataset does not have this split.
    #[error("{name} has no {split} split")]
    NoSuchSplit {
        /// Name of the dataset.
        name: &'static str,
        /// The requested split.
        split: Split,
    },

    /// There are fewer than two classes, or a class is listed twice.
    #[error("{path}: expected at least two classes, found {found:?}")]
    TooFewClasses {
        /// Path of the training file.
        path: PathBuf,
        /// The classes found.
        found: Vec<String>,
    },

    /// The row, or a file that is a single JSON document, is not valid JSON or not the expected
    /// JSON.
    #[error("{path}, row {row}: {source}")]
    Json {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        row: u64,
        /// Error reported by the JSON parser.
        source: serde_json::Error,
    },

    /// The Parquet file is corrupted or uses an unsupported feature.
    #[error("{path}: {source}")]
    Parquet {
        /// Path of the file.
        path: PathBuf,
        /// Error reported by the Parquet reader.
        source: ParquetError,
    },

    /// The tokenizer file is corrupted or is not a tokenizer.
    #[error("{path}: {source}")]
    Tokenizer {
        /// Path of the file.
        path: PathBuf,
        /// Error reported by the `tokenizers` library.
        source: tokenizers::Error,
    },

    /// The tokenizer has an empty vocabulary.
    #[error("{path}: the tokenizer has an empty vocabulary")]
    EmptyVocabulary {
        /// Path of the tokenizer file.
        path: PathBuf,
    },

    /// The vocabulary lacks a special token that the model input needs.
    #[error("{path}: the vocabulary lacks the special token {token:?}")]
    MissingSpecialToken {
        /// Path of the tokenizer file.
        path: PathBuf,
        /// The missing token.
        token: String,
    },

    /// A token id exceeds the supported range: the file is corrupted.
    #[error("{path}: expected token ids up to {highest}, found {found} for {token:?}")]
    TokenIdTooLarge {
        /// Path of the tokenizer file.
        path: PathBuf,
        /// The token.
        token: String,
        /// Maximum token id.
        highest: u32,
        /// Id of the token.
        found: u32,
    },

    /// A line of a byte-level BPE merges file is not a pair of tokens.
    #[error("{path}, row {row}: expected two tokens with a space between them, found {found:?}")]
    MalformedMerge {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        row: u64,
        /// The line.
        found: String,
    },

    /// A byte-level BPE merge uses or produces a token that the vocabulary lacks.
    #[error("{path}, merge {row}: the vocabulary lacks the token {token:?}")]
    UnknownMergeToken {
        /// Path of the file.
        path: PathBuf,
        /// Line of `merges.txt`, or number of the merge in `tokenizer.json`; from 1.
        row: u64,
        /// The missing token.
        token: String,
    },

    /// The tokenizer template does more than add special tokens before and after a text.
    #[error("{path}: expected special tokens around each text, found {found}")]
    UnsupportedTemplate {
        /// Path of the tokenizer file.
        path: PathBuf,
        /// Description of what the template produces.
        found: String,
    },

    /// Training a vocabulary failed.
    #[error("training a WordPiece vocabulary: {source}")]
    Training {
        /// Error reported by the `tokenizers` library.
        source: tokenizers::Error,
    },

    /// The texts to train a vocabulary on contain no words.
    #[error("expected texts with words to learn a vocabulary from, found none")]
    EmptyCorpus,

    /// The vocabulary size is too small for the special tokens and the alphabet.
    #[error("expected a vocabulary of at least {minimum} tokens, found {found}")]
    VocabularyTooSmall {
        /// Minimum vocabulary size.
        minimum: usize,
        /// The requested vocabulary size.
        found: usize,
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

    /// The maximum length leaves no room for the special tokens and one token of text.
    #[error("expected a maximum length of at least {minimum} tokens, found {found}")]
    MaxLengthTooSmall {
        /// Number of special tokens plus one.
        minimum: usize,
        /// The requested maximum length.
        found: usize,
    },

    /// The head of head-tail truncation leaves no room for a tail.
    #[error("expected a head below {room} tokens, which is what a row has room for, found {head}")]
    TruncationHeadTooLong {
        /// Tokens of a row that are not special tokens.
        room: usize,
        /// Tokens to keep from the beginning of the text.
        head: usize,
    },

    /// The stride of sliding windows is not below the window size.
    #[error(
        "expected a stride below {room} tokens, which is what a row has room for, found {stride}"
    )]
    StrideTooLong {
        /// Tokens of a row that are not special tokens.
        room: usize,
        /// Tokens that a window shares with the previous window.
        stride: usize,
    },

    /// Sliding windows need a pair truncation that truncates only one text of a pair.
    #[error(
        "expected windows over one text of a pair (only_first or only_second), found longest_first"
    )]
    WindowsOverBothTexts,

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

    /// The batch size is 0.
    #[error("expected a batch size of at least 1, found 0")]
    BatchSizeZero,

    /// The padding multiple is 0.
    #[error("expected padding to a multiple of at least 1, found 0")]
    PaddingMultipleZero,

    /// A row is longer than the fixed padding length.
    #[error("row {row}: expected at most {sequence_length} tokens (fixed padding), found {found}")]
    LongerThanFixedPadding {
        /// Index of the row in the dataset, from 0.
        row: usize,
        /// The fixed length in tokens.
        sequence_length: usize,
        /// Length of the row in tokens.
        found: usize,
    },

    /// A label does not match the task of its dataset.
    #[error("row {row}: expected {expected}, found {found}")]
    InvalidLabel {
        /// Index of the row in the dataset, from 0.
        row: usize,
        /// The expected kind of label.
        expected: String,
        /// The label of the row.
        found: String,
    },

    /// The number of texts of an example does not match the task of its dataset.
    #[error("row {row}: expected {expected} text(s)")]
    TextPair {
        /// Index of the row in the dataset, from 0.
        row: usize,
        /// Number of texts in the task: 1 or 2.
        expected: usize,
    },

    /// Unknown name of a split.
    #[error("expected train, validation, test or unlabeled, found {found:?}")]
    UnknownSplit {
        /// The name found.
        found: String,
    },

    /// Unknown name of a cleaning step.
    #[error(
        "expected html, urls, mentions, emoji, special_characters, collapse_whitespace or lowercase, \
         found {found:?}"
    )]
    UnknownCleaningStep {
        /// The name found.
        found: String,
    },

    /// Unknown name of a truncation strategy.
    #[error("expected head, tail, head-tail-N or sliding-window-N, found {found:?}")]
    UnknownTruncation {
        /// The name found.
        found: String,
    },

    /// A masking setting is out of range.
    #[error("masking: expected {setting} {expected}, found {found}")]
    InvalidMasking {
        /// Name of the setting.
        setting: &'static str,
        /// Value of the setting.
        found: f64,
        /// The valid range.
        expected: &'static str,
    },

    /// Whole-word masking was requested for texts of a tokenizer that does not mark word starts.
    #[error("whole words can only be masked in texts of a tokenizer that tells words apart")]
    WordsUnknown,

    /// The arrays of a cached dataset do not match each other.
    #[error("{path}: the arrays are not of one data set")]
    CacheMismatch {
        /// Path of the file.
        path: PathBuf,
    },

    /// An array file, such as the cache of an encoded dataset, cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),

    /// A batch contains a row index that is out of range.
    #[error("expected a row below {rows}, found {row}")]
    RowOutOfRange {
        /// Index of the row, from 0.
        row: usize,
        /// Number of rows of the dataset.
        rows: usize,
    },

    /// A split fraction is outside `(0, 1]`.
    #[error("part {part} of a split: expected a share above 0 and at most 1, found {found}")]
    FractionOutOfRange {
        /// Index of the part, from 0.
        part: usize,
        /// The fraction.
        found: f64,
    },

    /// The split fractions add up to more than 1.
    #[error("expected shares that add up to at most 1, found {found}")]
    FractionsExceedOne {
        /// Sum of the fractions.
        found: f64,
    },

    /// The parts of a split have more rows than the dataset.
    #[error("expected parts of at most {rows} rows in all, found {found}")]
    SplitsExceedRows {
        /// Number of rows of the dataset.
        rows: usize,
        /// Total number of rows of the parts.
        found: usize,
    },

    /// A part of a split would have no rows.
    #[error("part {part} of a split of {rows} rows: expected at least 1 row, found 0")]
    EmptySplit {
        /// Index of the part, from 0.
        part: usize,
        /// Number of rows of the dataset.
        rows: usize,
    },

    /// The number of folds is below 2 or above the number of rows or groups.
    #[error("expected 2 to {most} folds (one per {unit} at most), found {found}")]
    FoldCount {
        /// The unit assigned to folds: rows or groups.
        unit: &'static str,
        /// Number of units.
        most: usize,
        /// The requested number of folds.
        found: usize,
    },

    /// The number of group labels differs from the number of rows.
    #[error("expected a group for each of {rows} rows, found {found}")]
    GroupCount {
        /// Number of rows of the dataset.
        rows: usize,
        /// Number of group labels.
        found: usize,
    },

    /// Fold index out of range.
    #[error("expected a fold below {folds}, found {found}")]
    FoldOutOfRange {
        /// Number of folds.
        folds: usize,
        /// The requested fold, from 0.
        found: usize,
    },

    /// A fold file is invalid or corrupted.
    #[error("{path}: expected {expected}, found {found}")]
    FoldFile {
        /// Path of the file.
        path: PathBuf,
        /// The expected content.
        expected: String,
        /// The content found.
        found: String,
    },

    /// The folds were made for a different dataset.
    #[error(
        "folds of the data with fingerprint {expected} ({expected_rows} rows), found data with \
         fingerprint {found} ({found_rows} rows)"
    )]
    FoldsOfOtherData {
        /// Fingerprint of the dataset that the folds were made for.
        expected: String,
        /// Number of rows of that dataset.
        expected_rows: usize,
        /// Fingerprint of the given dataset.
        found: String,
        /// Number of rows of the given dataset.
        found_rows: usize,
    },

    /// The dataset is not available on the hub.
    #[cfg(feature = "hub")]
    #[error(
        "the data set {name} is not on the hub: its card in datasets/ says where it comes from"
    )]
    NotOnHub {
        /// Name of the dataset.
        name: &'static str,
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

    /// Returns whether the error concerns a single row, so that reading can continue with the next
    /// row.
    pub(crate) fn is_of_one_row(&self) -> bool {
        matches!(
            self,
            Self::InvalidUtf8 { .. }
                | Self::NulByte { .. }
                | Self::ColumnCount { .. }
                | Self::MissingValue { .. }
                | Self::UnsupportedType { .. }
                | Self::UnknownLabel { .. }
                | Self::InvalidScore { .. }
                | Self::Json { .. }
        )
    }

    /// Converts an error from tokenizing a chunk to positions in the whole dataset; `texts` is the
    /// number of texts before the chunk.
    pub(crate) fn of_text_after(self, texts: usize) -> Self {
        match self {
            Self::Encode { path, text, source } => Self::Encode {
                path,
                text: texts + text,
                source,
            },
            Self::UntruncatedTextTooLong { pair, limit, found } => Self::UntruncatedTextTooLong {
                pair: texts + pair,
                limit,
                found,
            },
            other => other,
        }
    }

    pub(crate) fn invalid_utf8(path: &Path, row: u64) -> Self {
        let path = path.to_path_buf();
        Self::InvalidUtf8 { path, row }
    }
}
