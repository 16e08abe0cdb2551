//! Settings of a [`Predictor`](crate::Predictor).

use finetune_data::{BatchSize, Cleaning, PairTruncation, Truncation};
use finetune_eval::Thresholds;
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::error::PredictError;

/// Settings of a predictor. `None` stands for the value saved with the model in
/// `text_preprocessing.json`; the defaults below apply to models without that file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictorConfig {
    /// Maximum tokens per row, special tokens included, at least 1 (default: the maximum of
    /// tokenizer and encoder).
    pub max_length: Option<usize>,
    /// Part of a longer text that is kept (default: the head). With sliding windows, the logits of
    /// a text's windows are averaged.
    pub truncation: Option<Truncation>,
    /// Text of a pair that is truncated (default: the longer one).
    pub pair_truncation: Option<PairTruncation>,
    /// Cleaning steps applied before tokenization (default: none).
    pub cleaning: Option<Cleaning>,
    /// Maximum rows or tokens per batch, at least 1 (default: 64 rows).
    pub batch_size: BatchSize,
    /// Precision of the encoder's matrix products (default: f32).
    pub precision: Precision,
    /// Maximum number of labels to return, most probable first, at least 1 (default: all).
    pub top_k: Option<usize>,
    /// Minimum probability of a predicted label in multi-label classification, in `[0, 1]`, or one
    /// per label (default: 0.5).
    pub threshold: Option<Thresholds>,
}

impl Default for PredictorConfig {
    fn default() -> Self {
        Self {
            max_length: None,
            truncation: None,
            pair_truncation: None,
            cleaning: None,
            batch_size: BatchSize::Rows(64),
            precision: Precision::default(),
            top_k: None,
            threshold: None,
        }
    }
}

impl PredictorConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] or, for a threshold, [`PredictError::Eval`] if a value is
    ///   out of range; it names the first one.
    pub fn validate(&self) -> Result<(), PredictError> {
        let (BatchSize::Rows(batch_size) | BatchSize::Tokens(batch_size)) = self.batch_size;
        for (setting, value) in [
            ("max_length", self.max_length.unwrap_or(1)),
            ("batch_size", batch_size),
            ("top_k", self.top_k.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(PredictError::setting(setting, value, "at least 1"));
            }
        }
        if let Some(threshold) = &self.threshold {
            threshold.validate()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_read_back() {
        let config = PredictorConfig::default();
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        for text in [json.as_str(), "{}"] {
            assert_eq!(
                serde_json::from_str::<PredictorConfig>(text).unwrap(),
                config
            );
        }
        assert!(serde_json::from_str::<PredictorConfig>(r#"{"top": 1}"#).is_err());
    }

    #[test]
    fn impossible_settings_are_named() {
        for (json, message) in [
            (
                r#"{"max_length": 0}"#,
                "max_length is 0, expected at least 1",
            ),
            (
                r#"{"batch_size": {"tokens": 0}}"#,
                "batch_size is 0, expected at least 1",
            ),
            (r#"{"top_k": 0}"#, "top_k is 0, expected at least 1"),
            (
                r#"{"threshold": 1.5}"#,
                "threshold is 1.5, expected a probability, in [0, 1]",
            ),
            (
                r#"{"threshold": [0.5, -1]}"#,
                "threshold is -1, expected a probability, in [0, 1]",
            ),
        ] {
            let config: PredictorConfig = serde_json::from_str(json).unwrap();
            assert_eq!(config.validate().unwrap_err().to_string(), message);
        }
    }
}
