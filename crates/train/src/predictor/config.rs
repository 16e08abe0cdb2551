//! Every setting of a [`Predictor`](crate::Predictor), with its default in one place.

use finetune_data::{BatchSize, Cleaning, PairTruncation, Truncation};
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// Settings of a predictor. What is `None` is as it was when the model was trained, where its
/// folder says so, and otherwise as told here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictorConfig {
    /// Tokens after which a text is cut, special tokens included; otherwise as many as tokenizer
    /// and encoder both allow.
    pub max_length: Option<usize>,
    /// What is kept of a longer text; otherwise its head. With windows, the text has the mean of
    /// their logits.
    pub truncation: Option<Truncation>,
    /// Which text of a pair is cut; otherwise the longer one.
    pub pair_truncation: Option<PairTruncation>,
    /// What is done to a text before it is tokenized; otherwise nothing.
    pub cleaning: Option<Cleaning>,
    /// What goes into a batch; 64 rows.
    pub batch_size: BatchSize,
    /// How exact the products of the encoder are.
    pub precision: Precision,
    /// So many of the likeliest labels are listed, at least 1; all if `None`.
    pub top_k: Option<usize>,
    /// Where any number of labels may be right, those at least so likely are, in `[0, 1]`; 0.5.
    pub threshold: f64,
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
            threshold: 0.5,
        }
    }
}

impl PredictorConfig {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), TrainError> {
        let (BatchSize::Rows(batch_size) | BatchSize::Tokens(batch_size)) = self.batch_size;
        for (setting, value) in [
            ("max_length", self.max_length.unwrap_or(1)),
            ("batch_size", batch_size),
            ("top_k", self.top_k.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(TrainError::setting(setting, value, "at least 1"));
            }
        }
        if !(0.0..=1.0).contains(&self.threshold) {
            let expected = "a probability, in [0, 1]";
            return Err(TrainError::setting("threshold", self.threshold, expected));
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
        ] {
            let config: PredictorConfig = serde_json::from_str(json).unwrap();
            assert_eq!(config.validate().unwrap_err().to_string(), message);
        }
    }
}
