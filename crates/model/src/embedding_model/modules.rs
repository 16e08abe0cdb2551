//! Modules of a sentence-transformers directory: `modules.json` and the configuration of each.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::config::EmbeddingModelConfig;
use super::dense::{DenseActivation, DenseConfig};
use super::settings::{Prompts, SimilarityFunction, read_settings};
use crate::checkpoint::{CheckpointConfig, read_json};
use crate::error::ModelError;
use crate::pooling::TokenPooling;

/// List of the modules.
pub(super) const MODULES_FILE: &str = "modules.json";
/// Configuration of a module, in its directory.
pub(super) const CONFIG_FILE: &str = "config.json";
/// Settings of the encoder that `config.json` has no place for: the name that is written, and those of
/// versions before 0.4, which had a class for each family.
pub(super) const ENCODER_FILES: [&str; 6] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
];
/// Classes of encoders: that of version 0.4 and later, and those before.
const ENCODERS: [&str; 7] = [
    "Transformer",
    "BERT",
    "RoBERTa",
    "DistilBERT",
    "CamemBERT",
    "ALBERT",
    "XLMRoBERTa",
];
/// Key of the maximum number of tokens in [`ENCODER_FILES`].
pub(super) const MAX_LENGTH_KEY: &str = "max_seq_length";
/// Key of whether texts are lowercased in [`ENCODER_FILES`].
pub(super) const LOWER_CASE_KEY: &str = "do_lower_case";

/// Poolings of sentence-transformers, with their names there, and the keys of files before its version
/// 5.
pub(super) const POOLINGS: [(TokenPooling, &str, &str); 6] = [
    (TokenPooling::Mean, "mean", "pooling_mode_mean_tokens"),
    (TokenPooling::Cls, "cls", "pooling_mode_cls_token"),
    (TokenPooling::Max, "max", "pooling_mode_max_tokens"),
    (
        TokenPooling::MeanSqrtLen,
        "mean_sqrt_len_tokens",
        "pooling_mode_mean_sqrt_len_tokens",
    ),
    (
        TokenPooling::WeightedMean,
        "weightedmean",
        "pooling_mode_weightedmean_tokens",
    ),
    (
        TokenPooling::LastToken,
        "lasttoken",
        "pooling_mode_lasttoken",
    ),
];

/// Configuration of a sentence-transformers directory.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingCheckpoint {
    /// Configuration of the encoder's checkpoint.
    pub encoder: CheckpointConfig,
    /// Configuration of the model.
    pub model: EmbeddingModelConfig,
    /// Maximum number of tokens of a text, if the directory says it.
    pub max_seq_length: Option<usize>,
    /// Whether texts are lowercased before they are tokenized (default: false).
    pub do_lower_case: bool,
    /// Prompts.
    pub prompts: Prompts,
    /// Function that compares embeddings.
    pub similarity: SimilarityFunction,
    /// Directory of the encoder and the tokenizer.
    pub(super) encoder_directory: PathBuf,
    /// Directory of the dense layer, if there is one.
    pub(super) dense_directory: Option<PathBuf>,
}

/// Entry of `modules.json`.
#[derive(Debug, Deserialize)]
struct Entry {
    path: String,
    #[serde(rename = "type")]
    class: String,
}

impl EmbeddingCheckpoint {
    /// Creates the configuration of a model that does not come from a checkpoint.
    pub fn new(model: EmbeddingModelConfig) -> Self {
        Self {
            encoder: CheckpointConfig::new(model.encoder.clone()),
            model,
            max_seq_length: None,
            do_lower_case: false,
            prompts: Prompts::default(),
            similarity: SimilarityFunction::default(),
            encoder_directory: PathBuf::new(),
            dense_directory: None,
        }
    }

