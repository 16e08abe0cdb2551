//! Command-line arguments of the examples that pre-train a checkpoint further.

use clap::Args;
use finetune::data::concatenate_texts;
use finetune::prelude::*;
use finetune::train::PreTrainingConfig;

use crate::Checkpoint;

/// Settings of further pre-training, accepted before or after a command.
#[derive(Debug, Clone, Args)]
pub struct PreTrainingArguments {
    /// Maximum number of texts of each dataset to pre-train on [default: all training rows and
    /// those without labels]
    #[arg(long = "max-pretraining-samples", value_name = "N", global = true)]
    texts: Option<usize>,
    /// Texts per pre-training batch
    #[arg(
        long = "pretraining-batch-size",
        value_name = "N",
        default_value_t = 32,
        global = true
    )]
    batch_size: usize,
    /// Highest learning rate of the pre-training [default: 5e-5, mini: 1e-3]
    #[arg(long = "pretraining-learning-rate", value_name = "RATE", global = true)]
    learning_rate: Option<f64>,
}

impl PreTrainingArguments {
    /// Returns the texts of the training rows and of the unlabeled rows, without validation or test
    /// rows.
    pub fn texts(&self, splits: &Splits, seed: u64) -> Dataset {
        let texts = concatenate_texts(std::iter::once(&splits.train).chain(&splits.unlabeled));
        match self.texts {
            Some(count) => texts.subset(count, seed),
            None => texts,
        }
    }

    /// Returns the settings for `steps` optimizer steps, with the text settings and the precision
    /// of the fine-tuning that follows. Bundled samples are small, so a larger fraction is held
    /// out.
    pub fn settings(
        &self,
        model: &Checkpoint,
        fine_tuning: &FineTuningConfig,
        steps: usize,
        is_bundled: bool,
        seed: u64,
    ) -> PreTrainingConfig {
        let defaults = PreTrainingConfig::default();
        let rate = if model.is_mini() { 1e-3 } else { 5e-5 };
        PreTrainingConfig {
            text: fine_tuning.text.clone(),
            validation_split: if is_bundled { 0.2 } else { 0.02 },
            train: TrainConfig {
                duration: TrainDuration::Steps(steps),
                batch_size: BatchSize::Rows(self.batch_size),
                precision: fine_tuning.train.precision,
                optimizer: OptimizerConfig {
                    learning_rate: self.learning_rate.unwrap_or(rate),
                    ..OptimizerConfig::default()
                },
                seed,
                ..defaults.train
            },
            ..defaults
        }
    }
}
