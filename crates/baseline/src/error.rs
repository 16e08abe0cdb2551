//! What can be wrong with settings, texts, labels and stored classifiers.

use std::path::PathBuf;

use finetune_data::DataError;
use finetune_eval::EvalError;
use finetune_storage::StorageError;

/// Every way in which this crate fails.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// A setting is outside its range.
    #[error("{setting}: expected {expected}, got {got}")]
    InvalidSetting {
        /// The setting, such as `c`.
        setting: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        got: String,
    },

    /// The token pattern is no regular expression.
    #[error("token_pattern {pattern:?}: {source}")]
    TokenPattern {
        /// The pattern, as it was given.
        pattern: String,
        /// What the regular expression library said.
        source: Box<regex::Error>,
    },

    /// No text has a single term.
    #[error("no terms in {texts} texts: they are empty, or hold stop words only")]
    EmptyVocabulary {
        /// The number of texts.
        texts: usize,
    },

    /// The most texts that a term may be in are fewer than the least.
    #[error("max_df stands for {most} texts, fewer than the {least} of min_df")]
    DocumentFrequencies {
        /// The least number of texts, by `min_df`.
        least: f64,
        /// The greatest number of texts, by `max_df`.
        most: f64,
    },

    /// Every term is too rare or too common.
    #[error("none of {terms} terms is in {least} to {most} texts: lower min_df or raise max_df")]
    NothingLeft {
        /// The number of terms before.
        terms: usize,
        /// The least number of texts, by `min_df`.
        least: f64,
        /// The greatest number of texts, by `max_df`.
        most: f64,
    },

    /// There are more terms than columns can be numbered.
    #[error("more than {} terms", u32::MAX)]
    TooManyTerms,

    /// Values, columns and row starts do not make a matrix.
    #[error("row {row} of a sparse matrix: expected {expected}, got {got}")]
    SparseRow {
        /// The row, from 0.
        row: usize,
        /// What was expected.
        expected: &'static str,
        /// What is there.
        got: String,
    },

    /// The rows have another number of columns than those that were fitted.
    #[error("expected rows of {expected} columns, got {got}")]
    ColumnCount {
        /// The number of columns that were fitted.
        expected: usize,
        /// The number of columns given.
        got: usize,
    },

    /// Rows and labels do not pair up.
    #[error("{rows} rows but {labels} labels: every row needs one")]
    LabelCount {
        /// The number of rows.
        rows: usize,
        /// The number of labels.
        labels: usize,
    },

    /// A label names no class.
    #[error("row {row}: label {label} is outside the {classes} classes 0..{classes}")]
    LabelOutOfRange {
        /// The row, from 0.
        row: usize,
        /// Its label.
        label: usize,
        /// The number of classes.
        classes: usize,
    },

    /// There is nothing to tell apart.
    #[error("a classifier needs rows of two classes at least, got those of {found:?}")]
    OneClass {
        /// The classes that have rows: one or none.
        found: Vec<usize>,
    },

    /// A given class weight is missing.
    #[error("{given} class weights for {classes} classes")]
    ClassWeightCount {
        /// The number of weights.
        given: usize,
        /// The number of classes.
        classes: usize,
    },

    /// The loss or its slope is no number, such as with values near the largest there are.
    #[error("iteration {iteration}: the loss ({loss}) or its slope is no number: too large values")]
    NotFinite {
        /// How many steps were taken before.
        iteration: usize,
        /// The loss.
        loss: f64,
    },

    /// A row of a data set has no class.
    #[error("{dataset}, row {row}: expected a class, got {got}")]
    NoClass {
        /// The name of the data set.
        dataset: String,
        /// The row, from 0.
        row: usize,
        /// The label.
        got: String,
    },

    /// A row of a data set is a pair of texts.
    #[error("{dataset}, row {row}: expected one text, got a pair")]
    TextPair {
        /// The name of the data set.
        dataset: String,
        /// The row, from 0.
        row: usize,
    },

    /// Folds, or another part of a data set.
    #[error(transparent)]
    Data(#[from] DataError),

    /// The scores.
    #[error(transparent)]
    Eval(#[from] EvalError),

    /// The file of a classifier.
    #[error(transparent)]
    Storage(#[from] StorageError),

    /// The file holds numbers that make no classifier.
    #[error("{path}: {what}: expected {expected}, got {got}")]
    Stored {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        what: &'static str,
        /// What was expected.
        expected: String,
        /// What is there.
        got: String,
    },

    /// A file could not be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl BaselineError {
    pub(crate) fn setting(
        setting: &'static str,
        expected: &'static str,
        got: impl ToString,
    ) -> Self {
        let got = got.to_string();
        Self::InvalidSetting {
            setting,
            expected,
            got,
        }
    }
}
