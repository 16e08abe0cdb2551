//! Settings of a sentence-transformers model as a whole: `config_sentence_transformers.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::checkpoint::read_json;
use crate::error::ModelError;

/// File of the settings, in directories of version 2 and later.
pub(super) const SETTINGS_FILE: &str = "config_sentence_transformers.json";

/// Function that compares embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimilarityFunction {
    /// Cosine.
    #[default]
    Cosine,
    /// Scalar product.
    #[serde(alias = "dot_product")]
    Dot,
    /// Negative Euclidean distance.
    Euclidean,
    /// Negative sum of the absolute differences.
    Manhattan,
}

impl SimilarityFunction {
    fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::Euclidean => "euclidean",
            Self::Manhattan => "manhattan",
        }
    }
}

/// Texts that a model expects before others, by name, such as `query: ` before each query.
///
/// ```
/// use finetune_model::Prompts;
///
/// let prompts = Prompts {
///     by_name: [("query".to_string(), "query: ".to_string())].into(),
///     default_name: None,
/// };
/// assert_eq!(prompts.prompt(Some("query")), Some("query: "));
/// assert_eq!((prompts.prompt(None), prompts.prompt(Some("title"))), (Some(""), None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts {
    /// The prompts (default: empty ones named `query` and `document`); texts are appended to them
    /// without a space.
    pub by_name: BTreeMap<String, String>,
    /// Name of the prompt of texts for which none is chosen (default: no prompt).
    pub default_name: Option<String>,
}

impl Default for Prompts {
    fn default() -> Self {
        let empty = ["document", "query"].map(|name| (name.to_string(), String::new()));
        Self {
            by_name: empty.into(),
            default_name: None,
        }
    }
}

impl Prompts {
    /// Returns the prompt with a name, or the default one; `None` if there is none with this name.
    pub fn prompt(&self, name: Option<&str>) -> Option<&str> {
        match name.or(self.default_name.as_deref()) {
            Some(name) => self.by_name.get(name).map(String::as_str),
            None => Some(""),
        }
    }
}

/// Keys of the file that this crate reads.
#[derive(Debug, Default, Deserialize)]
struct Keys {
    #[serde(default)]
    prompts: BTreeMap<String, Option<String>>,
    default_prompt_name: Option<String>,
    similarity_fn_name: Option<String>,
}

/// Reads prompts and similarity function; the defaults without the file.
///
/// # Errors
/// - [`ModelError::Io`] or [`ModelError::Json`] if the file cannot be read.
/// - [`ModelError::InvalidConfigFile`] if the similarity function is unknown, or the default prompt does
///   not exist.
pub(super) fn read_settings(directory: &Path) -> Result<(Prompts, SimilarityFunction), ModelError> {
    let path = directory.join(SETTINGS_FILE);
    let keys: Keys = match path.exists() {
        true => read_json(&path)?,
        false => Keys::default(),
    };
    let similarity = match &keys.similarity_fn_name {
        None => SimilarityFunction::default(),
        Some(name) => serde_json::from_value(json!(name)).map_err(|_| {
            let problem = format!("is {name}, supported: cosine, dot, euclidean, manhattan");
            ModelError::config_file(&path, "similarity_fn_name", problem)
        })?,
    };
    let mut prompts = Prompts {
        default_name: keys.default_prompt_name,
        ..Prompts::default()
    };
    let own = keys.prompts.into_iter();
    let own = own.map(|(name, prompt)| (name, prompt.unwrap_or_default()));
    prompts.by_name.extend(own);
    match (prompts.prompt(None), &prompts.default_name) {
        (None, Some(name)) => {
            let known: Vec<&str> = prompts.by_name.keys().map(String::as_str).collect();
            let problem = format!(
                "is {name}, expected one of the prompts: {}",
                known.join(", ")
            );
            Err(ModelError::config_file(
                &path,
                "default_prompt_name",
                problem,
            ))
        }
        _ => Ok((prompts, similarity)),
    }
}

/// Returns the content of the file.
pub(super) fn settings_json(prompts: &Prompts, similarity: SimilarityFunction) -> Value {
    json!({
        "model_type": "SentenceTransformer",
        "default_prompt_name": prompts.default_name,
        "prompts": prompts.by_name,
        "similarity_fn_name": similarity.name(),
    })
}
