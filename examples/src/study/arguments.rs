//! Command-line arguments of the examples that are studies.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use finetune::data::catalog;
use finetune::prelude::*;
use finetune::study::{FineTuningExperiment, Seeds};
use finetune_arguments::{
    ArgumentsError, CommonArguments, STUDY_SEED, StudyDirectoryArguments, data_directory, say,
};

use super::published::Conditions;

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
        self.common.subset(splits, STUDY_SEED)
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
            &self.common.model().directory()?,
            splits,
            &device.open()?,
            &device.to_string(),
        )?)
    }

    /// Returns the recipe of the study, overridden by the `--config` file and the arguments.
    ///
    /// # Errors
    /// See [`CommonArguments::settings_with`].
    pub fn settings_with(
        &self,
        recipe: FineTuningConfig,
    ) -> Result<FineTuningConfig, ArgumentsError> {
        self.common.settings_with(recipe)
    }

    /// Returns what the runs have in place of the data and the encoder of the published study.
    pub fn conditions(&self, encoder: &str) -> Conditions {
        Conditions::of(&self.common, encoder, self.data.is_none())
    }
}
