//! Command-line arguments of a run: the settings, its directory and its reports.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use finetune::DeviceSpec;
use finetune::data::{CleaningStep, Truncation};
use finetune::model::CheckpointDtype;
use finetune::prelude::*;
use finetune::train::{CacheLocation, Run, RunDirectory, RunInput, TrainError};

use crate::checkpoint::Checkpoint;
use crate::common_arguments::CommonArguments;
use crate::run::Commands;
use crate::watcher::Watcher;

/// Settings of a run, in addition to the common ones.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// Checkpoint, device and the common settings.
    #[command(flatten)]
    pub common: CommonArguments,
    /// Commands that the end of the run names.
    #[arg(skip)]
    pub(crate) commands: Commands,
    /// Optimizer steps to train for, instead of --epochs
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    pub(crate) max_steps: Option<usize>,
    /// Maximum tokens per batch, instead of a fixed number of rows
    #[arg(long, value_name = "TOKENS", conflicts_with = "batch_size")]
    pub(crate) max_tokens_per_batch: Option<usize>,
    /// Truncation of longer texts: head, tail, head-tail-N (the first N tokens and the last), or
    /// sliding-window-N (the whole text, in rows that overlap by N tokens) [default: the recipe's]
    #[arg(long)]
    pub(crate) truncation: Option<Truncation>,
    /// Cleaning steps, applied in the order given: html, urls, mentions, special_characters,
    /// collapse_whitespace, lowercase
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    pub(crate) clean: Vec<CleaningStep>,
    /// Directory to cache tokenized texts in, for reuse by later runs
    #[arg(long, value_name = "DIR")]
    pub(crate) tokenizer_cache: Option<PathBuf>,
    /// Random seed of the run [default: the recipe's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Freeze none, encoder, all-but-last-N or embeddings
    ///
    /// [default: the recipe's]
    #[arg(long, value_name = "PART")]
    pub(crate) freeze: Option<FreezeScope>,
    /// Cache for the activations of the frozen layers: memory, off, or a directory that later runs
    /// can reuse [default: the recipe's]
    #[arg(long, value_name = "PLACE", value_parser = activation_place)]
    pub(crate) activation_cache: Option<CacheLocation>,
    /// Batches to accumulate gradients over per optimizer step [default: the recipe's]
    #[arg(long, value_name = "N")]
    pub(crate) gradient_accumulation_steps: Option<usize>,
    /// Decoupled weight decay, multiplied by the learning rate in each step [default: the
    /// recipe's]
    #[arg(long, value_name = "SHARE")]
    pub(crate) weight_decay: Option<f64>,
    /// Fraction of the training rows to hold out for validation
    ///
    /// The model is evaluated on them after each epoch, and the best one is kept.
    #[arg(long, value_name = "SHARE")]
    pub(crate) validation_split: Option<f64>,
    /// Epochs in a row without improvement on the validation rows after which the run stops
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) early_stopping_patience: Option<usize>,
    /// Write curves for TensorBoard into the directory `tensorboard` of the run
    #[arg(long)]
    pub tensorboard: bool,
    /// Resume the interrupted run in --run-dir
    #[arg(long, requires = "run_dir")]
    pub(crate) resume: bool,
    /// Directory for the record, empty or new [default: runs/NAME-N]
    #[arg(long, value_name = "DIR")]
    pub(crate) run_dir: Option<PathBuf>,
    /// Element type of the weights of the saved model: f32, f16 or bf16 [default: the recipe's]
    #[arg(long, value_name = "TYPE")]
    pub(crate) save_dtype: Option<CheckpointDtype>,
    /// Additional file to write the report to
    #[arg(long, value_name = "FILE.json", value_parser = PathBufValueParser::new().try_map(in_a_directory))]
    pub report: Option<PathBuf>,
}

impl RunArguments {
    /// Returns the device to compute on.
    pub fn device(&self) -> DeviceSpec {
        self.common.device()
    }

