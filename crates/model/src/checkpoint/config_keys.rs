//! Access to the keys of a `config.json`; errors name the file and the key.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use finetune_storage::placeholder;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::CONFIG_FILE;
use crate::encoder::{ACTIVATIONS, Activation};
use crate::error::ModelError;

/// Keys of a `config.json`. A null value counts as missing, as in transformers.
pub(super) struct ConfigKeys {
    pub(super) path: PathBuf,
    pub(super) keys: Map<String, Value>,
}

impl ConfigKeys {
    /// Reads the `config.json` of a checkpoint directory.
    pub(super) fn read(directory: &Path) -> Result<Self, ModelError> {
        let path = directory.join(CONFIG_FILE);
        let keys = read_json(&path)?;
        Ok(Self { path, keys })
    }

    /// Returns the value of a key, if present.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfigFile`] if the value has another type.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ModelError> {
        match self.keys.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(found) => match T::deserialize(found) {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(self.value(key, found.to_string(), expected)),
            },
        }
    }

    /// Creates the error of an invalid value.
    pub(super) fn value(
        &self,
        key: &'static str,
        found: impl Display,
        expected: impl Display,
    ) -> ModelError {
        let problem = format!("is {}, expected {expected}", beginning(&found.to_string()));
        ModelError::config_file(&self.path, key, problem)
    }

    /// Returns the value of a required key.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfigFile`] if the key is missing.
    /// - The errors of [`ConfigKeys::get`].
    pub(super) fn require<T: DeserializeOwned>(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<T, ModelError> {
        self.get(key, expected)?
            .ok_or_else(|| ModelError::config_file(&self.path, key, "is missing"))
    }

    /// Returns the activation that a key names, if present.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfigFile`] if the value is no supported name.
    pub(super) fn activation(&self, key: &'static str) -> Result<Option<Activation>, ModelError> {
        let Some(name) = self.get::<String>(key, "the name of an activation")? else {
            return Ok(None);
        };
        serde_json::from_value(Value::String(name.clone()))
            .map(Some)
            .map_err(|_| self.unsupported(key, &name, ACTIVATIONS))
    }

    /// Creates the error of a value that describes an unsupported model.
    pub(super) fn unsupported(
        &self,
        field: &'static str,
        found: &str,
        supported: &str,
    ) -> ModelError {
        let problem = format!("is {}, supported: {supported}", beginning(found));
        ModelError::config_file(&self.path, field, problem)
    }
}

/// Returns a value as far as it is shown in a message.
fn beginning(value: &str) -> String {
    const LONGEST: usize = 100;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_string(),
    }
}

/// Reads a configuration file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let text = std::fs::read(path).map_err(ModelError::io(path))?;
    if let Some(found) = placeholder(&text) {
        return Err(ModelError::Placeholder {
            path: path.to_path_buf(),
            found,
        });
    }
    serde_json::from_slice(&text).map_err(ModelError::json(path, "a model configuration"))
}
