//! Every setting of a run, with its default in one place.

use finetune_data::{Order, Padding};
use serde::{Deserialize, Serialize};

use crate::{AdamWSettings, Freeze, Schedule, TrainError};

/// Settings of a fine-tuning run; the defaults are the field's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training rows, at least 1.
    pub epochs: usize,
    /// Ends the run, and its schedule, after so many optimizer steps.
    pub max_steps: Option<usize>,
    /// Rows per optimizer step, at least 1.
    pub batch_size: usize,
    /// Rows per prediction batch, at least 1.
    pub eval_batch_size: usize,
    /// Tokens after which a text is cut, special tokens included.
    pub max_length: usize,
    /// Order of the rows in an epoch.
    pub order: Order,
    /// How rows of different lengths become a batch.
    pub padding: Padding,
    /// The optimizer.
    pub optimizer: AdamWSettings,
    /// The learning rate over time.
    pub schedule: Schedule,
    /// What does not train.
    pub freeze: Freeze,
    /// Every random choice of the run follows from it.
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 3,
            max_steps: None,
            batch_size: 32,
            eval_batch_size: 64,
            max_length: 512,
            order: Order::default(),
            padding: Padding::default(),
            optimizer: AdamWSettings::default(),
            schedule: Schedule::default(),
            freeze: Freeze::default(),
            seed: 42,
        }
    }
}

impl TrainConfig {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), TrainError> {
        for (setting, value) in [
            ("epochs", self.epochs),
            ("max_steps", self.max_steps.unwrap_or(1)),
            ("batch_size", self.batch_size),
            ("eval_batch_size", self.eval_batch_size),
            ("max_length", self.max_length),
        ] {
            if value == 0 {
                return Err(TrainError::setting(setting, value, "at least 1"));
            }
        }
        if self.longest_row() < self.max_length {
            let expected = format!("at least max_length {}", self.max_length);
            return Err(TrainError::setting(
                "padding",
                format!("{:?}", self.padding),
                expected,
            ));
        }
        self.optimizer.validate()?;
        self.schedule.validate()
    }

    /// The most tokens a padded row can have.
    pub(crate) fn longest_row(&self) -> usize {
        match self.padding {
            Padding::Longest => self.max_length,
            Padding::MultipleOf(multiple) => self
                .max_length
                .checked_next_multiple_of(multiple)
                .unwrap_or(0),
            Padding::Fixed(length) => length,
        }
    }

    /// Optimizer steps of a run with so many batches an epoch.
    pub fn total_steps(&self, batches_per_epoch: usize) -> usize {
        let steps = self.epochs.saturating_mul(batches_per_epoch);
        self.max_steps
            .map_or(steps, |max_steps| steps.min(max_steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_read_back() {
        let config = TrainConfig::default();
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&json).unwrap(), config);
        assert_eq!(serde_json::from_str::<TrainConfig>("{}").unwrap(), config);
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        let error = serde_json::from_str::<TrainConfig>(r#"{"batchsize": 8}"#).unwrap_err();
        assert!(error.to_string().contains("batchsize"), "{error}");
    }

    #[test]
    fn impossible_settings_are_named() {
        let base = TrainConfig::default;
        let optimizer = |learning_rate| AdamWSettings {
            learning_rate,
            ..Default::default()
        };
        for (config, setting) in [
            (
                TrainConfig {
                    batch_size: 0,
                    ..base()
                },
                "batch_size",
            ),
            (
                TrainConfig {
                    epochs: 0,
                    ..base()
                },
                "epochs",
            ),
            (
                TrainConfig {
                    max_steps: Some(0),
                    ..base()
                },
                "max_steps",
            ),
            (
                TrainConfig {
                    padding: Padding::Fixed(100),
                    ..base()
                },
                "padding",
            ),
            (
                TrainConfig {
                    padding: Padding::MultipleOf(0),
                    ..base()
                },
                "padding",
            ),
            (
                TrainConfig {
                    optimizer: optimizer(-1.0),
                    ..base()
                },
                "learning_rate",
            ),
            (
                TrainConfig {
                    optimizer: optimizer(f64::NAN),
                    ..base()
                },
                "learning_rate",
            ),
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.starts_with(setting), "{message}");
        }
    }

    #[test]
    fn max_steps_only_shortens() {
        let config = TrainConfig {
            epochs: 3,
            max_steps: Some(5),
            ..Default::default()
        };
        assert_eq!(config.total_steps(10), 5);
        assert_eq!(config.total_steps(1), 3);
    }
}
