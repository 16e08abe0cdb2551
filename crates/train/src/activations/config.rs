//! Settings of the activation cache.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::path_text;

/// Settings of the cache of frozen activations.
///
/// ```
/// use finetune_train::{ActivationCacheConfig, CacheLocation, CacheDtype};
///
/// let cache: ActivationCacheConfig = serde_json::from_str(
///     r#"{"location": {"disk": "activations"}, "dtype": "f16"}"#,
/// )?;
/// assert_eq!(cache.location, CacheLocation::Disk("activations".into()));
/// assert_eq!(cache.dtype, CacheDtype::F16);
/// assert_eq!(ActivationCacheConfig::default().location, CacheLocation::Memory);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActivationCacheConfig {
    /// Location of the cache (default: memory).
    pub location: CacheLocation,
    /// Element type of the cached values (default: f32).
    pub dtype: CacheDtype,
    /// Maximum size of the activations of a dataset in bytes, at least 1; `None` for no limit
    /// (default: 4 GiB).
    pub max_bytes: Option<u64>,
}

/// Location of cached activations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheLocation {
    /// No cache: frozen layers are computed again for each batch.
    Off,
    /// In memory, for one run.
    #[default]
    Memory,
    /// In a memory-mapped file in this directory: for data larger than memory, and for later runs.
    Disk(#[serde(serialize_with = "path_text::serialize")] PathBuf),
}

/// Element type of cached activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheDtype {
    /// As computed; training on flex is bit-identical to training without the cache.
    #[default]
    F32,
    /// Half the size, with about three significant digits.
    F16,
}

impl Default for ActivationCacheConfig {
    fn default() -> Self {
        Self {
            location: CacheLocation::default(),
            dtype: CacheDtype::default(),
            max_bytes: Some(4 << 30),
        }
    }
}

impl ActivationCacheConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if `max_bytes` is 0 or the directory is empty.
    pub fn validate(&self) -> Result<(), TrainError> {
        if self.max_bytes == Some(0) {
            return Err(TrainError::setting(
                "activation_cache.max_bytes",
                0,
                "at least 1",
            ));
        }
        match &self.location {
            CacheLocation::Disk(directory) if directory.as_os_str().is_empty() => Err(
                TrainError::setting("activation_cache.location.disk", "\"\"", "a directory"),
            ),
            _ => Ok(()),
        }
    }
}

impl CacheDtype {
    /// Returns the bytes per value.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_and_refuse_what_they_do_not_know() {
        for json in [
            r#"{"location":"off","dtype":"f32","max_bytes":null}"#,
            r#"{"location":"memory","dtype":"f16","max_bytes":100}"#,
            r#"{"location":{"disk":"directory"},"dtype":"f32","max_bytes":1}"#,
        ] {
            let cache: ActivationCacheConfig = serde_json::from_str(json).unwrap();
            cache.validate().unwrap();
            assert_eq!(serde_json::to_string(&cache).unwrap(), json);
        }
        for wrong in [
            r#"{"where":"memory"}"#,
            r#"{"location":"tape"}"#,
            r#"{"dtype":"f64"}"#,
            r#"{"max_bytes":-1}"#,
        ] {
            assert!(
                serde_json::from_str::<ActivationCacheConfig>(wrong).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn impossible_settings_are_named() {
        for (json, setting) in [
            (r#"{"max_bytes":0}"#, "activation_cache.max_bytes is 0"),
            (
                r#"{"location":{"disk":""}}"#,
                "activation_cache.location.disk is \"\"",
            ),
        ] {
            let cache: ActivationCacheConfig = serde_json::from_str(json).unwrap();
            let message = cache.validate().unwrap_err().to_string();
            assert!(message.starts_with(setting), "{message}");
        }
    }
}
