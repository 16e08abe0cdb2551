//! Model to serve, with its name and model card.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::BatchSize;
use finetune_model::{CustomHead, model_directory};
use finetune_ops::Precision;
use finetune_predict::{
    Embedder, EmbedderConfig, ModelKind, PredictError, Predictor, PredictorConfig, TokenPredictor,
    TokenPredictorConfig,
};

use crate::error::ServeError;
use crate::input::Input;
use crate::text_model::{ModelMetadata, TextModel};

/// Model to serve, with name, model card and examples.
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_serve::ServedModel;
///
/// let topics = ServedModel::load("topics", Path::new("runs/classify-1/model"), &Device::flex())?;
/// assert_eq!(topics.name(), "topics");
/// # Ok::<(), finetune_serve::ServeError>(())
/// ```
#[derive(Clone)]
pub struct ServedModel {
    name: String,
    model: Arc<dyn TextModel>,
    profile: ModelMetadata,
    origin: String,
    card: Option<String>,
    examples: Vec<Input>,
}

impl ServedModel {
    /// Name of the file in the model's directory with a JSON list of inputs for the demo page.
    pub const EXAMPLES_FILE: &str = "examples.json";
    /// Name of the model card in the model's directory.
    pub const CARD_FILE: &str = "README.md";
    /// Maximum size of a model card in bytes; the rest is cut off.
    const MAX_CARD_BYTES: u64 = 64 * 1024;
    const MAX_NAME_BYTES: usize = 100;
    /// Maximum tokens per forward pass; batches of long rows are split by length. Smaller values
    /// leave cores idle with small models, larger ones need more memory.
    const TOKENS_AT_ONCE: usize = 2048;

    /// Loads a fine-tuned model or an embedding model from its directory, with [`Self::CARD_FILE`] and
    /// [`Self::EXAMPLES_FILE`] if they exist.
    ///
    /// # Errors
    /// - The errors of [`Self::new`].
    /// - [`ServeError::Model`] if the directory does not contain a fine-tuned model.
    /// - [`ServeError::Io`] or [`ServeError::InvalidFile`] if model card or examples cannot be read
    ///   or are invalid.
    pub fn load(name: &str, directory: &Path, device: &Device) -> Result<Self, ServeError> {
        Self::load_with(name, directory, device, Precision::default())
    }

    /// Loads a model that computes in a precision.
    ///
    /// # Errors
    /// - The errors of [`Self::load`].
    /// - [`ServeError::Model`] if the device does not support the precision.
    pub fn load_with(
        name: &str,
        directory: &Path,
        device: &Device,
        precision: Precision,
    ) -> Result<Self, ServeError> {
        Self::load_custom(name, directory, device, precision, None)
    }

    /// Loads a model that may have been trained with a custom head.
    ///
    /// # Errors
    /// As [`Self::load_with`], with [`ServeError::Model`] also if the model has another head.
    pub fn load_custom(
        name: &str,
        directory: &Path,
        device: &Device,
        precision: Precision,
        head: Option<&CustomHead>,
    ) -> Result<Self, ServeError> {
        check_name(name)?;
        let failed = |source: PredictError| ServeError::Model {
            name: name.to_string(),
            source: Box::new(source),
        };
        let directory = &model_directory(directory).map_err(|error| failed(error.into()))?;
        let batch_size = BatchSize::Tokens(Self::TOKENS_AT_ONCE);
        let served = match ModelKind::of(directory) {
            ModelKind::Embeddings => {
                let config = EmbedderConfig {
                    batch_size,
                    precision,
                    ..Default::default()
                };
                let loaded = Embedder::load_with(directory, config, device);
                Self::new(name, loaded.map_err(failed)?)?
            }
            ModelKind::Tokens => {
                let config = TokenPredictorConfig {
                    batch_size,
                    precision,
                    ..Default::default()
                };
                let loaded = TokenPredictor::load(directory, config, device);
                Self::new(name, loaded.map_err(failed)?)?
            }
            ModelKind::Texts | ModelKind::MaskedLm | ModelKind::Encoder => {
                let config = PredictorConfig {
                    batch_size,
                    precision,
                    ..Default::default()
                };
                let loaded = Predictor::load_custom(directory, config, head, device);
                Self::new(name, loaded.map_err(failed)?)?
            }
        };
        let served = Self {
            origin: directory.display().to_string(),
            card: card(&directory.join(Self::CARD_FILE))?,
            ..served
        };
        served.with_examples(examples(&directory.join(Self::EXAMPLES_FILE))?)
    }

