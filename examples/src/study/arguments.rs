//! Command-line arguments of the examples that are studies.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use finetune::data::catalog;
use finetune::prelude::*;
use finetune::study::{FineTuningExperiment, Seeds, StudyError};

use super::published::Conditions;
use crate::{CommonArguments, data_directory, say};

/// Command of a study program (default: `run`).
#[derive(Debug, Clone, Subcommand)]
pub enum StudyCommand {
    /// Run the pending trials and write the report
    Run,
    /// List the trials, one per line: number, ID, state, label
    List {
        /// List pending trials only
        #[arg(long = "pending")]
        missing: bool,
        /// Print one JSON object per line, with all settings
        #[arg(long)]
        json: bool,
    },
    /// Run one trial
    RunTrial {
        /// Number of the trial, as listed
        number: usize,
    },
    /// Write the report of the trials run so far
    Report,
}

/// Directory and execution settings of a study, accepted before or after the command.
#[derive(Debug, Clone, Args)]
pub struct StudyDirectoryArguments {
    /// Directory of the study; an existing study is resumed [default: studies/NAME]
    #[arg(long = "study-dir", value_name = "DIR", global = true)]
    pub(super) directory: Option<PathBuf>,
    /// Trials to run at the same time
    #[arg(long, value_name = "N", default_value_t = 1, global = true)]
    pub(super) jobs: usize,
    /// Retry failed trials
    #[arg(long = "retry-failed", global = true)]
    pub(super) retry: bool,
}

impl StudyDirectoryArguments {
    /// Creates the arguments of a study in `directory`, with one trial at a time.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: Some(directory.to_path_buf()),
            jobs: 1,
            retry: true,
        }
    }
}

/// Settings, data and directory of a study, accepted before or after the command.
#[derive(Debug, Clone, Args)]
pub struct StudyArguments {
    /// Directory and execution settings.
    #[command(flatten)]
    pub directory: StudyDirectoryArguments,
    /// Checkpoint, device and settings.
    #[command(flatten)]
    pub common: CommonArguments,
    /// Directory with the dataset, or `hub` to download it [default: the bundled sample, original
    /// text, not a benchmark]
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// Number of seeds per candidate, counted from 42 [default: the study's]
    #[arg(long, value_name = "N", global = true)]
    seeds: Option<u64>,
}

/// Seed for sampling rows, and the first seed of a count.
pub const SEED: u64 = 42;

impl StudyArguments {
    /// Returns a readable name of the data.
    pub fn data_name(&self) -> String {
        match &self.data {
            Some(data) => data.display().to_string(),
            None => "Bundled sample (original text, not a benchmark)".to_string(),
        }
    }

    /// Returns the number of seeds given with `--seeds`, or `default`.
    pub fn seeds(&self, default: u64) -> Option<Seeds> {
        Some(Seeds::Count(self.seeds.unwrap_or(default)))
    }

    /// Applies `--max-train-samples` and `--max-test-samples`.
    pub fn subset(&self, splits: Splits) -> Splits {
        self.common.subset(splits, SEED)
    }

    /// Prints the data, the model and the device, and returns the rows of the dataset in `directory`
    /// after [`Self::subset`].
    ///
    /// # Errors
    /// - If the dataset name is unknown, or the dataset cannot be downloaded or read.
    /// - If standard output is closed.
    pub fn open(&self, name: &str, directory: &Path) -> Result<Splits, Box<dyn Error>> {
        let opened = catalog::get(name)?.open(&data_directory(name, directory)?)?;
        let splits = self.subset(opened.splits);
        say(&format!(
            "{}, {} training rows, with {} on {}",
            self.data_name(),
            splits.train.len(),
            self.common.model(),
            self.common.device(),
        ))?;
        Ok(splits)
    }

    /// Creates the experiment that fine-tunes the checkpoint on `splits`.
    ///
    /// # Errors
    /// If the device cannot be opened or the checkpoint cannot be loaded.
    pub fn experiment(&self, splits: Splits) -> Result<FineTuningExperiment, Box<dyn Error>> {
        let device = self.common.device();
        Ok(FineTuningExperiment::new(
            self.common.model().directory(),
            splits,
            &device.open()?,
            &device.to_string(),
        )?)
    }

    /// Returns the recipe of the study, overridden by the `--config` file and the arguments.
    ///
    /// # Errors
    /// See [`CommonArguments::settings_with`].
    pub fn settings_with(&self, recipe: FineTuningConfig) -> Result<FineTuningConfig, StudyError> {
        self.common.settings_with(recipe)
    }

    /// Returns what the runs have in place of the data and the encoder of the published study.
    pub fn conditions(&self, encoder: &str) -> Conditions {
        self.common.conditions(encoder, self.data.is_none())
    }
}