    /// Returns the checkpoint that the run starts from.
    pub fn model(&self) -> &Checkpoint {
        self.common.model()
    }

    /// Returns the run directory: the one given with `--run-dir`, or the next free `runs/NAME-N`.
    ///
    /// # Errors
    /// [`TrainError`] if the next directory cannot be created.
    pub fn run_directory(&self, name: &str) -> Result<RunDirectory, TrainError> {
        match &self.run_dir {
            Some(directory) => Ok(RunDirectory::new(directory)),
            None => RunDirectory::next(Path::new("runs"), name),
        }
    }

    /// Returns a copy of the arguments with `part` as the run directory.
    pub fn within(&self, part: &RunDirectory) -> Self {
        Self {
            run_dir: Some(part.path().to_path_buf()),
            ..self.clone()
        }
    }

    /// Returns a copy of the arguments of a program with other commands.
    pub fn with_commands(&self, commands: Commands) -> Self {
        Self {
            commands,
            ..self.clone()
        }
    }

    /// Returns a copy of the arguments that holds out training rows for validation, by default this
    /// fraction of them.
    pub fn with_validation(&self, share: f64) -> Self {
        Self {
            validation_split: self.validation_split.or(Some(share)),
            ..self.clone()
        }
    }

    /// Returns whether to resume an interrupted run.
    pub fn is_resumed(&self) -> bool {
        self.resume
    }

    /// Begins a run that is resumed from the commit of its model that the record has.
    ///
    /// # Errors
    /// [`TrainError`] if the record cannot be read.
    pub fn at_recorded_revision<'a, I: RunInput>(
        &self,
        run: Run<'a, I>,
    ) -> Result<Run<'a, I>, TrainError> {
        match &self.run_dir {
            Some(directory) if self.resume => run.at_recorded_revision(directory),
            _ => Ok(run),
        }
    }

    /// Returns whether training rows are held out for validation.
    pub fn holds_out_validation(&self) -> bool {
        self.validation_split.is_some()
    }

    /// Returns the fraction of the training rows that are held out for validation, if given.
    pub fn validation_split(&self) -> Option<f64> {
        self.validation_split
    }

    /// Returns a callback that shows progress and, with `--tensorboard`, writes curves.
    pub fn callbacks(&self, run_directory: &Path) -> Watcher {
        Watcher::new(run_directory, self.tensorboard)
    }

    /// Applies `--max-train-samples` and `--max-test-samples`, then holds out `--validation-split`.
    ///
    /// # Errors
    /// [`DataError`] if the validation fraction leaves a split empty.
    pub fn subset(&self, splits: Splits, seed: u64) -> Result<Splits, DataError> {
        let splits = self.common.subset(splits, seed);
        match self.validation_split {
            Some(share) => splits.hold_out_validation(share, seed),
            None => Ok(splits),
        }
    }
}

/// Checks before the training that the report can be written: its parent directory exists, and the
/// path is not a directory.
fn in_a_directory(report: PathBuf) -> Result<PathBuf, &'static str> {
    let parent = match report.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match parent.is_dir() && !report.is_dir() {
        true => Ok(report),
        false => Err("no such directory, or a directory itself"),
    }
}

fn activation_place(text: &str) -> Result<CacheLocation, String> {
    match text {
        "" => Err("off, memory or a directory".to_string()),
        "off" => Ok(CacheLocation::Off),
        "memory" => Ok(CacheLocation::Memory),
        directory => Ok(CacheLocation::Disk(directory.into())),
    }
}

#[cfg(test)]
impl RunArguments {
    /// Parses the words of a command line.
    pub(crate) fn parsed<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        #[derive(clap::Parser)]
        struct Program {
            #[command(flatten)]
            run: RunArguments,
        }
        let words = ["program"].into_iter().chain(words);
        <Program as clap::Parser>::parse_from(words).run
    }
}
