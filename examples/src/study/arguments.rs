//! The arguments of the examples that are studies.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use finetune::DeviceSpec;
use finetune::data::catalog;
use finetune::prelude::*;
use finetune::study::{FineTuningExperiment, Seeds};

use crate::{Checkpoint, data_directory, say, subset};

/// What to do with the study; without a command, `run`.
#[derive(Debug, Clone, Subcommand)]
pub enum StudyCommand {
    /// Run what is missing and write the report
    Run,
    /// List the trials, one a line: number, name, state, what it is
    List {
        /// Only those that are to be run
        #[arg(long = "pending")]
        missing: bool,
        /// A line of JSON each, with every setting
        #[arg(long)]
        json: bool,
    },
    /// Run one trial
    RunTrial {
        /// Its number in the list
        number: usize,
    },
    /// Write the report of what there is
    Report,
}

/// Where a study is and how it is run; before or after the command.
#[derive(Debug, Clone, Args)]
pub struct FolderArguments {
    /// Folder of the study, which goes on there [default: studies/NAME]
    #[arg(long = "study-dir", value_name = "DIR", global = true)]
    pub(super) folder: Option<PathBuf>,
    /// Trials at a time
    #[arg(long, value_name = "N", default_value_t = 1, global = true)]
    pub(super) jobs: usize,
    /// Runs trials that failed before once more
    #[arg(long = "retry-failed", global = true)]
    pub(super) retry: bool,
}

/// What a study is on; before or after the command.
#[derive(Debug, Clone, Args)]
pub struct StudyArguments {
    /// Where it is and how it is run.
    #[command(flatten)]
    pub folder: FolderArguments,
    /// Folder with config.json, model.safetensors and tokenizer.json or vocab.txt, or `mini` for
    /// the bundled mini encoder
    #[arg(long, value_name = "DIR", default_value = "mini", value_parser = Checkpoint::parser(), global = true)]
    pub model: Checkpoint,
    /// Folder with the data set, or `hub` to download it [default: the bundled sample, original
    /// text, not a benchmark]
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled in
    #[arg(long, default_value_t, global = true)]
    pub device: DeviceSpec,
    /// So many seeds of each candidate, from 42 upwards [default: the study's]
    #[arg(long, value_name = "N", global = true)]
    seeds: Option<u64>,
    /// Passes over the training rows [default: the study's]
    #[arg(long, global = true)]
    pub epochs: Option<usize>,
    /// Tokens after which a text is cut [default: the study's]
    #[arg(long, value_name = "TOKENS", global = true)]
    pub max_length: Option<usize>,
    /// Trains on so many rows, drawn by class in proportion
    #[arg(long, value_name = "N", global = true)]
    max_train_samples: Option<usize>,
    /// Tests on so many rows, drawn by class in proportion
    #[arg(long, value_name = "N", global = true)]
    max_test_samples: Option<usize>,
}

/// From which rows are drawn, and seeds counted.
pub const SEED: u64 = 42;

impl StudyArguments {
    /// The data, for people.
    pub fn data_name(&self) -> String {
        match &self.data {
            Some(data) => data.display().to_string(),
            None => "Bundled sample (original text, not a benchmark)".to_string(),
        }
    }

    /// The seeds asked for, or so many.
    pub fn seeds(&self, default: u64) -> Option<Seeds> {
        Some(Seeds::Count(self.seeds.unwrap_or(default)))
    }

    /// The rows asked for.
    pub fn subset(&self, splits: Splits) -> Splits {
        subset(splits, self.max_train_samples, self.max_test_samples, SEED)
    }

    /// The rows asked for of the data set that is in a folder, after a line that says what the study
    /// is on.
    ///
    /// # Errors
    /// Whatever is wrong with the data.
    pub fn open(&self, name: &str, folder: &Path) -> Result<Splits, Box<dyn Error>> {
        let opened = catalog::get(name)?.open(&data_directory(name, folder)?)?;
        let splits = self.subset(opened.splits);
        say(&format!(
            "{}, {} training rows, with {} on {}",
            self.data_name(),
            splits.train.len(),
            self.model,
            self.device,
        ))?;
        Ok(splits)
    }

    /// Fine-tuning of the checkpoint on these rows.
    ///
    /// # Errors
    /// Whatever is wrong with the checkpoint or the device.
    pub fn experiment(&self, splits: Splits) -> Result<FineTuningExperiment, Box<dyn Error>> {
        let (device, name) = (self.device.open()?, self.device.to_string());
        Ok(FineTuningExperiment::new(
            self.model.directory(),
            splits,
            &device,
            &name,
        )?)
    }

    /// Settings with the length of texts and of the run that are asked for, or these.
    pub fn settings(&self, max_length: usize, epochs: usize) -> FineTuningConfig {
        let mut settings = FineTuningConfig::default();
        let max_length = self.max_length.unwrap_or(max_length);
        settings.text.encoding = EncodingConfig::new(max_length);
        settings.train.duration = TrainDuration::Epochs(self.epochs.unwrap_or(epochs));
        settings
    }
}
