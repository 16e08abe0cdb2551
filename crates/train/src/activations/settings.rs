//! Settings of the activation cache.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::TrainError;

/// Settings of the cache of frozen activations.
///
/// ```
/// use finetune_train::{ActivationCache, ActivationPlace, ActivationPrecision};
///
/// let cache: ActivationCache = serde_json::from_str(
///     r#"{"place": {"disk": "activations"}, "precision": "f16"}"#,
/// )?;
/// assert_eq!(cache.place, ActivationPlace::Disk("activations".into()));
/// assert_eq!(cache.precision, ActivationPrecision::F16);
/// assert_eq!(ActivationCache::default().place, ActivationPlace::Memory);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActivationCache {
    /// Location of the cache (default: memory).
    pub place: ActivationPlace,
    /// Element type of the cached values (default: f32).
    pub precision: ActivationPrecision,
    /// Maximum size of the activations of a dataset in bytes, at least 1; `None` for no limit
    /// (default: 4 GiB).
    pub max_bytes: Option<u64>,
}

/// Location of cached activations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationPlace {
    /// No cache: frozen layers are computed again for each batch.
    Off,
    /// In memory, for one run.
    #[default]
    Memory,
    /// In a memory-mapped file in this directory: for data larger than memory, and for later runs.
    Disk(PathBuf),
}

/// Element type of cached activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationPrecision {
    /// As computed; training on flex is bit-identical to training without the cache.
    #[default]
    F32,
    /// Half the size, with about three significant digits.
    F16,
}

impl Default for ActivationCache {
    fn default() -> Self {
        Self {
            place: ActivationPlace::default(),
            precision: ActivationPrecision::default(),
            max_bytes: Some(4 << 30),
        }
    }
}

impl ActivationCache {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if `max_bytes` is 0 or the directory is empty.
    pub fn validate(&self) -> Result<(), TrainError> {
        if self.max_bytes == Some(0) {
            return Err(TrainError::setting(
                "activations.max_bytes",
                0,
                "at least 1",
            ));
        }
        match &self.place {
            ActivationPlace::Disk(folder) if folder.as_os_str().is_empty() => Err(
                TrainError::setting("activations.place.disk", "\"\"", "a folder"),
            ),
            _ => Ok(()),
        }
    }
}

impl ActivationPrecision {
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
            r#"{"place":"off","precision":"f32","max_bytes":null}"#,
            r#"{"place":"memory","precision":"f16","max_bytes":100}"#,
            r#"{"place":{"disk":"folder"},"precision":"f32","max_bytes":1}"#,
        ] {
            let cache: ActivationCache = serde_json::from_str(json).unwrap();
            cache.validate().unwrap();
            assert_eq!(serde_json::to_string(&cache).unwrap(), json);
        }
        for wrong in [
            r#"{"where":"memory"}"#,
            r#"{"place":"tape"}"#,
            r#"{"precision":"f64"}"#,
            r#"{"max_bytes":-1}"#,
        ] {
            assert!(
                serde_json::from_str::<ActivationCache>(wrong).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn impossible_settings_are_named() {
        for (json, setting) in [
            (r#"{"max_bytes":0}"#, "activations.max_bytes is 0"),
            (r#"{"place":{"disk":""}}"#, "activations.place.disk is \"\""),
        ] {
            let cache: ActivationCache = serde_json::from_str(json).unwrap();
            let message = cache.validate().unwrap_err().to_string();
            assert!(message.starts_with(setting), "{message}");
        }
    }
}
