//! The arguments that every example takes.

use std::path::{Path, PathBuf};

use clap::Args;
use finetune::DeviceSpec;
use finetune::data::{BatchSize, Cleaning, CleaningStep, EncodingConfig, Truncation};
use finetune::prelude::*;
use finetune::train::{EarlyStopping, EvaluationConfig, Metric};

use crate::MINI_ENCODER;

/// Settings of a run. What is not given has a default that suits the model.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// Folder with config.json, model.safetensors and tokenizer.json or vocab.txt, or `mini` for
    /// the bundled mini encoder
    #[arg(long, value_name = "DIR", default_value = "mini")]
    model: PathBuf,
    /// flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled in
    #[arg(long, default_value_t)]
    device: DeviceSpec,
    /// Passes over the training rows [default: 3, mini: 12]
    #[arg(long)]
    epochs: Option<usize>,
    /// Ends the run after so many optimizer steps instead
    #[arg(long, conflicts_with = "epochs")]
    max_steps: Option<usize>,
    /// Rows of a batch [default: 32, mini: 8]
    #[arg(long)]
    batch_size: Option<usize>,
    /// Token slots of a batch, padding included: many short rows or few long ones
    #[arg(long, value_name = "TOKENS", conflicts_with = "batch_size")]
    batch_tokens: Option<usize>,
    /// Highest learning rate [default: 5e-5, mini: 1e-3]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    lr: Option<f64>,
    /// Tokens after which a text is cut [default: 512, mini: 128]
    #[arg(long, value_name = "TOKENS")]
    max_length: Option<usize>,
    /// What is kept of a longer text: head, tail, head-tail-N (the first N tokens and the last), or
    /// windows-N (all of it, in rows that overlap by N)
    #[arg(long, default_value_t)]
    truncation: Truncation,
    /// Cleans texts, in this order: html, urls, mentions, special_characters, repeated_spaces,
    /// lower_case
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    clean: Vec<CleaningStep>,
    /// Folder for tokenised texts, so that the next run need not tokenise them again
    #[arg(long, value_name = "DIR")]
    token_cache: Option<PathBuf>,
    /// From which every random choice follows
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Trains on so many rows, drawn by class in proportion
    #[arg(long, value_name = "N")]
    train_rows: Option<usize>,
    /// Tests on so many rows, drawn by class in proportion
    #[arg(long, value_name = "N")]
    test_rows: Option<usize>,
    /// What does not train: none, encoder, all-but-last-N or embeddings
    #[arg(long, default_value_t)]
    freeze: Freeze,
    /// So many batches make an optimizer step
    #[arg(long, value_name = "N", default_value_t = 1)]
    accumulation: usize,
    /// Decay of weights in each step, as a share of the learning rate
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    weight_decay: f64,
    /// Holds out this share of the training rows, measures the model on them after each epoch, and
    /// keeps the best
    #[arg(long, value_name = "SHARE")]
    validation_share: Option<f64>,
    /// Ends the run after so many epochs in a row without an improvement on the validation rows
    #[arg(long, value_name = "EPOCHS", requires = "validation_share")]
    patience: Option<usize>,
    /// Goes on with the run in --run-dir, which was stopped
    #[arg(long, requires = "run_dir")]
    pub(crate) resume: bool,
    /// Folder for the record of the run, empty or new [default: runs/NAME-N]
    #[arg(long, value_name = "DIR")]
    pub(crate) run_dir: Option<PathBuf>,
    /// Writes the report to this file, too
    #[arg(long, value_name = "FILE.json")]
    pub(crate) report: Option<PathBuf>,
}

impl RunArguments {
    /// Where the run computes.
    pub fn device(&self) -> DeviceSpec {
        self.device
    }

    /// Whether the bundled mini encoder is asked for.
    pub fn is_mini(&self) -> bool {
        self.model == Path::new("mini")
    }

    /// The checkpoint's folder.
    pub fn model_directory(&self) -> &Path {
        if self.is_mini() {
            Path::new(MINI_ENCODER)
        } else {
            &self.model
        }
    }

    /// The settings of the run.
    pub fn config(&self) -> FineTuningConfig {
        FineTuningConfig {
            text: self.text_config(),
            train: self.train_config(),
            ..Default::default()
        }
    }

    fn text_config(&self) -> TextConfig {
        let max_length = if self.is_mini() { 128 } else { 512 };
        TextConfig {
            cleaning: Cleaning {
                steps: self.clean.clone(),
            },
            encoding: EncodingConfig {
                truncation: self.truncation,
                ..EncodingConfig::new(self.max_length.unwrap_or(max_length))
            },
            token_cache: self.token_cache.clone(),
            ..Default::default()
        }
    }

    fn train_config(&self) -> TrainConfig {
        // An encoder that knows little yet wants more steps, and larger ones.
        let (epochs, batch_size, learning_rate) = if self.is_mini() {
            (12, 8, 1e-3)
        } else {
            (3, 32, 5e-5)
        };
        TrainConfig {
            length: match self.max_steps {
                Some(steps) => RunLength::Steps(steps),
                None => RunLength::Epochs(self.epochs.unwrap_or(epochs)),
            },
            batch_size: match self.batch_tokens {
                Some(tokens) => BatchSize::Tokens(tokens),
                None => BatchSize::Rows(self.batch_size.unwrap_or(batch_size)),
            },
            accumulation: self.accumulation,
            optimizer: OptimizerConfig {
                learning_rate: self.lr.unwrap_or(learning_rate),
                weight_decay: self.weight_decay,
                ..Default::default()
            },
            freeze: self.freeze.into(),
            evaluation: self.validation_share.map(|_| self.evaluation_config()),
            seed: self.seed,
            ..Default::default()
        }
    }

    fn evaluation_config(&self) -> EvaluationConfig {
        EvaluationConfig {
            metric: Metric::Accuracy,
            early_stopping: self.patience.map(|patience| EarlyStopping {
                patience,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// The rows asked for.
    ///
    /// # Errors
    /// If the share to hold out leaves nothing.
    pub fn subset(&self, splits: Splits) -> Result<Splits, DataError> {
        let cut = |dataset: Dataset, rows: Option<usize>| match rows {
            Some(rows) => dataset.subset(rows, self.seed),
            None => dataset,
        };
        let splits = Splits {
            train: cut(splits.train, self.train_rows),
            test: splits.test.map(|test| cut(test, self.test_rows)),
            ..splits
        };
        match self.validation_share {
            Some(share) => splits.hold_out_validation(share, self.seed),
            None => Ok(splits),
        }
    }
}
