//! How texts became tokens when a model was trained, kept beside it.
//!
//! A model that learned from cleaned texts, cut at 128 tokens, wants them so when it predicts.
//! Neither `config.json` nor the files of the tokenizer have a place for that: Hugging Face leaves
//! it to the program that predicts.

use std::io::ErrorKind;
use std::path::Path;

use finetune_data::{Cleaning, EncodingConfig, Texts};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::run_record::{read_json, write_json};

/// Whatever happened to a text before the model saw it, but for the tokenizer itself.
///
/// ```
/// use finetune_data::{Cleaning, CleaningStep, EncodingConfig};
/// use finetune_train::TextPreprocessing;
///
/// let folder = tempfile::tempdir()?;
/// let preparation = TextPreprocessing {
///     cleaning: Cleaning { steps: vec![CleaningStep::Html] },
///     encoding: EncodingConfig::new(128),
///     ..Default::default()
/// };
/// preparation.save(folder.path())?;
/// assert_eq!(TextPreprocessing::read(folder.path())?, Some(preparation));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextPreprocessing {
    /// One text a row, or two; one.
    pub texts: Texts,
    /// What was done to a text before it was tokenized; nothing.
    pub cleaning: Cleaning,
    /// How it became tokens.
    pub encoding: EncodingConfig,
}

impl Default for TextPreprocessing {
    fn default() -> Self {
        Self {
            texts: Texts::Single,
            cleaning: Cleaning::default(),
            encoding: EncodingConfig::default(),
        }
    }
}

impl TextPreprocessing {
    /// Its file in the folder of a model.
    pub const FILE: &str = "text_preprocessing.json";

    /// Writes `text_preprocessing.json` into the folder of a model. The file appears whole or not at
    /// all.
    ///
    /// # Errors
    /// [`TrainError::Io`] if it cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), TrainError> {
        write_json(&directory.join(Self::FILE), self)
    }

    /// Reads it from the folder of a model: `None` if there is none, as in a folder that another
    /// program saved.
    ///
    /// # Errors
    /// [`TrainError::Io`] if the file cannot be read, [`TrainError::Json`] if it is no such JSON.
    pub fn read(directory: &Path) -> Result<Option<Self>, TrainError> {
        let path = directory.join(Self::FILE);
        match read_json(&path) {
            Err(TrainError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_program_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(TextPreprocessing::read(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_misspelled_key_is_refused_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TextPreprocessing::FILE);
        std::fs::write(path, r#"{"cleanning": {"steps": ["html"]}}"#).unwrap();
        let message = TextPreprocessing::read(folder.path())
            .unwrap_err()
            .to_string();
        assert!(
            message.contains(TextPreprocessing::FILE) && message.contains("cleanning"),
            "{message}"
        );
    }
}
