//! What sentence-transformers writes about the score of a cross-encoder: the activation after its only
//! output. A reranker of raw logits is a regression, one with a sigmoid an independent label.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::config_keys::{ConfigKeys, read_json};
use crate::classifier::ProblemType;
use crate::error::ModelError;

/// Key of `config.json`, with the activation in an object.
pub(super) const KEY: &str = "sentence_transformers";
/// Key of the activation in that object, and in [`FILE`].
const ACTIVATION: &str = "activation_fn";
/// Key of `config.json` in files before version 4.
const OLD_KEY: &str = "sbert_ce_default_activation_function";
/// File of version 5 and later.
const FILE: &str = "config_sentence_transformers.json";

const SIGMOID: &str = "torch.nn.modules.activation.Sigmoid";
const IDENTITY: &str = "torch.nn.modules.linear.Identity";

/// Returns the meaning of the only output of a cross-encoder; `None` if the directory does not say how
/// its score is computed.
///
/// # Errors
/// - [`ModelError::Json`] if the file beside `config.json` is invalid.
/// - [`ModelError::InvalidConfigFile`] if the activation is neither sigmoid nor identity.
pub(super) fn problem_type(
    directory: &Path,
    keys: &ConfigKeys,
) -> Result<Option<ProblemType>, ModelError> {
    let path = directory.join(FILE);
    let beside: Map<String, Value> = match path.exists() {
        true => read_json(&path)?,
        false => Map::new(),
    };
    let of_object = keys.keys.get(KEY).and_then(|found| found.get(ACTIVATION));
    let found = of_object
        .or_else(|| keys.keys.get(OLD_KEY))
        .or_else(|| beside.get(ACTIVATION));
    let Some(class) = found.and_then(Value::as_str) else {
        return Ok(None);
    };
    match class.rsplit('.').next() {
        Some("Sigmoid") => Ok(Some(ProblemType::MultiLabelClassification)),
        Some("Identity") => Ok(Some(ProblemType::Regression)),
        _ => Err(keys.unsupported(ACTIVATION, class, "Sigmoid, Identity")),
    }
}

/// Returns the value of [`KEY`] for a model with one output.
pub(super) fn activation(problem_type: ProblemType) -> Value {
    let class = match problem_type {
        ProblemType::MultiLabelClassification => SIGMOID,
        _ => IDENTITY,
    };
    json!({ACTIVATION: class})
}