    /// Returns whether a directory has an embedding model of sentence-transformers: an encoder with a
    /// pooling after it, rather than a cross-encoder or no modules at all.
    ///
    /// # Errors
    /// - [`ModelError::Io`] or [`ModelError::Json`] if the list of modules cannot be read.
    pub fn is_in(directory: &Path) -> Result<bool, ModelError> {
        let modules = read_modules(&directory.join(MODULES_FILE))?;
        Ok(modules.iter().any(|module| module.class() == "Pooling"))
    }

    /// Reads the configuration in a directory. A checkpoint without `modules.json` is a bare encoder:
    /// [`EmbeddingModelConfig::new`].
    ///
    /// # Errors
    /// - The errors of [`CheckpointConfig::read`].
    /// - [`ModelError::InvalidConfigFile`] if the modules are not an encoder, a pooling, and optionally
    ///   a dense layer and a normalization, in this order, or one has settings that are not supported.
    pub fn read(directory: &Path) -> Result<Self, ModelError> {
        let path = directory.join(MODULES_FILE);
        let mut entries = read_modules(&path)?.into_iter().peekable();
        let mut module = |classes: &[&str]| {
            let entry = entries.next_if(|entry| classes.contains(&entry.class()))?;
            Some(directory.join(entry.path))
        };
        let encoder_directory = module(&ENCODERS);
        let pooling = module(&["Pooling"]);
        let (dense_directory, normalize) = (module(&["Dense"]), module(&["Normalize"]).is_some());
        if let Some(entry) = entries.next() {
            let expected =
                "Transformer, Pooling, then optionally Dense and Normalize, in this order";
            let problem = format!("has the module {}, supported: {expected}", entry.class);
            return Err(ModelError::config_file(&path, "type", problem));
        }
        if encoder_directory.is_some() && pooling.is_none() {
            let problem = "has no module Pooling after the Transformer";
            return Err(ModelError::config_file(&path, "type", problem));
        }
        let encoder_directory = encoder_directory.unwrap_or_else(|| directory.to_path_buf());
        let encoder = CheckpointConfig::read(&encoder_directory)?;
        let mut model = EmbeddingModelConfig::new(encoder.encoder.clone());
        model.normalize = normalize;
        if let Some(pooling) = &pooling {
            model.pooling = read_pooling(&pooling.join(CONFIG_FILE))?;
        }
        let dense = dense_directory.as_ref();
        let hidden = model.encoder.hidden_size;
        let dense = dense.map(|dense| read_dense(&dense.join(CONFIG_FILE), hidden));
        model.dense = dense.transpose()?;
        model.validate()?;
        let (max_seq_length, do_lower_case) = read_encoder_settings(&encoder_directory)?;
        let (prompts, similarity) = read_settings(directory)?;
        Ok(Self {
            max_seq_length,
            do_lower_case,
            prompts,
            similarity,
            encoder,
            model,
            encoder_directory,
            dense_directory,
        })
    }

    /// Returns the directory of the encoder and the tokenizer.
    pub fn encoder_directory(&self) -> &Path {
        &self.encoder_directory
    }
}

impl Entry {
    /// Returns the name of the class without its module, which differs between versions.
    fn class(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or_default()
    }
}

/// Returns the modules of a directory; none without the list.
fn read_modules(path: &Path) -> Result<Vec<Entry>, ModelError> {
    match path.exists() {
        true => read_json(path),
        false => Ok(Vec::new()),
    }
}

