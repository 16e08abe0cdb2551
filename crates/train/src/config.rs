//! Configuration of the training loop.

use finetune_data::{BatchSize, Order};
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::checkpoints::CheckpointPolicy;
use crate::evaluation::EvaluationConfig;
use crate::run_length::RunLength;
use crate::{FreezeConfig, OptimizerConfig, Schedule, TrainError};

/// Hyperparameters of the training loop, for any training objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Training duration; early stopping may end the run sooner (default: 3 epochs).
    pub length: RunLength,
    /// Maximum rows or tokens per forward pass, at least 1 (default: 32 rows; transformers: 8).
    pub batch_size: BatchSize,
    /// Batches per optimizer step whose gradients are accumulated, at least 1 (default: 1). The
    /// step equals that of one batch of all their rows, with the memory of a single batch.
    pub accumulation: usize,
    /// Maximum rows or tokens per evaluation batch, at least 1 (default: 64 rows; transformers: 8).
    pub eval_batch_size: BatchSize,
    /// Precision of the encoder's matrix products in training and evaluation (default: f32).
    pub precision: Precision,
    /// Order of the rows in an epoch (default: random, with batches of similar lengths;
    /// transformers shuffles without regard to length).
    pub order: Order,
    /// Optimizer and its hyperparameters (default: AdamW with a learning rate of 5e-5).
    pub optimizer: OptimizerConfig,
    /// Learning rate schedule (default: 10 % warm-up, then cosine decay; transformers: linear decay
    /// without warm-up).
    pub schedule: Schedule,
    /// Parameters to freeze (default: none).
    pub freeze: FreezeConfig,
    /// Evaluation on the validation split (default: none).
    pub evaluation: Option<EvaluationConfig>,
    /// Checkpoints and model snapshots written during the run (default: one checkpoint per epoch,
    /// of which the latest is kept).
    pub checkpoints: CheckpointPolicy,
    /// Random seed of the run (default: 42).
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
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
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

    /// Returns the maximum rows or tokens per optimizer step.
    pub(crate) fn step_size(&self) -> BatchSize {
        match self.batch_size {
            BatchSize::Rows(rows) => BatchSize::Rows(rows.saturating_mul(self.accumulation)),
            BatchSize::Tokens(tokens) => {
                BatchSize::Tokens(tokens.saturating_mul(self.accumulation))
            }
        }
    }
}

/// Returns the rows or tokens of a batch size.
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
