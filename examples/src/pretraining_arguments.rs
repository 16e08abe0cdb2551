//! Command-line arguments of the examples that pre-train a checkpoint further.

use clap::Args;
use finetune::data::concatenate_texts;
use finetune::prelude::*;
use finetune::train::{
    EvaluationConfig, MixingConfig, MultiTaskConfig, NextSentenceConfig, PreTrainingConfig,
    Sampling,
};
use finetune_arguments::Checkpoint;

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
    /// Predict next sentences beside masked tokens, for BERT
    #[arg(long, global = true)]
    next_sentence: bool,
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

    /// Returns the labeled training rows to pre-train on.
    pub fn labeled(&self, splits: &Splits, seed: u64) -> Dataset {
        match self.texts {
            Some(count) => splits.train.subset(count, seed),
            None => splits.train.clone(),
        }
    }

    /// Returns the settings for `steps` optimizer steps, with the text settings and the precision
    /// of the fine-tuning that follows.
    pub fn settings(
        &self,
        model: &Checkpoint,
        fine_tuning: &FineTuningConfig,
        steps: usize,
        seed: u64,
    ) -> PreTrainingConfig {
        let defaults = PreTrainingConfig::default();
        let rate = if model.is_mini() { 1e-3 } else { 5e-5 };
        PreTrainingConfig {
            text: fine_tuning.text.clone(),
            next_sentence: self.next_sentence.then(NextSentenceConfig::default),
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

    /// Returns the settings of pre-training on labels with the same steps, batches and optimizer as
    /// `settings` on masked tokens. Datasets are mixed in proportion to their rows.
    pub fn supervised(settings: &PreTrainingConfig) -> MultiTaskConfig {
        let evaluation = settings.train.evaluation.clone();
        MultiTaskConfig {
            text: settings.text.clone(),
            mixing: MixingConfig {
                sampling: Sampling::Proportional,
                ..MixingConfig::default()
            },
            train: TrainConfig {
                evaluation: evaluation.map(|evaluation| EvaluationConfig {
                    metric_for_best_model: "loss".to_string(),
                    ..evaluation
                }),
                ..settings.train.clone()
            },
            ..MultiTaskConfig::default()
        }
    }
}
