//! Writing embedding models that sentence-transformers loads.

use std::path::Path;

use serde_json::{Value, json};

use super::EmbeddingModel;
use super::config::EmbeddingModelConfig;
use super::dense::DenseConfig;
use super::modules::{
    CONFIG_FILE, ENCODER_FILES, EmbeddingCheckpoint, LOWER_CASE_KEY, MAX_LENGTH_KEY, MODULES_FILE,
    POOLINGS,
};
use super::settings::{SETTINGS_FILE, settings_json};
use crate::checkpoint::{WEIGHTS_FILE, in_file, save_encoder, write_atomically, write_tensors};
use crate::error::ModelError;
use crate::parameters::for_each;

/// Writes a model that `SentenceTransformer(directory)` loads, and [`load_embedding_model`] too;
/// `directory` is created if it does not exist. The tokenizer is saved apart, into the same
/// directory.
///
/// [`load_embedding_model`]: crate::load_embedding_model
///
/// # Errors
/// - [`ModelError::InvalidConfig`] if `checkpoint` describes an encoder with other parameters.
/// - [`ModelError::Io`] if a file cannot be written.
pub fn save_embedding_model(
    directory: &Path,
    model: &EmbeddingModel,
    checkpoint: &EmbeddingCheckpoint,
) -> Result<(), ModelError> {
    save_encoder(directory, &model.encoder, &checkpoint.encoder)?;
    let config = model.config();
    let mut of_encoder = json!({});
    if let Some(tokens) = checkpoint.max_seq_length {
        of_encoder[MAX_LENGTH_KEY] = json!(tokens);
    }
    if checkpoint.do_lower_case {
        of_encoder[LOWER_CASE_KEY] = json!(true);
    }
    write_json(&directory.join(ENCODER_FILES[0]), &of_encoder)?;
    let mut modules = vec![module(0, "", "base.modules.transformer.Transformer")];
    let mut write = |name: &str, class: &str, config: Value| {
        let path = format!("{}_{name}", modules.len());
        modules.push(module(modules.len(), &path, class));
        let directory = directory.join(path);
        std::fs::create_dir_all(&directory).map_err(ModelError::io(&directory))?;
        write_json(&directory.join(CONFIG_FILE), &config)?;
        Ok::<_, ModelError>(directory)
    };
    let pooling = "sentence_transformer.modules.pooling.Pooling";
    write("Pooling", pooling, pooling_json(config))?;
    if let (Some(dense), Some(settings)) = (&model.dense, &config.dense) {
        let settings = dense_json(settings, config.encoder.hidden_size);
        let directory = write("Dense", "base.modules.dense.Dense", settings)?;
        let mut tensors = Vec::new();
        for_each(dense, |parameter, data| {
            let data = in_file(&parameter, data);
            tensors.push((parameter.path, data));
        });
        write_tensors(&directory.join(WEIGHTS_FILE), &tensors)?;
    }
    if config.normalize {
        let class = "base.modules.normalize.Normalize";
        write("Normalize", class, in_and_out())?;
    }
    write_json(&directory.join(MODULES_FILE), &Value::Array(modules))?;
    let settings = settings_json(&checkpoint.prompts, checkpoint.similarity);
    write_json(&directory.join(SETTINGS_FILE), &settings)
}

/// Returns an entry of `modules.json`.
fn module(index: usize, path: &str, class: &str) -> Value {
    json!({
        "idx": index,
        "name": index.to_string(),
        "path": path,
        "type": format!("sentence_transformers.{class}"),
    })
}

fn pooling_json(config: &EmbeddingModelConfig) -> Value {
    let mut known = POOLINGS.iter();
    let known = known.find(|(pooling, ..)| *pooling == config.pooling);
    json!({
        "embedding_dimension": config.encoder.hidden_size,
        "pooling_mode": known.map(|(_, name, _)| name),
        "include_prompt": true,
    })
}

fn dense_json(dense: &DenseConfig, in_features: usize) -> Value {
    let mut keys = in_and_out();
    keys["in_features"] = json!(in_features);
    keys["out_features"] = json!(dense.out_features);
    keys["bias"] = json!(dense.bias);
    keys["activation_function"] = json!(dense.activation.class());
    keys
}

/// Returns what a module reads and writes.
fn in_and_out() -> Value {
    json!({
        "module_input_name": "sentence_embedding",
        "module_output_name": "sentence_embedding",
    })
}

fn write_json(path: &Path, value: &Value) -> Result<(), ModelError> {
    write_atomically(path, format!("{value:#}\n").as_bytes())
}
