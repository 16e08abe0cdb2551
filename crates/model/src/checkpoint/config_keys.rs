//! Access to the keys of a `config.json`; errors name the file and the key.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::CONFIG_FILE;
use crate::error::ModelError;

/// Keys of a `config.json`. A null value counts as missing, as in transformers.
pub(super) struct ConfigKeys {
    path: PathBuf,
    pub(super) keys: Map<String, Value>,
}

impl ConfigKeys {
    /// Reads the `config.json` of a checkpoint directory.
    pub(super) fn read(directory: &Path) -> Result<Self, ModelError> {
        let path = directory.join(CONFIG_FILE);
        let text = std::fs::read(&path).map_err(|source| ModelError::Io {
            path: path.clone(),
            source,
        })?;
        match serde_json::from_slice(&text) {
            Ok(keys) => Ok(Self { path, keys }),
            Err(source) => Err(ModelError::ConfigSyntax { path, source }),
        }
    }

    /// Returns the value of a key, if present.
    ///
    /// # Errors
    /// - [`ModelError::ConfigValue`] if the value has another type.
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
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> ModelError {
        ModelError::ConfigValue {
            path: self.path.clone(),
            key,
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// Returns the value of a required key.
    ///
    /// # Errors
    /// - [`ModelError::MissingKey`] if the key is missing.
    /// - The errors of [`ConfigKeys::get`].
    pub(super) fn require<T: DeserializeOwned>(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<T, ModelError> {
        self.get(key, expected)?
            .ok_or_else(|| ModelError::MissingKey {
                path: self.path.clone(),
                key,
            })
    }

    /// Creates the error of a value that describes an unsupported model.
    pub(super) fn unsupported(
        &self,
        field: &'static str,
        found: &str,
        supported: &'static str,
    ) -> ModelError {
        ModelError::Unsupported {
            path: self.path.clone(),
            field,
            found: found.to_string(),
            supported,
        }
    }
}
