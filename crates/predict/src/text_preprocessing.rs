//! Text preprocessing and thresholds of a model, saved beside it.
//!
//! A model trained on cleaned texts of at most 128 tokens needs the same preprocessing for
//! predictions, and tuned thresholds are part of a multi-label classifier. The Hugging Face files
//! `config.json` and tokenizer do not store them.

use std::io::ErrorKind;
use std::path::Path;

use finetune_data::{Cleaning, EncodingConfig, TextArity};
use finetune_eval::Thresholds;
use finetune_model::Int8Config;
use finetune_storage::write_atomically;
use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::error::PredictError;
use crate::tokens::TagSettings;

/// Cleaning and encoding settings that a model was trained with, and what was fitted after training.
///
/// ```
/// use finetune_data::{Cleaning, CleaningStep, EncodingConfig};
/// use finetune_predict::TextPreprocessing;
///
/// let directory = tempfile::tempdir()?;
/// let preparation = TextPreprocessing {
///     cleaning: Cleaning { steps: vec![CleaningStep::Html] },
///     encoding: EncodingConfig::new(128),
///     ..Default::default()
/// };
/// preparation.save(directory.path())?;
/// assert_eq!(TextPreprocessing::read(directory.path())?, Some(preparation));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextPreprocessing {
    /// Texts per row: one or a pair (default: one).
    pub texts: TextArity,
    /// Cleaning steps applied before tokenization (default: none).
    pub cleaning: Cleaning,
    /// Maximum length, truncation and pair encoding of the token rows.
    pub encoding: EncodingConfig,
    /// Minimum probability of a predicted label in multi-label classification, or one per label
    /// (default: 0.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Thresholds>,
    /// Tags of a token classifier (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<TagSettings>,
    /// Calibration of a single-label classifier (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Linear layers that become 8-bit integers if the model is loaded in them (default: all).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub int8: Option<Int8Config>,
}

impl Default for TextPreprocessing {
    fn default() -> Self {
        Self {
            texts: TextArity::Single,
            cleaning: Cleaning::default(),
            encoding: EncodingConfig::default(),
            threshold: None,
            tags: None,
            calibration: None,
            int8: None,
        }
    }
}

impl TextPreprocessing {
    /// Name of the file in the model directory.
    pub const FILE: &str = "text_preprocessing.json";

    /// Writes `text_preprocessing.json` atomically to a model directory.
    ///
    /// # Errors
    /// - [`PredictError::Io`] if the file cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), PredictError> {
        let path = directory.join(Self::FILE);
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| PredictError::io(&path)(std::io::Error::other(error)))?;
        text.push(b'\n');
        write_atomically(&path, &text).map_err(PredictError::io(&path))
    }

    /// Reads `text_preprocessing.json` from a model directory; `None` if the file does not exist,
    /// as in directories written by other programs.
    ///
    /// # Errors
    /// - [`PredictError::Io`] if the file cannot be read.
    /// - [`PredictError::Json`] if it is not valid JSON of this type.
    pub fn read(directory: &Path) -> Result<Option<Self>, PredictError> {
        let path = directory.join(Self::FILE);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(PredictError::io(&path))?,
        };
        match serde_json::from_slice(&text) {
            Ok(read) => Ok(Some(read)),
            Err(error) => Err(PredictError::Json {
                source: finetune_data::explain_renamed_key(error),
                path,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_back_and_absent_by_default() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(TextPreprocessing::FILE);
        TextPreprocessing::default().save(directory.path()).unwrap();
        assert!(
            !std::fs::read_to_string(&path)
                .unwrap()
                .contains("threshold")
        );
        let tuned = TextPreprocessing {
            threshold: Some(Thresholds::PerClass(vec![0.1, 1.0 / 3.0])),
            ..Default::default()
        };
        tuned.save(directory.path()).unwrap();
        assert_eq!(
            TextPreprocessing::read(directory.path()).unwrap(),
            Some(tuned)
        );
    }

    #[test]
    fn a_folder_of_another_program_has_none() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(TextPreprocessing::read(directory.path()).unwrap(), None);
    }

    #[test]
    fn a_misspelled_key_is_refused_with_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(TextPreprocessing::FILE);
        std::fs::write(path, r#"{"cleanning": {"steps": ["html"]}}"#).unwrap();
        let message = TextPreprocessing::read(directory.path())
            .unwrap_err()
            .to_string();
        assert!(
            message.contains(TextPreprocessing::FILE) && message.contains("cleanning"),
            "{message}"
        );
    }
}
