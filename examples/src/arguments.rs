//! The arguments that every example takes.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use finetune::DeviceSpec;
use finetune::data::{CleaningStep, Truncation};
use finetune::ops::Precision;
use finetune::prelude::*;
use finetune::train::{CacheLocation, RunDirectory, TrainError};

use crate::{Checkpoint, Watcher, subset};

/// Settings of a run. What is not given is as the file of --config says; without one it has a
/// default that suits the model.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// Folder with config.json, model.safetensors and tokenizer.json or vocab.txt, or `mini` for
    /// the bundled mini encoder
    #[arg(long, value_name = "DIR", default_value = "mini", value_parser = Checkpoint::parser())]
    model: Checkpoint,
    /// flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled in
    #[arg(long, default_value_t)]
    device: DeviceSpec,
    /// What the factors of the encoder's products are rounded to: f32 (not at all), bf16 or f16, if
    /// the device has it [default: f32]
    #[arg(long)]
    pub(crate) precision: Option<Precision>,
    /// Every setting there is: `config` in the config.json of a run directory, or a part of it
    #[arg(long, value_name = "FILE.json")]
    pub(crate) config: Option<PathBuf>,
    /// Passes over the training rows [default: 3, mini: 12]
    #[arg(long)]
    pub(crate) epochs: Option<usize>,
    /// Ends the run after so many optimizer steps instead
    #[arg(long, conflicts_with = "epochs")]
    pub(crate) max_steps: Option<usize>,
    /// Rows of a batch [default: 32, mini: 8]
    #[arg(long)]
    pub(crate) batch_size: Option<usize>,
    /// Token slots of a batch, padding included: many short rows or few long ones
    #[arg(long, value_name = "TOKENS", conflicts_with = "batch_size")]
    pub(crate) max_tokens_per_batch: Option<usize>,
    /// Highest learning rate [default: 5e-5, mini: 1e-3]
    #[arg(
        long,
        visible_alias = "lr",
        value_name = "RATE",
        allow_negative_numbers = true
    )]
    pub(crate) learning_rate: Option<f64>,
    /// Tokens after which a text is cut [default: 512, mini: 128]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_length: Option<usize>,
    /// What is kept of a longer text: head, tail, head-tail-N (the first N tokens and the last), or
    /// sliding-window-N (all of it, in rows that overlap by N) [default: head]
    #[arg(long)]
    pub(crate) truncation: Option<Truncation>,
    /// Cleans texts, in this order: html, urls, mentions, special_characters, collapse_whitespace,
    /// lowercase
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    pub(crate) clean: Vec<CleaningStep>,
    /// Folder for tokenized texts, so that the next run need not tokenize them again
    #[arg(long, value_name = "DIR")]
    pub(crate) tokenizer_cache: Option<PathBuf>,
    /// From which every random choice follows [default: 42]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Trains on so many rows, drawn by class in proportion
    #[arg(long, value_name = "N")]
    pub(crate) max_train_samples: Option<usize>,
    /// Tests on so many rows, drawn by class in proportion
    #[arg(long, value_name = "N")]
    pub(crate) max_test_samples: Option<usize>,
    /// What does not train: none, encoder, all-but-last-N or embeddings [default: none]
    #[arg(long)]
    pub(crate) freeze: Option<FreezeScope>,
    /// Where the activations of the frozen part are kept, which are computed once: memory, off (not
    /// kept), or a folder, in which the next run finds them [default: memory]
    #[arg(long, value_name = "PLACE", value_parser = activation_place)]
    pub(crate) activation_cache: Option<CacheLocation>,
    /// So many batches make an optimizer step [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) gradient_accumulation_steps: Option<usize>,
    /// Decay of weights in each step, as a share of the learning rate [default: 0.01]
    #[arg(long, value_name = "SHARE")]
    pub(crate) weight_decay: Option<f64>,
    /// Holds out this share of the training rows, measures the model on them after each epoch, and
    /// keeps the best
    #[arg(long, value_name = "SHARE")]
    pub(crate) validation_split: Option<f64>,
    /// Ends the run after so many epochs in a row without an improvement on the validation rows
    #[arg(long, value_name = "EPOCHS", requires = "validation_split")]
    pub(crate) early_stopping_patience: Option<usize>,
    /// Writes the curves for TensorBoard into the folder `tensorboard` of the run
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Goes on with the run in --run-dir, which was stopped
    #[arg(long, requires = "run_dir")]
    pub(crate) resume: bool,
    /// Folder for the record of the run, empty or new [default: runs/NAME-N]
    #[arg(long, value_name = "DIR")]
    pub(crate) run_dir: Option<PathBuf>,
    /// Writes the report to this file, too
    #[arg(long, value_name = "FILE.json", value_parser = PathBufValueParser::new().try_map(in_a_folder))]
    pub(crate) report: Option<PathBuf>,
}

impl RunArguments {
    /// Where the run computes.
    pub fn device(&self) -> DeviceSpec {
        self.device
    }

    /// What it begins with.
    pub fn model(&self) -> &Checkpoint {
        &self.model
    }

    /// Where the record of the run goes: the folder that is given, or the next of this name.
    ///
    /// # Errors
    /// If the next cannot be made.
    pub fn run_directory(&self, name: &str) -> Result<RunDirectory, TrainError> {
        match &self.run_dir {
            Some(directory) => Ok(RunDirectory::new(directory)),
            None => RunDirectory::next(Path::new("runs"), name),
        }
    }

    /// The same for a part of the run, with a record of its own.
    pub fn within(&self, part: &RunDirectory) -> Self {
        Self {
            run_dir: Some(part.path().to_path_buf()),
            ..self.clone()
        }
    }

    /// Whether a run that was stopped goes on.
    pub fn is_resumed(&self) -> bool {
        self.resume
    }

    /// Progress, and curves for TensorBoard if they are asked for.
    pub fn callbacks(&self, run_directory: &Path) -> Watcher {
        Watcher::new(run_directory, self.tensorboard)
    }

    /// Whether curves are written for TensorBoard.
    pub fn writes_curves(&self) -> bool {
        self.tensorboard
    }

    /// The rows asked for, with some held out if there are to be.
    ///
    /// # Errors
    /// If the share to hold out leaves nothing.
    pub fn subset(&self, splits: Splits, seed: u64) -> Result<Splits, DataError> {
        let splits = subset(splits, self.max_train_samples, self.max_test_samples, seed);
        match self.validation_split {
            Some(share) => splits.hold_out_validation(share, seed),
            None => Ok(splits),
        }
    }
}

/// Finds out before the training, not after it, that the report has no place to go.
fn in_a_folder(report: PathBuf) -> Result<PathBuf, &'static str> {
    let parent = match report.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match parent.is_dir() && !report.is_dir() {
        true => Ok(report),
        false => Err("no such folder, or a folder itself"),
    }
}

fn activation_place(text: &str) -> Result<CacheLocation, String> {
    match text {
        "" => Err("off, memory or a folder".to_string()),
        "off" => Ok(CacheLocation::Off),
        "memory" => Ok(CacheLocation::Memory),
        folder => Ok(CacheLocation::Disk(folder.into())),
    }
}
