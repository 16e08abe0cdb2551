//! The keys of a `config.json`, read one by one, each error naming file and key.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::CONFIG_FILE;
use crate::ModelError;

/// The keys of a file. A key that is null counts as missing, as in transformers.
pub(super) struct ConfigKeys {
    path: PathBuf,
    pub(super) keys: Map<String, Value>,
}

impl ConfigKeys {
    /// Reads `config.json` of a folder.
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

    /// The value of a key, if it is there.
    ///
    /// # Errors
    /// [`ModelError::ConfigValue`] if it is not of that type.
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

    /// The error of a key whose value will not do.
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

    /// The value of a key that has to be there.
    ///
    /// # Errors
    /// [`ModelError::MissingKey`] if it is not, and as [`ConfigKeys::get`].
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

    /// The error of a value that describes a model this crate has not got.
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
