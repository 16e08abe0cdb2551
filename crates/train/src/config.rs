//! Every setting of a run, with its default in one place.

use std::path::PathBuf;

use finetune_data::{BatchSize, Cleaning, EncodingConfig, Order, Padding, Sampler};
use serde::{Deserialize, Serialize};

use crate::{Freeze, OptimizerConfig, Schedule, TrainError};

/// Settings of a fine-tuning run; the defaults are the field's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training rows, at least 1.
    pub epochs: usize,
    /// Ends the run, and its schedule, after so many optimizer steps.
    pub max_steps: Option<usize>,
    /// What goes into an optimizer step.
    pub batch_size: BatchSize,
    /// What goes into a prediction batch.
    pub eval_batch_size: BatchSize,
    /// What happens to a text before it is tokenised.
    pub cleaning: Cleaning,
    /// How a text becomes tokens: length, truncation.
    pub encoding: EncodingConfig,
    /// A folder for encoded data sets, so that a text is not tokenised again in the next run.
    pub token_cache: Option<PathBuf>,
    /// Order of the rows in an epoch.
    pub order: Order,
    /// How rows of different lengths become a batch.
    pub padding: Padding,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
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
            batch_size: BatchSize::Rows(32),
            eval_batch_size: BatchSize::Rows(64),
            cleaning: Cleaning::default(),
            encoding: EncodingConfig::default(),
            token_cache: None,
            order: Order::default(),
            padding: Padding::default(),
            optimizer: OptimizerConfig::default(),
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
            ("batch_size", slots(self.batch_size)),
            ("eval_batch_size", slots(self.eval_batch_size)),
            ("max_length", self.encoding.max_length),
        ] {
            if value == 0 {
                return Err(TrainError::setting(setting, value, "at least 1"));
            }
        }
        let max_length = self.encoding.max_length;
        if self.longest_row() < max_length {
            let expected = format!("at least max_length {max_length}");
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
            Padding::Longest => self.encoding.max_length,
            Padding::MultipleOf(multiple) => self
                .encoding
                .max_length
                .checked_next_multiple_of(multiple)
                .unwrap_or(0),
            Padding::Fixed(length) => length,
        }
    }

    /// Optimizer steps of a run over rows of these lengths.
    pub(crate) fn total_steps(&self, sampler: &Sampler, lengths: &[usize]) -> usize {
        let steps = match self.batch_size {
            BatchSize::Rows(_) => self.epochs.saturating_mul(sampler.batch_count(lengths, 0)),
            // The last batch of another order may be another one.
            BatchSize::Tokens(_) => (0..self.epochs as u64)
                .map(|epoch| sampler.batch_count(lengths, epoch))
                .sum(),
        };
        self.max_steps
            .map_or(steps, |max_steps| steps.min(max_steps))
    }
}

/// What a batch holds, rows or tokens.
fn slots(batch_size: BatchSize) -> usize {
    match batch_size {
        BatchSize::Rows(slots) | BatchSize::Tokens(slots) => slots,
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
        let optimizer = |learning_rate| OptimizerConfig {
            learning_rate,
            ..Default::default()
        };
        for (config, setting) in [
            (
                TrainConfig {
                    batch_size: BatchSize::Rows(0),
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
        let steps = |config: &TrainConfig, rows: usize| {
            let sampler = Sampler::new(config.order, config.batch_size, 1).unwrap();
            config.total_steps(&sampler, &vec![9; rows])
        };
        assert_eq!(steps(&config, 320), 5);
        assert_eq!(steps(&config, 32), 3);
        // 36 tokens are four rows of nine.
        let by_tokens = TrainConfig {
            batch_size: BatchSize::Tokens(36),
            ..config
        };
        assert_eq!(steps(&by_tokens, 5), 5);
        assert_eq!(steps(&by_tokens, 4), 3);
    }
}
