//! Errors of this crate.

use std::path::PathBuf;

/// Error of this crate; each names the file, field or value it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// Reading or tokenizing the texts failed.
    #[error(transparent)]
    Data(#[from] finetune_data::DataError),
    /// Loading or running the model failed.
    #[error(transparent)]
    Model(#[from] finetune_model::ModelError),
    /// The device does not support the configured precision.
    #[error(transparent)]
    Precision(#[from] finetune_ops::PrecisionError),
    /// Computing metrics failed.
    #[error(transparent)]
    Eval(#[from] finetune_eval::EvalError),
    /// A setting is out of range, or does not fit the model or another setting.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Value of the setting.
        found: String,
        /// Description of valid values.
        expected: String,
    },
    /// The tokenizer has tokens without a row in the model's embedding table.
    #[error(
        "{}: the tokenizer has ids up to {highest_id}, the embedding table of the model {rows} rows",
        path.display()
    )]
    VocabularyTooLarge {
        /// Directory of tokenizer and model.
        path: PathBuf,
        /// Highest token id.
        highest_id: usize,
        /// Number of rows of the word embedding table.
        rows: usize,
    },
    /// The maximum length exceeds the model's position embeddings.
    #[error(
        "{}: max_length is {length}, above max_position_embeddings {positions}",
        path.display()
    )]
    LongerThanPositions {
        /// Directory of the model.
        path: PathBuf,
        /// Configured maximum length in tokens.
        length: usize,
        /// Maximum sequence length of the model, in tokens.
        positions: usize,
    },
    /// The checkpoint lacks all or part of a trained head.
    #[error(
        "{}: no fine-tuned classifier: the checkpoint lacks {}",
        path.display(),
        tensors.join(", ")
    )]
    NotAClassifier {
        /// Directory of the model.
        path: PathBuf,
        /// Names of the missing tensors.
        tensors: Vec<String>,
    },
    /// The outputs for a row are not finite: the weights are not, or activations overflow.
    #[error("row {row}: the outputs of the model are {found}, expected finite numbers")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Outputs of the row.
        found: String,
    },
    /// Single texts were given to a model for pairs, or pairs to a model for single texts.
    #[error("{found} texts a row, but the model is for {expected}")]
    TextCount {
        /// Texts per row of the model.
        expected: usize,
        /// Texts per row of the input.
        found: usize,
    },
    /// A file is not valid JSON of the expected type.
    #[error("{}: {source}", path.display())]
    Json {
        /// Path of the file.
        path: PathBuf,
        /// JSON error, with line and column.
        source: serde_json::Error,
    },
    /// A file or directory could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Path of the file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

impl PredictError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn setting(
        setting: &'static str,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::InvalidSetting {
            setting,
            found: found.to_string(),
            expected: expected.into(),
        }
    }
}
