//! `config.json`: what this crate reads of it, and what it writes.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::CONFIG_FILE;
use crate::{EncoderConfig, ModelError};

/// The configuration of a checkpoint. Keys that this crate does not use are kept, so that a saved
/// model says of itself whatever its ancestor said.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointConfig {
    /// The shape of the encoder.
    pub encoder: EncoderConfig,
    /// Names of the classes by index, where the checkpoint is a classifier with names.
    pub class_names: Option<Vec<String>>,
    /// Dropout before the classifier, where it differs from the encoder's.
    pub classifier_dropout: Option<f64>,
    keys: Map<String, Value>,
}

/// The keys read, all others ignored. BERT's own defaults hold for what is missing.
#[derive(Deserialize)]
#[serde(default)]
struct Keys {
    model_type: String,
    hidden_act: String,
    position_embedding_type: String,
    is_decoder: bool,
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_dropout_prob: f64,
    attention_probs_dropout_prob: f64,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    initializer_range: f64,
    classifier_dropout: Option<f64>,
    id2label: Option<std::collections::BTreeMap<usize, String>>,
}

impl Default for Keys {
    fn default() -> Self {
        let base = EncoderConfig::default();
        Self {
            model_type: "missing".to_string(),
            hidden_act: "gelu".to_string(),
            position_embedding_type: "absolute".to_string(),
            is_decoder: false,
            vocab_size: base.vocab_size,
            hidden_size: base.hidden_size,
            num_hidden_layers: base.num_hidden_layers,
            num_attention_heads: base.num_attention_heads,
            intermediate_size: base.intermediate_size,
            hidden_dropout_prob: base.hidden_dropout_prob,
            attention_probs_dropout_prob: base.attention_probs_dropout_prob,
            max_position_embeddings: base.max_position_embeddings,
            type_vocab_size: base.type_vocab_size,
            layer_norm_eps: base.layer_norm_eps,
            initializer_range: base.initializer_range,
            classifier_dropout: None,
            id2label: None,
        }
    }
}

impl CheckpointConfig {
    /// The configuration of a model made here.
    pub fn new(encoder: EncoderConfig) -> Self {
        Self {
            encoder,
            class_names: None,
            classifier_dropout: None,
            keys: Map::new(),
        }
    }

    /// Reads `config.json` of a folder.
    ///
    /// # Errors
    /// [`ModelError::Io`] or [`ModelError::ConfigSyntax`] if there is no such file or it is no
    /// such JSON, [`ModelError::Unsupported`] if it describes another architecture, and
    /// [`ModelError::InvalidConfig`] if its sizes make no model.
    pub fn read(directory: &Path) -> Result<Self, ModelError> {
        let path = directory.join(CONFIG_FILE);
        let text = std::fs::read(&path).map_err(|source| ModelError::Io {
            path: path.clone(),
            source,
        })?;
        let syntax = |source| ModelError::ConfigSyntax {
            path: path.clone(),
            source,
        };
        let keys: Map<String, Value> = serde_json::from_slice(&text).map_err(syntax)?;
        let read: Keys = serde_json::from_slice(&text).map_err(syntax)?;
        read.check_architecture(path)?;

        let encoder = EncoderConfig {
            vocab_size: read.vocab_size,
            hidden_size: read.hidden_size,
            num_hidden_layers: read.num_hidden_layers,
            num_attention_heads: read.num_attention_heads,
            intermediate_size: read.intermediate_size,
            hidden_dropout_prob: read.hidden_dropout_prob,
            attention_probs_dropout_prob: read.attention_probs_dropout_prob,
            max_position_embeddings: read.max_position_embeddings,
            type_vocab_size: read.type_vocab_size,
            layer_norm_eps: read.layer_norm_eps,
            initializer_range: read.initializer_range,
        };
        encoder.validate()?;
        // A name for every index from 0, or none at all.
        let class_names = read
            .id2label
            .filter(|names| names.keys().copied().eq(0..names.len()))
            .map(|names| names.into_values().collect());
        Ok(Self {
            encoder,
            class_names,
            classifier_dropout: read.classifier_dropout,
            keys,
        })
    }

    /// Whether a classification layer of this checkpoint is for these classes: it names the same
    /// ones in the same order, or it names none.
    pub(super) fn is_for(&self, class_names: &[String]) -> bool {
        let unnamed = |names: &[String]| names.iter().all(|name| name.starts_with("LABEL_"));
        match self.class_names.as_deref() {
            Some(names) => names == class_names || unnamed(names),
            None => true,
        }
    }

    /// The text of a `config.json` with which transformers loads a sequence classifier.
    pub(super) fn to_classifier_json(&self, class_names: &[String]) -> String {
        let indexed = class_names.iter().enumerate();
        let id2label: Map<_, _> = indexed
            .clone()
            .map(|(index, name)| (index.to_string(), json!(name)))
            .collect();
        let label2id: Map<_, _> = indexed
            .map(|(index, name)| (name.clone(), json!(index)))
            .collect();
        self.to_json(vec![
            ("architectures", json!(["BertForSequenceClassification"])),
            ("classifier_dropout", json!(self.classifier_dropout)),
            ("problem_type", json!("single_label_classification")),
            ("id2label", Value::Object(id2label)),
            ("label2id", Value::Object(label2id)),
        ])
    }

    /// The text of a `config.json` with which transformers loads a bare encoder.
    pub(super) fn to_encoder_json(&self) -> String {
        self.to_json(vec![("architectures", json!(["BertModel"]))])
    }

    fn to_json(&self, of_the_task: Vec<(&str, Value)>) -> String {
        let encoder = &self.encoder;
        let of_the_encoder = vec![
            ("model_type", json!("bert")),
            ("hidden_act", json!("gelu")),
            ("vocab_size", json!(encoder.vocab_size)),
            ("hidden_size", json!(encoder.hidden_size)),
            ("num_hidden_layers", json!(encoder.num_hidden_layers)),
            ("num_attention_heads", json!(encoder.num_attention_heads)),
            ("intermediate_size", json!(encoder.intermediate_size)),
            ("hidden_dropout_prob", json!(encoder.hidden_dropout_prob)),
            (
                "attention_probs_dropout_prob",
                json!(encoder.attention_probs_dropout_prob),
            ),
            (
                "max_position_embeddings",
                json!(encoder.max_position_embeddings),
            ),
            ("type_vocab_size", json!(encoder.type_vocab_size)),
            ("layer_norm_eps", json!(encoder.layer_norm_eps)),
            ("initializer_range", json!(encoder.initializer_range)),
            ("dtype", json!("float32")),
        ];
        let mut keys = self.keys.clone();
        // These speak of the ancestor's file, not of this one.
        for key in ["_name_or_path", "torch_dtype"] {
            keys.remove(key);
        }
        let written = of_the_task.into_iter().chain(of_the_encoder);
        keys.extend(written.map(|(key, value)| (key.to_string(), value)));
        format!("{:#}\n", Value::Object(keys))
    }
}

impl Keys {
    fn check_architecture(&self, path: PathBuf) -> Result<(), ModelError> {
        let is_decoder = self.is_decoder.to_string();
        for (field, found, supported) in [
            ("model_type", &self.model_type, "bert"),
            ("hidden_act", &self.hidden_act, "gelu"),
            (
                "position_embedding_type",
                &self.position_embedding_type,
                "absolute",
            ),
            ("is_decoder", &is_decoder, "false"),
        ] {
            if found != supported {
                return Err(ModelError::Unsupported {
                    path,
                    field,
                    found: found.clone(),
                    supported,
                });
            }
        }
        Ok(())
    }
}
