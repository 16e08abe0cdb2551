//! Where the activations of a frozen part are kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::TrainError;

/// Settings of the activations of a frozen part; by default they are kept in memory.
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
    /// Whether they are kept, and where.
    pub place: ActivationPlace,
    /// As what numbers.
    pub precision: ActivationPrecision,
    /// The most bytes that those of a data set may take, at least 1; `None` for any size.
    pub max_bytes: Option<u64>,
}

/// Where activations are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationPlace {
    /// Nowhere: the frozen part is computed again for each batch.
    Off,
    /// In memory, for one run.
    #[default]
    Memory,
    /// In a file of this folder, memory-mapped: for data larger than memory, and for the next run.
    Disk(PathBuf),
}

/// The numbers that activations are kept as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationPrecision {
    /// As they are computed: what is trained above them is the same, bit for bit, on flex.
    #[default]
    F32,
    /// Half the size, three significant digits.
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
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not.
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
    /// Bytes of a number.
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