fn read_pooling(path: &Path) -> Result<TokenPooling, ModelError> {
    let keys: Map<String, Value> = read_json(path)?;
    if keys.get("include_prompt") == Some(&Value::Bool(false)) {
        let problem = "is false, supported: true";
        return Err(ModelError::config_file(path, "include_prompt", problem));
    }
    let chosen: Vec<String> = match keys.get("pooling_mode") {
        Some(Value::String(name)) => vec![name.clone()],
        Some(other) => vec![other.to_string()],
        None => {
            let of_key = |(key, value): (&String, &Value)| {
                let known = POOLINGS.iter().find(|(_, _, old)| old == key);
                let name = known.map_or(&key[..], |(_, name, _)| name);
                let mode = key.starts_with("pooling_mode_") && value.as_bool() == Some(true);
                mode.then(|| name.to_string())
            };
            keys.iter().filter_map(of_key).collect()
        }
    };
    let known = |name: &str| POOLINGS.iter().find(|(_, found, _)| *found == name);
    match &chosen[..] {
        [] => Ok(TokenPooling::Mean),
        [name] if known(name).is_some() => {
            Ok(known(name).map_or(TokenPooling::Mean, |found| found.0))
        }
        several => {
            let names: Vec<&str> = POOLINGS.iter().map(|(_, name, _)| *name).collect();
            let (found, known) = (several.join(" and "), names.join(", "));
            let problem = format!("is {found}, supported: one of {known}");
            Err(ModelError::config_file(path, "pooling_mode", problem))
        }
    }
}

fn read_dense(path: &Path, in_features: usize) -> Result<DenseConfig, ModelError> {
    #[derive(Deserialize)]
    struct Keys {
        in_features: usize,
        out_features: usize,
        bias: Option<bool>,
        activation_function: Option<String>,
        use_residual: Option<bool>,
        module_input_name: Option<String>,
        module_output_name: Option<String>,
    }
    let keys: Keys = read_json(path)?;
    let unsupported = |key: &str, found: &dyn std::fmt::Display, known: &str| {
        let problem = format!("is {found}, supported: {known}");
        Err(ModelError::config_file(path, key, problem))
    };
    if keys.in_features != in_features {
        return unsupported("in_features", &keys.in_features, &in_features.to_string());
    }
    if keys.use_residual == Some(true) {
        return unsupported("use_residual", &true, "false");
    }
    for (key, name) in [
        ("module_input_name", keys.module_input_name),
        ("module_output_name", keys.module_output_name),
    ] {
        if let Some(name) = name.filter(|name| name != "sentence_embedding") {
            return unsupported(key, &name, "sentence_embedding");
        }
    }
    let class = keys
        .activation_function
        .unwrap_or_else(|| DenseActivation::Tanh.class().to_string());
    let last = |class: &str| class.rsplit('.').next().map(str::to_owned);
    let mut known = DenseActivation::ALL.into_iter();
    let Some(activation) = known.find(|known| last(known.class()) == last(&class)) else {
        let names = DenseActivation::ALL.map(|known| last(known.class()).unwrap_or_default());
        return unsupported("activation_function", &class, &names.join(", "));
    };
    Ok(DenseConfig {
        out_features: keys.out_features,
        bias: keys.bias.unwrap_or(true),
        activation,
    })
}

/// Returns the maximum number of tokens, and whether texts are lowercased.
fn read_encoder_settings(directory: &Path) -> Result<(Option<usize>, bool), ModelError> {
    let mut paths = ENCODER_FILES.iter().map(|file| directory.join(file));
    let Some(path) = paths.find(|path| path.exists()) else {
        return Ok((None, false));
    };
    let keys: Map<String, Value> = read_json(&path)?;
    let invalid = |key: &str, found: &Value, expected: &str| {
        let problem = format!("is {found}, expected {expected}");
        ModelError::config_file(&path, key, problem)
    };
    let tokens = match keys.get(MAX_LENGTH_KEY) {
        None | Some(Value::Null) => None,
        Some(found) => match found.as_u64().filter(|found| *found > 0) {
            Some(tokens) => Some(tokens as usize),
            None => return Err(invalid(MAX_LENGTH_KEY, found, "a number of tokens")),
        },
    };
    match keys.get(LOWER_CASE_KEY) {
        None | Some(Value::Null) => Ok((tokens, false)),
        Some(Value::Bool(lowercases)) => Ok((tokens, *lowercases)),
        Some(found) => Err(invalid(LOWER_CASE_KEY, found, "true or false")),
    }
}
