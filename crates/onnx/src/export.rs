//! Export of a model, or of a directory with one.

use std::fs;
use std::path::Path;

use finetune_model::{
    Activation, DenseActivation, EmbeddingModel, Encoder, EncoderConfig, HeadConfig, Mlp,
    MlpConfig, Pooling, SequenceClassifier, TokenClassifier,
};
use prost::Message;

use crate::OnnxPrecision;
use crate::batch::{Batch, LENGTH, ROWS};
use crate::encoder::{activate, hidden_states};
use crate::error::OnnxError;
use crate::graph::{Size, Value};
use crate::head::{apply_head, hidden_layers, output_layer, unit};
use crate::pooling::{mean_of_tokens, pool};
use crate::proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::weights::Network;

/// Version of the operators: the first with layer normalization, so most programs have it.
const OPERATORS: i64 = 17;

/// Version of the format that came with [`OPERATORS`].
const FORMAT: i64 = 8;

/// Largest message of the format's encoding, in bytes.
const LARGEST: usize = i32::MAX as usize;

/// Shortest vector that is scaled to length 1, as in the embedding model.
const SHORTEST: f32 = 1e-12;

/// A model as ONNX: an `.onnx` file in memory.
#[derive(Debug, Clone)]
pub struct OnnxModel {
    proto: ModelProto,
}

impl OnnxModel {
    /// Returns the bytes of the file.
    ///
    /// # Errors
    /// - [`OnnxError::TooLarge`] from 2 GiB on.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OnnxError> {
        let bytes = self.proto.encoded_len();
        match bytes <= LARGEST {
            true => Ok(self.proto.encode_to_vec()),
            false => Err(OnnxError::TooLarge {
                bytes,
                limit: LARGEST,
            }),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// - The errors of [`Self::to_bytes`].
    /// - [`OnnxError::Io`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), OnnxError> {
        fs::write(path, self.to_bytes()?).map_err(|source| OnnxError::io(path, source))
    }

    fn new(network: Network, name: &str, metadata: &[(&str, String)]) -> Self {
        let metadata = metadata.iter().map(|(key, value)| StringStringEntryProto {
            key: Some((*key).to_string()),
            value: Some(value.clone()),
        });
        let operators = OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(OPERATORS),
        };
        Self {
            proto: ModelProto {
                ir_version: Some(FORMAT),
                opset_import: vec![operators],
                producer_name: Some("finetune".to_string()),
                producer_version: Some(env!("CARGO_PKG_VERSION").to_string()),
                graph: Some(network.graph.finish(name)),
                metadata_props: metadata.collect(),
            },
        }
    }
}

/// Exports a sequence classifier.
///
/// Inputs and outputs have the names of Hugging Face Optimum: `input_ids`, `attention_mask` and, if the
/// model has token types, `token_type_ids`, of whole numbers `[batch_size, sequence_length]`, padded on
/// the right; `logits`, `[batch_size, C]`. A head that compares two texts has the same inputs for the
/// second, with names that begin with `second_`.
///
/// The class names are in the file's metadata as `class_names`, a JSON list, with `problem_type`.
///
/// # Errors
/// - [`OnnxError::NotExportable`] for a custom head, or an adapter that is not merged.
/// - [`OnnxError::OutOfRange`] if a weight is not finite, or too large for half precision.
///
/// ```
/// use burn::tensor::Device;
/// use finetune_model::{EncoderConfig, SequenceClassifierConfig, init_weights};
/// use finetune_onnx::{OnnxPrecision, export_classifier};
///
/// let encoder = EncoderConfig {
///     vocab_size: 100,
///     hidden_size: 16,
///     num_hidden_layers: 1,
///     num_attention_heads: 2,
///     intermediate_size: 32,
///     ..Default::default()
/// };
/// let config = SequenceClassifierConfig::new(encoder, vec!["bad".into(), "good".into()]);
/// let model = init_weights(config.init(&Device::flex())?, 0.02, 42);
/// let directory = tempfile::tempdir()?;
/// let onnx = export_classifier(&model, OnnxPrecision::F32)?;
/// onnx.write(&directory.path().join("model.onnx"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn export_classifier(
    model: &SequenceClassifier,
    precision: OnnxPrecision,
) -> Result<OnnxModel, OnnxError> {
    let config = model.config();
    let mut network = Network::new(precision);
    let prefixes = &["", "second_"][..model.num_texts()];
    let mut texts = Vec::new();
    for prefix in prefixes {
        let network = &mut network;
        let (states, batch) = encode(network, &model.encoder, &config.encoder, prefix)?;
        texts.push(match late_pooling(model, &config.head) {
            Some((mlp, head)) => {
                let last = &states[*model.pooler.layers().end()];
                let rows = hidden_layers(network, mlp, head, last)?;
                mean_of_tokens(&mut network.graph, &rows, &batch)
            }
            None => pool(network, &model.pooler, config.pooling, &states, &batch)?,
        });
    }
    let logits = match late_pooling(model, &config.head) {
        Some((mlp, head)) => output_layer(&mut network, mlp, head, &texts[0])?,
        None => apply_head(&mut network, &model.head, &config.head, &texts)?,
    };
    let shape = [ROWS, Size::Fixed(model.num_labels())];
    network.graph.output("logits", &logits, &shape);
    let metadata = [
        ("class_names", json(&config.class_names)),
        ("problem_type", json(&config.problem_type)),
    ];
    Ok(OnnxModel::new(network, "sequence_classifier", &metadata))
}

