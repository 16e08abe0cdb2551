//! Errors of the crate.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use finetune_ops::{Int8Error, SequencesError};
use finetune_storage::Placeholder;

/// Error of this crate; it names the file and the tensor or field.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A file is not the file itself, but a Git LFS pointer or an HTML page.
    #[error("{}: {found}", path.display())]
    Placeholder {
        /// File.
        path: PathBuf,
        /// What it is.
        found: Placeholder,
    },
    /// A configuration file or the index of a sharded checkpoint cannot be parsed.
    #[error("{}: not {expected}: {source}", path.display())]
    Json {
        /// JSON file.
        path: PathBuf,
        /// Content expected.
        expected: &'static str,
        /// Parse error with line and column.
        source: serde_json::Error,
    },
    /// A key of `config.json` or `adapter_config.json` is missing, invalid or not supported.
    #[error("{}: {key} {problem}", path.display())]
    InvalidConfigFile {
        /// Configuration file.
        path: PathBuf,
        /// Key.
        key: String,
        /// Value found and values expected, or that the key is missing.
        problem: String,
    },
    /// There is no such directory, and the model is not looked for elsewhere.
    #[error(
        "{model}: no such directory; to download a model by its name on the hub, enable the feature \
         `hub`"
    )]
    NoSuchDirectory {
        /// The path or name.
        model: String,
    },
    /// There is no such directory, and the model cannot be downloaded.
    #[cfg(feature = "hub")]
    #[error("{model}: no such directory here, and from the hub: {source}")]
    Hub {
        /// The path or name.
        model: String,
        /// Why it cannot be downloaded.
        source: Box<finetune_hub::HubError>,
    },
    /// A value of a configuration is invalid.
    #[error("model configuration: {field} is {found}, expected {expected}")]
    InvalidConfig {
        /// Field.
        field: &'static str,
        /// Value found.
        found: String,
        /// Valid values.
        expected: String,
    },
    /// The weights are missing, corrupted, of another format, or a pickle that uses more than
    /// tensors and plain values; none of it was executed.
    #[error("{}: {problem}", path.display())]
    InvalidWeights {
        /// Weights file, index or checkpoint directory.
        path: PathBuf,
        /// Description of the problem.
        problem: String,
    },
    /// A tensor of a weights file is missing, unexpected, or of another shape or element type, or
    /// has a NaN or infinite value.
    #[error("{}: tensor {tensor} {problem}", path.display())]
    InvalidTensor {
        /// Weights file or index.
        path: PathBuf,
        /// Name of the tensor in the file.
        tensor: String,
        /// Description of the problem.
        problem: String,
    },
    /// A token id, token type, position or sequence length is outside the embedding tables.
    #[error("{what} {found} does not fit the embedding table of {limit} rows")]
    OutsideEmbedding {
        /// Kind of value: "token id", "token type", "position" or "sequence length".
        what: &'static str,
        /// Value found.
        found: usize,
        /// Number of rows of the table.
        limit: usize,
    },
    /// The shape of a batch, of cached activations, of the second texts of pairs or of the output
    /// of a head differs from the expected one.
    #[error("{problem}")]
    InvalidShape {
        /// Name of the tensor or slice, shape found and shape expected.
        problem: String,
    },
    /// The number of texts differs from the one the head expects.
    #[error("the head is for {expected} texts, got {found}")]
    TextCount {
        /// Texts the head expects.
        expected: usize,
        /// Texts found.
        found: usize,
    },
    /// The configuration names a custom head, which only the program that has it can make.
    #[error(
        "the head is the custom head {name:?}: pass it, for example to FineTuning::head, Predictor::load_custom or load_classifier_with"
    )]
    CustomHead {
        /// The name in the configuration.
        name: String,
    },
    /// A custom head was passed for a model that has another head.
    #[error("the head of the model is {expected:?}, but the custom head {found:?} was passed")]
    OtherCustomHead {
        /// The name or the kind in the configuration.
        expected: String,
        /// The name of the custom head that was passed.
        found: String,
    },
    /// The forward pass is split above hidden states that the pooling or the head needs.
    #[error("split point {problem}")]
    InvalidSplitPoint {
        /// The split point and what needs lower hidden states.
        problem: String,
    },
    /// A linear layer cannot become 8-bit integers.
    #[error("{layer}: {source}")]
    Int8 {
        /// Name of the layer.
        layer: String,
        /// What prevents it.
        source: Int8Error,
    },
    /// The offsets of a batch do not describe its sequences.
    #[error("sequence offsets: {0}")]
    Sequences(#[from] SequencesError),
    /// The batch has no masked positions, or one is outside the batch.
    #[error("{problem}")]
    MaskedPositions {
        /// Description of the problem.
        problem: String,
    },
}

