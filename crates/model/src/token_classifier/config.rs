//! Configuration of a token classifier.

use burn::tensor::Device;
use serde::{Serialize, Serializer};

use super::{Crf, TokenClassifier, Transitions};
use crate::classifier::check_class_names;
use crate::encoder::EncoderConfig;
use crate::error::ModelError;
use crate::head::{HeadSize, MlpConfig};

/// Configuration of a [`TokenClassifier`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenClassifierConfig {
    /// Configuration of the encoder.
    pub encoder: EncoderConfig,
    /// Dropout probability before the last layer, in `[0, 1)`.
    pub dropout: f64,
    /// Class names, in the order of the logits.
    pub class_names: Vec<String>,
    /// Transitions that a conditional random field allows; `None` without one (default: `None`).
    #[serde(serialize_with = "whether_some")]
    pub crf: Option<Transitions>,
}

/// Writes whether there is a conditional random field; its transitions follow from the class names.
fn whether_some<S: Serializer>(
    crf: &Option<Transitions>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(crf.is_some())
}

impl TokenClassifierConfig {
    /// Creates the configuration of the family's token classifier, with the family's dropout:
    /// `…ForTokenClassification` in transformers.
    pub fn new(encoder: EncoderConfig, class_names: Vec<String>) -> Self {
        Self {
            dropout: encoder.family.token_dropout(&encoder, None),
            encoder,
            class_names,
            crf: None,
        }
    }

    /// Adds a conditional random field.
    pub fn with_crf(self, allowed: Transitions) -> Self {
        Self {
            crf: Some(allowed),
            ..self
        }
    }

    /// Creates a classifier whose parameters are all zero until they are loaded from a checkpoint or
    /// set by [`init_weights`](crate::init_weights).
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the encoder's configuration or the dropout is invalid,
    ///   there are fewer than two or duplicate class names, or the transitions are for another
    ///   number of classes.
    pub fn init(&self, device: &Device) -> Result<TokenClassifier, ModelError> {
        check_class_names(&self.class_names, 2)?;
        let classes = self.class_names.len();
        if let Some(allowed) = &self.crf {
            let found = allowed.num_classes();
            ModelError::check(found == classes, "classes of the crf", found, classes)?;
        }
        let head = self.head();
        let size = HeadSize {
            hidden_size: self.encoder.hidden_size,
            num_labels: classes,
        };
        head.validate(size)?;
        let crf = self.crf.as_ref();
        Ok(TokenClassifier {
            encoder: self.encoder.init(device)?,
            head: head.init(size, device),
            crf: crf.map(|allowed| Crf::new(allowed.clone(), device)),
            config: self.clone(),
        })
    }

    /// Returns the configuration of the head, which is applied to each token.
    pub fn head(&self) -> MlpConfig {
        self.encoder.family.token_head(&self.encoder, self.dropout)
    }
}
