//! What can go wrong between a file and a batch.

use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::StorageError;
use parquet::errors::ParquetError;

use crate::splits::Split;

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

    /// The compressed file is cut off or otherwise damaged.
    #[error("{path}: the compressed file is damaged: {source}")]
    Compressed {
        /// The file.
        path: PathBuf,
        /// What the decompressor said.
        source: io::Error,
    },

    /// An archive holds a path that leads out of it.
    #[error("{path}: the archive holds the path {entry:?}, which leads out of it")]
    ArchivePath {
        /// The archive.
        path: PathBuf,
        /// The path in it.
        entry: String,
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
        expected: String,
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

    /// The score is no finite number, or is not on the scale.
    #[error("{path}, row {row}: the score {found:?} is not {expected}")]
    InvalidScore {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The score in the file.
        found: String,
        /// The scores that the file may have.
        expected: String,
    },

    /// A scale does not go from a number up to a higher one.
    #[error(
        "expected a scale from a finite number up to a higher one, found {lowest} to {highest}"
    )]
    InvalidScale {
        /// The lower end.
        lowest: f64,
        /// The upper end.
        highest: f64,
    },

    /// No column was named for the text.
    #[error("expected at least one column of text, found none")]
    NoTextColumn,

    /// There is no data set of this name.
    #[error("no data set is called {name:?}, expected one of {}", names.join(", "))]
    UnknownDataset {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        names: Vec<&'static str>,
    },

    /// The data set was published without such a split.
    #[error("{name} has no {split} split")]
    NoSuchSplit {
        /// The data set.
        name: &'static str,
        /// The split that was asked for.
        split: Split,
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

    /// A token has an id that no embedding table has a row for: the file is damaged.
    #[error("{path}: expected token ids up to {highest}, found {found} for {token:?}")]
    TokenIdTooLarge {
        /// The tokenizer's file.
        path: PathBuf,
        /// The token.
        token: String,
        /// The highest id that a token may have.
        highest: u32,
        /// Its id.
        found: u32,
    },

    /// A line of a byte-level BPE's merges is not two tokens.
    #[error("{path}, row {row}: expected two tokens with a space between them, found {found:?}")]
    MalformedMerge {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        row: u64,
        /// The line.
        found: String,
    },

    /// A byte-level BPE merges tokens, or into a token, that its vocabulary lacks.
    #[error("{path}, merge {row}: the vocabulary lacks the token {token:?}")]
    UnknownMergeToken {
        /// The file.
        path: PathBuf,
        /// The line of `merges.txt`, or the merge's number in `tokenizer.json`; from 1.
        row: u64,
        /// The token.
        token: String,
    },

    /// The tokenizer does more to a text than put special tokens before and after it.
    #[error("{path}: expected special tokens around each text, found {found}")]
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

    /// The first tokens to be kept leave no room for last ones.
    #[error("expected a head below {room} tokens, which is what a row has room for, found {head}")]
    HeadTooLong {
        /// The tokens of a row that are not special.
        room: usize,
        /// The first tokens to be kept.
        head: usize,
    },

    /// Windows that have as much in common as they hold never come to the end of a text.
    #[error(
        "expected a stride below {room} tokens, which is what a row has room for, found {stride}"
    )]
    StrideTooLong {
        /// The tokens of a row that are not special.
        room: usize,
        /// The tokens that a window has in common with the one before it.
        stride: usize,
    },

    /// Windows go over one text of a pair, and both may be cut.
    #[error(
        "expected windows over one text of a pair (only_first or only_second), found longest_first"
    )]
    WindowsOverBothTexts,

    /// Only one text of a pair may be cut, and the other leaves no room for it.
    #[error(
        "pair {pair}: expected at most {limit} tokens of the text that is not cut, found {found}"
    )]
    UncutTextTooLong {
        /// The pair's position among those encoded, from 1.
        pair: usize,
        /// The most tokens that leave room for the other text.
        limit: usize,
        /// The tokens of the text that is not cut.
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

    /// A label is not of the kind that the task of its data set says.
    #[error("row {row}: expected {expected}, found {found}")]
    InvalidLabel {
        /// The row's position in the data set, from 0.
        row: usize,
        /// The labels that the row may have.
        expected: String,
        /// The label that it has.
        found: String,
    },

    /// An example has a second text and its task has none, or the other way round.
    #[error("row {row}: expected {expected} text(s)")]
    TextPair {
        /// The row's position in the data set, from 0.
        row: usize,
        /// The texts that the task says.
        expected: usize,
    },

    /// A part of a data set that there is not.
    #[error("expected train, validation, test or unlabelled, found {found:?}")]
    UnknownSplit {
        /// What was asked for.
        found: String,
    },

    /// A cleaning step that there is not.
    #[error(
        "expected html, urls, mentions, emoji, special_characters, repeated_spaces or lower_case, \
         found {found:?}"
    )]
    UnknownCleaningStep {
        /// What was asked for.
        found: String,
    },

    /// A way to cut long texts that there is not.
    #[error("expected head, tail, head-tail-N or windows-N, found {found:?}")]
    UnknownTruncation {
        /// What was asked for.
        found: String,
    },

    /// A setting of masking is out of its range.
    #[error("masking: expected {setting} {expected}, found {found}")]
    InvalidMasking {
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: f64,
        /// The values that it may have.
        expected: &'static str,
    },

    /// Whole words are to be masked, and it is not known where words begin.
    #[error("whole words can only be masked in texts of a tokenizer that tells words apart")]
    WordsUnknown,

    /// The arrays of a cached data set do not fit each other.
    #[error("{path}: the arrays are not of one data set")]
    CacheMismatch {
        /// The file.
        path: PathBuf,
    },

    /// A file of arrays, such as the cache of an encoded data set, cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),

    /// A batch names a row that the data set does not have.
    #[error("expected a row below {rows}, found {row}")]
    RowOutOfRange {
        /// The row's position, from 0.
        row: usize,
        /// The rows of the data set.
        rows: usize,
    },

    /// A part of a split has a share that is none.
    #[error("part {part} of a split: expected a share above 0 and at most 1, found {found}")]
    ShareOutOfRange {
        /// The part's position, from 0.
        part: usize,
        /// The share.
        found: f64,
    },

    /// The shares of a split are more than everything.
    #[error("expected shares that add up to at most 1, found {found}")]
    SharesAboveOne {
        /// The sum of the shares.
        found: f64,
    },

    /// The parts of a split have more rows than there are.
    #[error("expected parts of at most {rows} rows in all, found {found}")]
    PartsAboveRows {
        /// The rows of the data set.
        rows: usize,
        /// The rows of all parts.
        found: usize,
    },

    /// A part of a split would have no rows.
    #[error("part {part} of a split of {rows} rows: expected at least 1 row, found 0")]
    EmptyPart {
        /// The part's position, from 0.
        part: usize,
        /// The rows of the data set.
        rows: usize,
    },

    /// There is nothing to fold, or nothing to train on.
    #[error("expected 2 to {most} folds (one per {unit} at most), found {found}")]
    FoldCount {
        /// What is dealt to the folds, rows or groups.
        unit: &'static str,
        /// How many of them there are.
        most: usize,
        /// The folds that were asked for.
        found: usize,
    },

    /// Groups were given for another number of rows.
    #[error("expected a group for each of {rows} rows, found {found}")]
    GroupCount {
        /// The rows of the data set.
        rows: usize,
        /// The groups given.
        found: usize,
    },

    /// A fold that there is not.
    #[error("expected a fold below {folds}, found {found}")]
    FoldOutOfRange {
        /// The folds.
        folds: usize,
        /// The fold that was asked for.
        found: usize,
    },

    /// A fold file is not as it was written.
    #[error("{path}: expected {expected}, found {found}")]
    FoldFile {
        /// The file.
        path: PathBuf,
        /// What a fold file has.
        expected: String,
        /// What this one has.
        found: String,
    },

    /// Folds are used with another data set than the one they were made for.
    #[error(
        "folds of the data with fingerprint {expected} ({expected_rows} rows), found data with \
         fingerprint {found} ({found_rows} rows)"
    )]
    FoldsOfOtherData {
        /// The fingerprint of the data that the folds were made for.
        expected: String,
        /// Its rows.
        expected_rows: usize,
        /// The fingerprint of the data set given.
        found: String,
        /// Its rows.
        found_rows: usize,
    },

    /// The hub has no such data set: it is to be had from elsewhere.
    #[cfg(feature = "hub")]
    #[error(
        "the data set {name} is not on the hub: its card in datasets/ says where it comes from"
    )]
    NotOnHub {
        /// The name of the data set.
        name: &'static str,
    },

    /// A download failed.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] finetune_hub::HubError),
}

// The variants that many places build.
impl DataError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io { path, source }
    }

    /// Of reading a file that may be compressed: what the operating system did not say, the
    /// decompressor did.
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

    /// Whether the error is about one row, and the rows after it can be read.
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

    /// The error of tokenising a chunk as one of the whole data set, of which `texts` are done.
    pub(crate) fn of_text_after(self, texts: usize) -> Self {
        match self {
            Self::Encode { path, text, source } => Self::Encode {
                path,
                text: texts + text,
                source,
            },
            Self::UncutTextTooLong { pair, limit, found } => Self::UncutTextTooLong {
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
