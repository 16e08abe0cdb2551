//! Errors of the crate.

use std::path::PathBuf;

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
        source: std::io::Error,
    },
    /// `config.json` or `adapter_config.json` cannot be parsed.
    #[error("{}: not a model configuration: {source}", path.display())]
    ConfigSyntax {
        /// Configuration file.
        path: PathBuf,
        /// Parse error with line and column.
        source: serde_json::Error,
    },
    /// `config.json` lacks a required key.
    #[error("{}: {key} is missing", path.display())]
    MissingKey {
        /// Configuration file.
        path: PathBuf,
        /// Missing key.
        key: &'static str,
    },
    /// A key of a configuration file has a value of the wrong type or out of range.
    #[error("{}: {key} is {found}, expected {expected}", path.display())]
    ConfigValue {
        /// Configuration file.
        path: PathBuf,
        /// Key.
        key: &'static str,
        /// Value found.
        found: String,
        /// Valid values.
        expected: String,
    },
    /// `config.json` describes an unsupported model.
    #[error("{}: {field} is {found}, supported: {supported}", path.display())]
    Unsupported {
        /// Configuration file.
        path: PathBuf,
        /// Key in the file.
        field: &'static str,
        /// Value found.
        found: String,
        /// Supported values.
        supported: &'static str,
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
    /// A weights file is corrupted or has another format.
    #[error("{}: not a readable weights file: {reason}", path.display())]
    CorruptedWeights {
        /// Weights file.
        path: PathBuf,
        /// Error of the format's reader.
        reason: String,
    },
    /// A directory contains no weights file.
    #[error("{}: no weights, expected one of {expected}", directory.display())]
    NoWeights {
        /// Checkpoint directory.
        directory: PathBuf,
        /// Supported file names.
        expected: String,
    },
    /// A pickle uses more than tensors and plain values. None of it was executed.
    #[error("{}: the pickle calls {found}, expected tensors and plain values only", path.display())]
    PickledCall {
        /// Weights file.
        path: PathBuf,
        /// Function or class that the pickle uses.
        found: String,
    },
    /// The index of a sharded checkpoint cannot be parsed.
    #[error("{}: not an index of weights: {source}", path.display())]
    IndexSyntax {
        /// Index file.
        path: PathBuf,
        /// Parse error with line and column.
        source: serde_json::Error,
    },
    /// An index refers to something other than a file in its directory.
    #[error("{}: shard {shard:?}, expected the name of a file in the same folder", path.display())]
    ShardPath {
        /// Index file.
        path: PathBuf,
        /// Invalid reference.
        shard: String,
    },
    /// An index refers to a file that does not exist.
    #[error("{}: shard {shard} is missing", path.display())]
    MissingShard {
        /// Index file.
        path: PathBuf,
        /// Missing file.
        shard: String,
    },
    /// A shard lacks a tensor that the index assigns to it.
    #[error("{}: tensor {tensor} is not in shard {shard}", path.display())]
    NotInShard {
        /// Index file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Name of the shard.
        shard: String,
    },
    /// A checkpoint lacks a required tensor.
    #[error("{}: tensor {tensor} is missing", path.display())]
    MissingTensor {
        /// Weights file.
        path: PathBuf,
        /// Expected name of the tensor.
        tensor: String,
    },
    /// An adapter checkpoint has a tensor that does not belong to the model.
    #[error("{}: tensor {tensor} has no place in the model", path.display())]
    UnknownTensor {
        /// Weights file.
        path: PathBuf,
        /// Name of the tensor in the file.
        tensor: String,
    },
    /// `adapter_config.json` describes an unsupported adapter.
    #[error("{}: {key} is {found}, which this LoRA does not have", path.display())]
    UnsupportedAdapter {
        /// Configuration file.
        path: PathBuf,
        /// Key in the file.
        key: String,
        /// Value found.
        found: String,
    },
    /// The shape of a tensor differs from the one in `config.json`.
    #[error("{}: tensor {tensor} has shape {found:?}, expected {expected:?}", path.display())]
    TensorShape {
        /// Weights file.
        path: PathBuf,
        /// Name of the tensor in the file.
        tensor: String,
        /// Shape by `config.json`.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// The elements of a tensor are not floating-point numbers.
    #[error("{}: tensor {tensor} holds {found}, expected f32, f16 or bf16", path.display())]
    TensorType {
        /// Weights file.
        path: PathBuf,
        /// Name of the tensor in the file.
        tensor: String,
        /// Element type found.
        found: String,
    },
    /// A tensor has a NaN or infinite value.
    #[error("{}: tensor {tensor} has {found} at {index}, expected finite values", path.display())]
    NotFinite {
        /// Weights file.
        path: PathBuf,
        /// Name of the tensor in the file.
        tensor: String,
        /// Index of the element in the order of the file.
        index: usize,
        /// NaN or an infinity.
        found: f32,
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
    /// A slice of a batch has the wrong length.
    #[error("batch of {batch} x {sequence} tokens, but {what} has {found} values")]
    BatchShape {
        /// Name of the slice.
        what: &'static str,
        /// Rows of the batch.
        batch: usize,
        /// Tokens per row.
        sequence: usize,
        /// Length of the slice.
        found: usize,
    },
    /// The number of texts differs from the one the head expects.
    #[error("the head is for {expected} texts, got {found}")]
    TextCount {
        /// Texts the head expects.
        expected: usize,
        /// Texts found.
        found: usize,
    },
    /// The embeddings of the two texts of a pair differ in number or width.
    #[error(
        "pairs of first texts {first:?} and second texts {second:?}, expected as many of the same width"
    )]
    PairShape {
        /// Rows and width of the first texts.
        first: [usize; 2],
        /// Rows and width of the second texts.
        second: [usize; 2],
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
    /// A head returned something other than a row of outputs for each text.
    #[error("the head {head} returned the shape {found:?}, expected {expected:?}")]
    HeadOutput {
        /// Name of the head's type.
        head: &'static str,
        /// `[B, C]`
        expected: [usize; 2],
        /// What it returned.
        found: [usize; 2],
    },
    /// The forward pass is split after the pooling, below a head that reads hidden states.
    #[error("split point after the pooling, but the head {head} reads hidden states")]
    SplitAfterPooling {
        /// Name of the head's type.
        head: &'static str,
    },
    /// The forward pass is split above hidden states that the pooling needs.
    #[error("split point is hidden states {number}, expected at most {lowest}, the lowest pooled")]
    SplitPointTooHigh {
        /// Hidden states at which the forward pass is split.
        number: usize,
        /// Lowest hidden states that the pooling needs.
        lowest: usize,
    },
    /// The shape of cached activations does not match the model and the mask.
    #[error("activations of shape {found:?}, expected {expected:?}")]
    ActivationShape {
        /// Expected rows and width.
        expected: [usize; 2],
        /// Rows and width found.
        found: [usize; 2],
    },
    /// A masked position is outside the batch.
    #[error("masked position {found} in a batch of {num_tokens} tokens")]
    MaskedPosition {
        /// Position.
        found: usize,
        /// Tokens of the batch including padding, `B * S`.
        num_tokens: usize,
    },
    /// The batch has no masked positions.
    #[error("no masked position in the batch")]
    NothingMasked,
}