    /// Creates a named model without a model card.
    ///
    /// # Errors
    /// - [`ServeError::InvalidName`] unless the name has 1 to 100 letters, digits, dots, hyphens or
    ///   underscores, not all of them dots.
    pub fn new(name: &str, model: impl TextModel) -> Result<Self, ServeError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_string(),
            profile: model.profile(),
            model: Arc::new(model),
            origin: "this program".to_string(),
            card: None,
            examples: Vec::new(),
        })
    }

    /// Sets example inputs for the demo page.
    ///
    /// # Errors
    /// - [`ServeError::InvalidFile`] if the model does not accept an example.
    pub fn with_examples(self, examples: Vec<Input>) -> Result<Self, ServeError> {
        let input = self.profile.input;
        match examples.iter().all(|example| input.allows(example)) {
            true => Ok(Self { examples, ..self }),
            false => Err(ServeError::InvalidFile {
                path: Path::new(&self.origin).join(Self::EXAMPLES_FILE),
                message: format!("the model is for {}", input.expected()),
            }),
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the metadata.
    pub fn profile(&self) -> &ModelMetadata {
        &self.profile
    }

    /// Returns the model card in Markdown.
    pub fn card(&self) -> Option<&str> {
        self.card.as_deref()
    }

    /// Returns the example inputs.
    pub fn examples(&self) -> &[Input] {
        &self.examples
    }

    /// Returns the origin of the model, for error messages.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn model(&self) -> Arc<dyn TextModel> {
        Arc::clone(&self.model)
    }
}

impl fmt::Debug for ServedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedModel")
            .field("name", &self.name)
            .field("profile", &self.profile)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

fn check_name(name: &str) -> Result<(), ServeError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let all = name.bytes().all(allowed) && name.len() <= ServedModel::MAX_NAME_BYTES;
    // Names of dots only would be relative paths; this also rejects the empty name.
    match all && name.bytes().any(|byte| byte != b'.') {
        true => Ok(()),
        false => Err(ServeError::InvalidName {
            name: name.chars().take(ServedModel::MAX_NAME_BYTES).collect(),
        }),
    }
}

fn card(path: &Path) -> Result<Option<String>, ServeError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(ServeError::io(path))?,
    };
    let mut bytes = Vec::new();
    let mut start = file.take(ServedModel::MAX_CARD_BYTES);
    start
        .read_to_end(&mut bytes)
        .map_err(ServeError::io(path))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn examples(path: &Path) -> Result<Vec<Input>, ServeError> {
    let json = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(ServeError::io(path))?,
    };
    serde_json::from_slice(&json).map_err(|error| ServeError::InvalidFile {
        path: path.to_path_buf(),
        message: format!("no list of inputs: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_stand_in_an_address() {
        for name in ["a", "my-model_2", "v1.0", "..a"] {
            check_name(name).unwrap();
        }
        let long = "a".repeat(101);
        for name in ["", ".", "..", "a b", "a/b", "é", "a%20", long.as_str()] {
            let error = check_name(name).unwrap_err();
            assert!(matches!(error, ServeError::InvalidName { .. }), "{name}");
        }
    }

    #[test]
    fn files_beside_a_model_may_lack_but_not_be_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert_eq!(card(&path).unwrap(), None);
        assert_eq!(examples(&path).unwrap(), []);
        std::fs::write(&path, r#"["a", {"text": "b"}]"#).unwrap();
        assert_eq!(examples(&path).unwrap().len(), 2);
        std::fs::write(&path, r#"{"a": 1}"#).unwrap();
        let message = examples(&path).unwrap_err().to_string();
        assert!(message.contains("no list of inputs"), "{message}");
        std::fs::write(&path, vec![b'a'; 100_000]).unwrap();
        assert_eq!(card(&path).unwrap().unwrap().len(), 64 * 1024);
    }
}
