//! Every setting of the training loop, with its default in one place.

use finetune_data::{BatchSize, Order};
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::checkpoints::CheckpointPolicy;
use crate::evaluation::EvaluationConfig;
use crate::run_length::RunLength;
use crate::{FreezeConfig, OptimizerConfig, Schedule, TrainError};

/// Settings of the training loop, whatever it trains; the defaults are the field's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// When the run ends, early stopping aside.
    pub length: RunLength,
    /// What goes through the network at once.
    pub batch_size: BatchSize,
    /// So many batches make an optimizer step, at least 1. The step is that of one large batch of
    /// all their rows, on the memory of one of them.
    pub accumulation: usize,
    /// What goes into a prediction batch.
    pub eval_batch_size: BatchSize,
    /// How exact the products of the encoder are, in training and evaluation.
    pub precision: Precision,
    /// Order of the rows in an epoch.
    pub order: Order,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
    /// The learning rate over time.
    pub schedule: Schedule,
    /// What does not train.
    pub freeze: FreezeConfig,
    /// Evaluation on validation rows; none by default.
    pub evaluation: Option<EvaluationConfig>,
    /// What is kept on disk while the run goes on.
    pub checkpoints: CheckpointPolicy,
    /// Every random choice of the run follows from it.
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            length: RunLength::Epochs(3),
            batch_size: BatchSize::Rows(32),
            accumulation: 1,
            eval_batch_size: BatchSize::Rows(64),
            precision: Precision::default(),
            order: Order::default(),
            optimizer: OptimizerConfig::default(),
            schedule: Schedule::default(),
            freeze: FreezeConfig::default(),
            evaluation: None,
            checkpoints: CheckpointPolicy::default(),
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
        let (length, amount) = match self.length {
            RunLength::Epochs(epochs) => ("epochs", epochs),
            RunLength::Steps(steps) => ("steps", steps),
        };
        for (setting, value) in [
            (length, amount),
            ("batch_size", amount_of(self.batch_size)),
            ("accumulation", self.accumulation),
            ("eval_batch_size", amount_of(self.eval_batch_size)),
        ] {
            if value == 0 {
                return Err(TrainError::setting(setting, value, "at least 1"));
            }
        }
        if let Some(evaluation) = &self.evaluation {
            evaluation.validate()?;
        }
        self.optimizer.validate()?;
        self.schedule.validate()?;
        self.freeze.validate()?;
        self.checkpoints.validate()
    }

    /// What goes into an optimizer step.
    pub(crate) fn step_size(&self) -> BatchSize {
        match self.batch_size {
            BatchSize::Rows(rows) => BatchSize::Rows(rows.saturating_mul(self.accumulation)),
            BatchSize::Tokens(tokens) => {
                BatchSize::Tokens(tokens.saturating_mul(self.accumulation))
            }
        }
    }
}

/// What a batch holds, rows or tokens.
fn amount_of(batch_size: BatchSize) -> usize {
    match batch_size {
        BatchSize::Rows(amount) | BatchSize::Tokens(amount) => amount,
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
        let impossible = [
            (r#"{"length": {"epochs": 0}}"#, "epochs"),
            (r#"{"length": {"steps": 0}}"#, "steps"),
            (r#"{"batch_size": {"rows": 0}}"#, "batch_size"),
            (r#"{"batch_size": {"tokens": 0}}"#, "batch_size"),
            (r#"{"eval_batch_size": {"rows": 0}}"#, "eval_batch_size"),
            (r#"{"accumulation": 0}"#, "accumulation"),
            (r#"{"optimizer": {"learning_rate": -1.0}}"#, "learning_rate"),
            (r#"{"optimizer": {"weight_decay": -1.0}}"#, "weight_decay"),
            (
                r#"{"schedule": {"warmup": {"share": 1.5}}}"#,
                "warmup share",
            ),
            (
                r#"{"evaluation": {"every": {"steps": 0}}}"#,
                "evaluation.every",
            ),
            (
                r#"{"checkpoints": {"keep_last": 0}}"#,
                "checkpoints.keep_last",
            ),
            (r#"{"checkpoints": {"milestones": [0]}}"#, "milestones"),
        ];
        for (json, setting) in impossible {
            let config: TrainConfig = serde_json::from_str(json).unwrap();
            let message = config.validate().unwrap_err().to_string();
            assert!(message.starts_with(setting), "{json}: {message}");
        }
    }
}