/// Exports a token classifier: inputs as in [`export_classifier`], and `logits`, `[batch_size,
/// sequence_length, C]`.
///
/// # Errors
/// - [`OnnxError::NotExportable`] for a conditional random field, which decodes a whole sentence.
/// - As [`export_classifier`].
pub fn export_token_classifier(
    model: &TokenClassifier,
    precision: OnnxPrecision,
) -> Result<OnnxModel, OnnxError> {
    if model.crf.is_some() {
        let reason = "it decodes a whole sentence; train without --crf";
        return Err(OnnxError::not_exportable(
            "the conditional random field",
            reason,
        ));
    }
    let config = model.config();
    let mut network = Network::new(precision);
    let (states, _) = encode(&mut network, &model.encoder, &config.encoder, "")?;
    let head = config.head();
    let hidden = last(&states);
    let hidden = hidden_layers(&mut network, &model.head, &head, hidden)?;
    let logits = output_layer(&mut network, &model.head, &head, &hidden)?;
    let shape = [ROWS, LENGTH, Size::Fixed(model.num_labels())];
    network.graph.output("logits", &logits, &shape);
    let metadata = [("class_names", json(&config.class_names))];
    Ok(OnnxModel::new(network, "token_classifier", &metadata))
}

/// Exports an embedding model: inputs as in [`export_classifier`], and the outputs of
/// sentence-transformers, `token_embeddings`, `[batch_size, sequence_length, D]`, and
/// `sentence_embedding`, `[batch_size, W]`.
///
/// # Errors
/// - As [`export_classifier`].
pub fn export_embedding_model(
    model: &EmbeddingModel,
    precision: OnnxPrecision,
) -> Result<OnnxModel, OnnxError> {
    let config = model.config();
    let mut network = Network::new(precision);
    let (states, batch) = encode(&mut network, &model.encoder, &config.encoder, "")?;
    let pooling = Pooling {
        tokens: config.pooling,
        ..Pooling::default()
    };
    let mut embedding = pool(&mut network, &model.pooler, pooling, &states, &batch)?;
    if let (Some(dense), Some(settings)) = (&model.dense, &config.dense) {
        embedding = network.linear("dense", &dense.linear, &embedding)?;
        embedding = match settings.activation {
            DenseActivation::Tanh => network.graph.node("Tanh", &[&embedding]),
            DenseActivation::Identity => embedding,
            DenseActivation::Relu => network.graph.node("Relu", &[&embedding]),
            DenseActivation::Sigmoid => network.graph.node("Sigmoid", &[&embedding]),
            DenseActivation::Gelu => activate(&mut network.graph, Activation::Gelu, &embedding)?,
        };
    }
    if config.normalize {
        embedding = unit(&mut network.graph, &embedding, SHORTEST);
    }
    let graph = &mut network.graph;
    let width = Size::Fixed(config.encoder.hidden_size);
    graph.output("token_embeddings", last(&states), &[ROWS, LENGTH, width]);
    let width = Size::Fixed(config.embedding_size());
    graph.output("sentence_embedding", &embedding, &[ROWS, width]);
    Ok(OnnxModel::new(network, "embedding_model", &[]))
}

/// Adds the inputs of a text and the encoder's layers.
fn encode(
    network: &mut Network,
    encoder: &Encoder,
    config: &EncoderConfig,
    prefix: &str,
) -> Result<(Vec<Value>, Batch), OnnxError> {
    let mut batch = Batch::new(&mut network.graph, config, prefix);
    let states = hidden_states(network, encoder, config, &mut batch)?;
    Ok((states, batch))
}

/// Returns the last of all hidden states, which begin with those of the embeddings.
fn last(states: &[Value]) -> &Value {
    &states[states.len() - 1]
}

/// Returns a head that reads all tokens.
fn late_pooling<'a>(
    model: &'a SequenceClassifier,
    head: &'a HeadConfig,
) -> Option<(&'a Mlp, &'a MlpConfig)> {
    match head {
        HeadConfig::Mlp(config) if config.late_pooling => {
            Some((model.head.downcast_ref()?, config))
        }
        _ => None,
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    // Names and numbers are always JSON.
    serde_json::to_string(value).unwrap_or_default()
}