impl ModelError {
    #[cfg(feature = "hub")]
    pub(crate) fn hub(model: &str, source: finetune_hub::HubError) -> Self {
        Self::Hub {
            model: model.to_owned(),
            source: Box::new(source),
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Io { path, source }
    }

    pub(crate) fn json(
        path: &Path,
        expected: &'static str,
    ) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Json {
            path,
            expected,
            source,
        }
    }

    pub(crate) fn config(
        field: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> Self {
        Self::InvalidConfig {
            field,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// Returns the error of an invalid value unless it is valid.
    pub(crate) fn check<F: ToString, E: ToString>(
        valid: bool,
        field: &'static str,
        found: F,
        expected: E,
    ) -> Result<(), Self> {
        match valid {
            true => Ok(()),
            false => Err(Self::config(field, found, expected)),
        }
    }

    pub(crate) fn config_file(path: &Path, key: &str, problem: impl Into<String>) -> Self {
        Self::InvalidConfigFile {
            path: path.to_path_buf(),
            key: key.to_string(),
            problem: problem.into(),
        }
    }

    /// Turns the error of an invalid value into that of a key of a file, by the key of each field.
    pub(crate) fn in_file(
        self,
        path: &Path,
        key_of: impl FnOnce(&'static str) -> &'static str,
    ) -> Self {
        match self {
            Self::InvalidConfig {
                field,
                found,
                expected,
            } => {
                let problem = format!("is {found}, expected {expected}");
                Self::config_file(path, key_of(field), problem)
            }
            other => other,
        }
    }

    pub(crate) fn weights(path: &Path, problem: impl Into<String>) -> Self {
        Self::InvalidWeights {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }

    /// Creates the error of a corrupted weights file or one of another format.
    pub(crate) fn corrupted_weights(path: &Path, reason: impl Display) -> Self {
        Self::weights(path, format!("not a readable weights file: {reason}"))
    }

    pub(crate) fn tensor(path: &Path, tensor: &str, problem: impl Into<String>) -> Self {
        Self::InvalidTensor {
            path: path.to_path_buf(),
            tensor: tensor.to_string(),
            problem: problem.into(),
        }
    }

    /// Creates the error of a slice that does not have a value for each token of a batch.
    pub(crate) fn batch_shape(what: &str, tokens: impl Display, found: usize) -> Self {
        let problem = format!("batch of {tokens} tokens, but {what} has {found} values");
        Self::InvalidShape { problem }
    }

    /// Creates the error of texts of a pair whose embeddings differ in rows or width.
    pub(crate) fn pair_shape(first: [usize; 2], second: [usize; 2]) -> Self {
        let problem = format!(
            "pairs of first texts {first:?} and second texts {second:?}, expected as many of the same width"
        );
        Self::InvalidShape { problem }
    }

    /// Creates the error of a tensor of another shape, in rows and width.
    pub(crate) fn shape(what: &str, expected: [usize; 2], found: [usize; 2]) -> Self {
        let problem = format!("{what} {found:?}, expected {expected:?}");
        Self::InvalidShape { problem }
    }
}
