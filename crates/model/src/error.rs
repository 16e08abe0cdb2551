//! What can go wrong between a checkpoint and its logits.

use std::path::PathBuf;

/// An error of this crate; each names the file and the tensor or field it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// `config.json` is not what a configuration looks like.
    #[error("{}: not a model configuration: {source}", path.display())]
    ConfigSyntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what was expected there.
        source: serde_json::Error,
    },
    /// `config.json` lacks a key that nothing can stand in for.
    #[error("{}: {key} is missing", path.display())]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// A key of `config.json` has a value of the wrong kind, or one that makes no model.
    #[error("{}: {key} is {found}, expected {expected}", path.display())]
    ConfigValue {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// `config.json` describes a model that this crate has not got.
    #[error("{}: {field} is {found}, supported: {supported}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The key in the file.
        field: &'static str,
        /// Its value.
        found: String,
        /// The values that would do.
        supported: &'static str,
    },
    /// A value of a configuration makes no model.
    #[error("model configuration: {field} is {found}, expected {expected}")]
    InvalidConfig {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A weights file is damaged: truncated, or not in its format.
    #[error("{}: not a readable weights file: {reason}", path.display())]
    DamagedWeights {
        /// The file.
        path: PathBuf,
        /// What the format's reader said.
        reason: String,
    },
    /// A folder has none of the files that weights are kept in.
    #[error("{}: no weights, expected one of {expected}", directory.display())]
    NoWeights {
        /// The folder.
        directory: PathBuf,
        /// The files that would do.
        expected: String,
    },
    /// A pickle asks for something other than tensors and plain values. Nothing of it was run.
    #[error("{}: the pickle calls {found}, expected tensors and plain values only", path.display())]
    PickledCall {
        /// The file.
        path: PathBuf,
        /// What it would have Python call or make.
        found: String,
    },
    /// The index of a checkpoint in several files is not what an index looks like.
    #[error("{}: not an index of weights: {source}", path.display())]
    IndexSyntax {
        /// The index.
        path: PathBuf,
        /// Line, column and what was expected there.
        source: serde_json::Error,
    },
    /// An index points at something that is not a file beside it.
    #[error("{}: shard {shard:?}, expected the name of a file in the same folder", path.display())]
    ShardPath {
        /// The index.
        path: PathBuf,
        /// What it points at.
        shard: String,
    },
    /// An index names a file that is not there.
    #[error("{}: shard {shard} is missing", path.display())]
    MissingShard {
        /// The index.
        path: PathBuf,
        /// The name of the file.
        shard: String,
    },
    /// A shard has no tensor that the index says it has.
    #[error("{}: tensor {tensor} is not in shard {shard}", path.display())]
    NotInShard {
        /// The index.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shard that should have it.
        shard: String,
    },
    /// The checkpoint has no tensor that the encoder cannot do without.
    #[error("{}: tensor {tensor} is missing", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The name it would have.
        tensor: String,
    },
    /// An adapter's checkpoint has a tensor that no part of the model takes.
    #[error("{}: tensor {tensor} has no place in the model", path.display())]
    UnknownTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
    },
    /// `adapter_config.json` describes an adapter that this crate has not got.
    #[error("{}: {key} is {found}, which this LoRA does not have", path.display())]
    UnsupportedAdapter {
        /// The file.
        path: PathBuf,
        /// The key in the file.
        key: String,
        /// Its value.
        found: String,
    },
    /// A tensor has not the shape that `config.json` promises.
    #[error("{}: tensor {tensor} has shape {found:?}, expected {expected:?}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// From `config.json`.
        expected: Vec<usize>,
        /// From the file.
        found: Vec<usize>,
    },
    /// A tensor holds something other than floating-point numbers.
    #[error("{}: tensor {tensor} holds {found}, expected f32, f16 or bf16", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// The element type found.
        found: String,
    },
    /// A tensor holds something that is no number.
    #[error("{}: tensor {tensor} has {found} at {index}, expected finite values", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// Which element, counted as they lie in the file.
        index: usize,
        /// NaN or an infinity.
        found: f32,
    },
    /// A token id, token type or sequence does not fit the embedding tables.
    #[error("{what} {found} does not fit the embedding table of {limit} rows")]
    OutsideEmbedding {
        /// What was looked up: "token id", "token type", "position" or "sequence length".
        what: &'static str,
        /// The offending value.
        found: usize,
        /// Number of rows of the table.
        limit: usize,
    },
    /// The slices of a batch disagree in length.
    #[error("batch of {batch} x {sequence} tokens, but {what} has {found} values")]
    BatchShape {
        /// The slice that does not fit.
        what: &'static str,
        /// Rows of the batch.
        batch: usize,
        /// Tokens a row.
        sequence: usize,
        /// Its length.
        found: usize,
    },
    /// A head got more or fewer texts than it is for.
    #[error("the head is for {expected} texts, got {found}")]
    TextCount {
        /// What the head is for.
        expected: usize,
        /// What it got.
        found: usize,
    },
    /// The vectors of the two texts of a pair differ in their number or their width.
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
        "the head is the custom head {name:?}: pass its CustomHead, as to load_classifier_with, SequenceClassifierConfig::init_with, FineTuning::prepare_with or Predictor::load_custom"
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
    /// The forward pass is cut after the pooling, below a head that reads hidden states.
    #[error("cut after the pooling, but the head {head} reads hidden states")]
    PooledCut {
        /// Name of the head's type.
        head: &'static str,
    },
    /// The forward pass is cut above hidden states that the pooling looks at.
    #[error("cut at hidden states {number}, but the pooling looks at those from {lowest} on")]
    CutTooHigh {
        /// The hidden states of the cut.
        number: usize,
        /// The lowest that the pooling looks at.
        lowest: usize,
    },
    /// Activations have not the shape that the part above the cut takes.
    #[error("activations of shape {found:?}, expected {expected:?}")]
    ActivationShape {
        /// Rows and width of the model and the mask.
        expected: [usize; 2],
        /// Rows and width found.
        found: [usize; 2],
    },
    /// A masked position is not in the batch.
    #[error("masked position {found} in a batch of {slots} slots")]
    MaskedPosition {
        /// The position.
        found: usize,
        /// Slots of the batch, `B * S`.
        slots: usize,
    },
    /// Words were asked for at no position at all.
    #[error("no masked position in the batch")]
    NothingMasked,
}
