//! A model with its name and what is told about it.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::BatchSize;
use finetune_train::{Parts, Precision, Predictor, PredictorConfig};

use crate::model::{ModelProfile, TextModel};
use crate::{Input, ServeError};

/// A model to serve: a name, the model, and what people read about it.
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
    profile: ModelProfile,
    origin: String,
    card: Option<String>,
    examples: Vec<Input>,
}

impl ServedModel {
    /// A file beside a model with a JSON list of inputs, which the demo page offers to try.
    pub const EXAMPLES_FILE: &str = "examples.json";
    /// A file beside a model for people.
    pub const CARD_FILE: &str = "README.md";
    /// The most bytes of a card that are served; the rest is cut off.
    const MAX_CARD_BYTES: u64 = 64 * 1024;
    const MAX_NAME_BYTES: usize = 100;
    /// A batch of long rows is computed in parts of so many tokens, rows of one length together.
    /// Smaller parts leave cores idle in a small model, larger ones are padding in a large one.
    const TOKENS_AT_ONCE: usize = 2048;

    /// Loads a fine-tuned model from its folder, with [`Self::CARD_FILE`] and
    /// [`Self::EXAMPLES_FILE`] if they are there.
    ///
    /// # Errors
    /// As [`Self::new`]; [`ServeError::Model`] if the folder holds no fine-tuned model,
    /// [`ServeError::Io`] and [`ServeError::InvalidFile`] for the files beside it.
    pub fn load(name: &str, directory: &Path, device: &Device) -> Result<Self, ServeError> {
        Self::load_with(name, directory, device, Precision::default())
    }

    /// The same, in a precision.
    ///
    /// # Errors
    /// As [`Self::load`], with [`ServeError::Model`] also if the device lacks the precision.
    pub fn load_with(
        name: &str,
        directory: &Path,
        device: &Device,
        precision: Precision,
    ) -> Result<Self, ServeError> {
        Self::load_custom(name, directory, device, precision, &Parts::default())
    }

    /// The same for a model that was trained with parts of the program's own: its head.
    ///
    /// # Errors
    /// As [`Self::load_with`], with [`ServeError::Model`] also if the model has another head.
    pub fn load_custom(
        name: &str,
        directory: &Path,
        device: &Device,
        precision: Precision,
        parts: &Parts,
    ) -> Result<Self, ServeError> {
        check_name(name)?;
        let config = PredictorConfig {
            batch_size: BatchSize::Tokens(Self::TOKENS_AT_ONCE),
            precision,
            ..Default::default()
        };
        let loaded = Predictor::load_custom(directory, config, parts, device);
        let predictor = loaded.map_err(|source| ServeError::Model {
            name: name.to_string(),
            source: Box::new(source),
        })?;
        let served = Self {
            origin: directory.display().to_string(),
            card: card(&directory.join(Self::CARD_FILE))?,
            ..Self::new(name, predictor)?
        };
        served.with_examples(examples(&directory.join(Self::EXAMPLES_FILE))?)
    }

    /// A model under a name, without a card.
    ///
    /// # Errors
    /// [`ServeError::InvalidName`] for a name that cannot stand in an address as it is: up to 100
    /// letters, digits, dots, hyphens and underscores can, if not all of them are dots.
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

    /// Has inputs offered on the demo page.
    ///
    /// # Errors
    /// [`ServeError::InvalidFile`] for an example that the model cannot be asked about.
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

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its answers are, and what it is asked about.
    pub fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    /// The text for people.
    pub fn card(&self) -> Option<&str> {
        self.card.as_deref()
    }

    /// Inputs to try it with.
    pub fn examples(&self) -> &[Input] {
        &self.examples
    }

    /// Where it comes from, for messages.
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
    // Dots alone would walk up the path; this holds for no name at all, too.
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
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
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
