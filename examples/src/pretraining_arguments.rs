//! The arguments of the examples that pre-train a checkpoint further.

use clap::Args;
use finetune::data::corpus;
use finetune::prelude::*;
use finetune::train::PreTrainingConfig;

use crate::Checkpoint;

/// On what and how is pre-trained; before or after a command.
#[derive(Debug, Clone, Args)]
pub struct PreTrainingArguments {
    /// Pre-trains on so many texts of each data set [default: all training rows and those without
    /// labels]
    #[arg(long = "pretraining-texts", value_name = "N", global = true)]
    texts: Option<usize>,
    /// Texts of a pre-training batch
    #[arg(
        long = "pretraining-batch-size",
        value_name = "N",
        default_value_t = 32,
        global = true
    )]
    batch_size: usize,
    /// Highest learning rate of the pre-training [default: 5e-5, mini: 1e-3]
    #[arg(long = "pretraining-lr", value_name = "RATE", global = true)]
    lr: Option<f64>,
}

impl PreTrainingArguments {
    /// Training rows and those without labels; what is tested on is not among them.
    pub fn texts(&self, splits: &Splits, seed: u64) -> Dataset {
        let texts = corpus(std::iter::once(&splits.train).chain(&splits.unlabelled));
        match self.texts {
            Some(count) => texts.subset(count, seed),
            None => texts,
        }
    }

    /// Settings of so many steps, with the texts and the precision of the fine-tuning that follows. Of
    /// the few texts of a bundled sample, more are held out.
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
            held_out: if is_bundled { 0.2 } else { 0.02 },
            train: TrainConfig {
                length: RunLength::Steps(steps),
                batch_size: BatchSize::Rows(self.batch_size),
                precision: fine_tuning.train.precision,
                optimizer: OptimizerConfig {
                    learning_rate: self.lr.unwrap_or(rate),
                    ..OptimizerConfig::default()
                },
                seed,
                ..defaults.train
            },
            ..defaults
        }
    }
}
