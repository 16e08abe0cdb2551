//! Configuration of the training loop.

use finetune_data::{BatchSize, SamplingStrategy};
use finetune_model::CheckpointDtype;
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::checkpoint_directory::CheckpointPolicy;
use crate::error::TrainError;
use crate::evaluation::EvaluationConfig;
use crate::freeze::FreezeConfig;
use crate::optimizer::OptimizerConfig;
use crate::run_length::TrainDuration;
use crate::schedule::LrScheduler;

/// Hyperparameters of the training loop, for any training objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Training duration; early stopping may end the run sooner (default: 3 epochs).
    pub duration: TrainDuration,
    /// Maximum rows or tokens per forward pass, at least 1 (default: 32 rows; transformers: 8).
    pub batch_size: BatchSize,
    /// Batches per optimizer step whose gradients are accumulated, at least 1 (default: 1). The
    /// step equals that of one batch of all their rows, with the memory of a single batch.
    pub gradient_accumulation_steps: usize,
    /// Whether each encoder layer keeps only its input and is computed again in the backward pass
    /// (default: false). This needs less memory and a third more arithmetic; results stay the same.
    pub gradient_checkpointing: bool,
    /// Maximum rows or tokens per evaluation batch, at least 1 (default: 64 rows; transformers: 8).
    pub eval_batch_size: BatchSize,
    /// Precision of the encoder's matrix products in training and evaluation (default: f32).
    pub precision: Precision,
    /// Element type of the weights of saved models (default: f32). Checkpoints of a run, from which it
    /// resumes, are exact in any case.
    #[serde(skip_serializing_if = "is_f32")]
    pub save_dtype: CheckpointDtype,
    /// Order of the rows in an epoch (default: random, with batches of similar lengths;
    /// transformers shuffles without regard to length).
    pub sampling_strategy: SamplingStrategy,
    /// Optimizer and its hyperparameters (default: AdamW with a learning rate of 5e-5).
    pub optimizer: OptimizerConfig,
    /// Learning rate schedule (default: 10 % warm-up, then cosine decay; transformers: linear decay
    /// without warm-up).
    pub lr_scheduler: LrScheduler,
    /// Parameters to freeze (default: none).
    pub freeze: FreezeConfig,
    /// Evaluation on the validation split (default: none).
    pub evaluation: Option<EvaluationConfig>,
    /// Checkpoints and model snapshots written during the run (default: one checkpoint per epoch;
    /// the latest is kept).
    pub checkpoints: CheckpointPolicy,
    /// Random seed of the run (default: 42).
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            duration: TrainDuration::Epochs(3),
            batch_size: BatchSize::Rows(32),
            gradient_accumulation_steps: 1,
            gradient_checkpointing: false,
            eval_batch_size: BatchSize::Rows(64),
            precision: Precision::default(),
            save_dtype: CheckpointDtype::default(),
            sampling_strategy: SamplingStrategy::default(),
            optimizer: OptimizerConfig::default(),
            lr_scheduler: LrScheduler::default(),
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
        self.duration.validate()?;
        for (setting, value) in [
            ("batch_size", amount_of(self.batch_size)),
            (
                "gradient_accumulation_steps",
                self.gradient_accumulation_steps,
            ),
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
        self.lr_scheduler.validate()?;
        self.freeze.validate()?;
        self.checkpoints.validate()
    }

    /// Returns the maximum rows or tokens per optimizer step.
    pub(crate) fn step_size(&self) -> BatchSize {
        match self.batch_size {
            BatchSize::Rows(rows) => {
                BatchSize::Rows(rows.saturating_mul(self.gradient_accumulation_steps))
            }
            BatchSize::Tokens(tokens) => {
                BatchSize::Tokens(tokens.saturating_mul(self.gradient_accumulation_steps))
            }
        }
    }
}

fn is_f32(dtype: &CheckpointDtype) -> bool {
    *dtype == CheckpointDtype::F32
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
    fn a_misspelled_setting_is_refused() {
        let error = serde_json::from_str::<TrainConfig>(r#"{"batchsize": 8}"#).unwrap_err();
        assert!(error.to_string().contains("batchsize"), "{error}");
    }

    #[test]
    fn impossible_settings_are_named() {
        let impossible = [
            (r#"{"duration": {"epochs": 0}}"#, "epochs"),
            (r#"{"duration": {"steps": 0}}"#, "steps"),
            (r#"{"duration": {"epochs": 100001}}"#, "epochs"),
            (r#"{"duration": {"steps": 18446744073709551615}}"#, "steps"),
            (r#"{"batch_size": {"rows": 0}}"#, "batch_size"),
            (r#"{"batch_size": {"tokens": 0}}"#, "batch_size"),
            (r#"{"eval_batch_size": {"rows": 0}}"#, "eval_batch_size"),
            (
                r#"{"gradient_accumulation_steps": 0}"#,
                "gradient_accumulation_steps",
            ),
            (r#"{"optimizer": {"learning_rate": -1.0}}"#, "learning_rate"),
            (r#"{"optimizer": {"weight_decay": -1.0}}"#, "weight_decay"),
            (
                r#"{"lr_scheduler": {"warmup": {"ratio": 1.5}}}"#,
                "warmup ratio",
            ),
            (
                r#"{"evaluation": {"every": {"steps": 0}}}"#,
                "evaluation.every",
            ),
            (
                r#"{"checkpoints": {"save_total_limit": 0}}"#,
                "checkpoints.save_total_limit",
            ),
            (
                r#"{"checkpoints": {"snapshot_steps": [0]}}"#,
                "snapshot_steps",
            ),
        ];
        for (json, setting) in impossible {
            let config: TrainConfig = serde_json::from_str(json).unwrap();
            let message = config.validate().unwrap_err().to_string();
            assert!(message.starts_with(setting), "{json}: {message}");
        }
    }
}
