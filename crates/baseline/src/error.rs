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
    #[error("{setting}: expected {expected}, found {found}")]
    InvalidSetting {
        /// Name of the setting, such as `c`.
        setting: &'static str,
        /// The valid range.
        expected: &'static str,
        /// Value of the setting.
        found: String,
    },

    /// The token pattern is not a valid regular expression.
    #[error("token_pattern {pattern:?}: {source}")]
    TokenPattern {
        /// The pattern.
        pattern: String,
        /// Error reported by the `regex` crate.
        source: Box<regex::Error>,
    },

    /// The texts contain no terms.
    #[error("no terms in {texts} texts: they are empty, or hold stop words only")]
    EmptyVocabulary {
        /// Number of texts.
        texts: usize,
    },

    /// `max_df` stands for fewer texts than `min_df`.
    #[error("max_df stands for {most} texts, fewer than the {least} of min_df")]
    DocumentFrequencies {
        /// Minimum number of texts, from `min_df`.
        least: f64,
        /// Maximum number of texts, from `max_df`.
        most: f64,
    },

    /// No terms remain after filtering by document frequency.
    #[error("none of {terms} terms is in {least} to {most} texts: lower min_df or raise max_df")]
    NoTermsLeft {
        /// Number of terms before filtering.
        terms: usize,
        /// Minimum number of texts, from `min_df`.
        least: f64,
        /// Maximum number of texts, from `max_df`.
        most: f64,
    },

    /// There are more terms than supported column indices.
    #[error("more than {} terms", u32::MAX)]
    TooManyTerms,

    /// The row starts, indices or values of a sparse matrix are invalid.
    #[error("row {row} of a sparse matrix: expected {expected}, found {found}")]
    SparseRow {
        /// Row index, from 0.
        row: usize,
        /// The expected content.
        expected: &'static str,
        /// The content found.
        found: String,
    },

    /// The number of feature columns differs from that of the fitted model.
    #[error("expected rows of {expected} columns, found {found}")]
    ColumnCount {
        /// Number of columns of the fitted model.
        expected: usize,
        /// Number of columns found.
        found: usize,
    },

    /// The numbers of rows and labels differ.
    #[error("{rows} rows but {labels} labels: every row needs one")]
    LabelCount {
        /// Number of rows.
        rows: usize,
        /// Number of labels.
        labels: usize,
    },

    /// A label is out of range.
    #[error("row {row}: label {label} is outside the {classes} classes 0..{classes}")]
    LabelOutOfRange {
        /// Row index, from 0.
        row: usize,
        /// The label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },

    /// Fewer than two classes have rows.
    #[error("a classifier needs rows of two classes at least, found those of {found:?}")]
    TooFewClasses {
        /// The classes with rows: one or none.
        found: Vec<usize>,
    },

    /// The number of class weights differs from the number of classes.
    #[error("{given} class weights for {classes} classes")]
    ClassWeightCount {
        /// Number of weights.
        given: usize,
        /// Number of classes.
        classes: usize,
    },

    /// The loss or its gradient is NaN or infinite, for example because of extremely large values.
    #[error("iteration {iteration}: the loss ({loss}) or its slope is no number: too large values")]
    NotFinite {
        /// Number of completed iterations.
        iteration: usize,
        /// The loss.
        loss: f64,
    },

    /// A row of a dataset has no class label.
    #[error("{dataset}, row {row}: expected a class, found {found}")]
    NoClass {
        /// Name of the dataset.
        dataset: String,
        /// Row index, from 0.
        row: usize,
        /// The label found.
        found: String,
    },

    /// A row of a dataset is a pair of texts.
    #[error("{dataset}, row {row}: expected one text, found a pair")]
    TextPair {
        /// Name of the dataset.
        dataset: String,
        /// Row index, from 0.
        row: usize,
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
    #[error("{path}: {what}: expected {expected}, found {found}")]
    InvalidModelFile {
        /// Path of the file.
        path: PathBuf,
        /// The invalid part of the file.
        what: &'static str,
        /// The expected content.
        expected: String,
        /// The content found.
        found: String,
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
        expected: &'static str,
        found: impl ToString,
    ) -> Self {
        let found = found.to_string();
        Self::InvalidSetting {
            setting,
            expected,
            found,
        }
    }
}
