//! Studies from a file: its table `experiment` names the data, the model and the device.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use finetune::DeviceSpec;
use finetune::data::catalog;
use finetune::study::{FineTuningExperiment, Study, StudyConfig};
use serde::Deserialize;
use serde_json::Value;

use crate::checkpoint::Checkpoint;
use crate::directories::data_directory;
use crate::study_arguments::{StudyCommand, StudyDirectoryArguments};
use crate::study_program::run_study;

/// Seed for sampling rows, and the first seed of a count.
pub const STUDY_SEED: u64 = 42;

/// File of a study, what to do, and where.
#[derive(Debug, Clone, Args)]
pub struct StudyFileArguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    directory: StudyDirectoryArguments,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Run the pending trials and write the report
    Run {
        /// The study, TOML or JSON
        file: PathBuf,
    },
    /// List the trials, one per line: number, ID, state, label
    List {
        /// The study, TOML or JSON
        file: PathBuf,
        /// List pending trials only
        #[arg(long = "pending")]
        missing: bool,
        /// Print one JSON object per line, with all settings
        #[arg(long)]
        json: bool,
    },
    /// Run one trial
    RunTrial {
        /// The study, TOML or JSON
        file: PathBuf,
        /// Number of the trial, as listed
        number: usize,
    },
    /// Write the report of the trials run so far
    Report {
        /// The study, TOML or JSON
        file: PathBuf,
    },
}

/// Table `experiment` of the file: data, model and device of the study.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    /// Name of a published dataset.
    dataset: String,
    /// Directory of the dataset, or `hub` to download it (default: that of the program).
    data: Option<PathBuf>,
    /// Directory of the checkpoint, or `mini` (default: `mini`).
    #[serde(default = "mini")]
    model: Checkpoint,
    /// Device, as for `--device` of the other examples (default: `flex`).
    #[serde(default = "flex")]
    device: String,
    /// Fraction of the training rows to hold out for validation (default: none; the dataset's own
    /// validation rows are used).
    validation_split: Option<f64>,
    /// Maximum number of training rows (default: all).
    max_train_samples: Option<usize>,
    /// Maximum number of test rows (default: all).
    max_test_samples: Option<usize>,
    /// Whether to keep the trained models (default: false).
    #[serde(default)]
    keep_models: bool,
}

fn mini() -> Checkpoint {
    Checkpoint::Mini
}

fn flex() -> String {
    "flex".into()
}

impl StudyFileArguments {
    /// Performs the command. `sample` is the directory of a dataset for which the file names none.
    ///
    /// # Errors
    /// - If the file is not a study, or names data, a model or a device that cannot be opened.
    /// - The errors of [`run_study`].
    pub fn run(&self, sample: impl Fn(&str) -> PathBuf) -> Result<(), Box<dyn Error>> {
        let (file, command) = self.command.parts();
        let config = StudyConfig::read(file)?;
        if !config.experiment.contains_key("dataset") {
            let names: Vec<&str> = catalog::names().collect();
            let problem = format!(
                "experiment.dataset is missing, expected one of {}",
                names.join(", ")
            );
            return Err(format!("{}: {problem}", file.display()).into());
        }
        let subject: Subject = serde_json::from_value(Value::Object(config.experiment.clone()))
            .map_err(|error| format!("{}: experiment: {error}", file.display()))?;
        let experiment = subject.experiment(sample)?;
        let study = Study::new(config, &experiment)?;
        run_study(Some(command), &self.directory, &study, &experiment, |_| {
            Ok(Vec::new())
        })
    }
}

impl Command {
    /// Returns the file, and the command of any study.
    fn parts(&self) -> (&Path, StudyCommand) {
        match self {
            Self::Run { file } => (file, StudyCommand::Run),
            Self::List {
                file,
                missing,
                json,
            } => {
                let (missing, json) = (*missing, *json);
                (file, StudyCommand::List { missing, json })
            }
            Self::RunTrial { file, number } => (file, StudyCommand::RunTrial { number: *number }),
            Self::Report { file } => (file, StudyCommand::Report),
        }
    }
}

impl Subject {
    fn experiment(
        &self,
        sample: impl Fn(&str) -> PathBuf,
    ) -> Result<FineTuningExperiment, Box<dyn Error>> {
        let data = self.data.clone().unwrap_or_else(|| sample(&self.dataset));
        let data = data_directory(&self.dataset, &data)?;
        let splits = catalog::get(&self.dataset)?.open(&data)?.splits;
        let splits = splits.subset(self.max_train_samples, self.max_test_samples, STUDY_SEED);
        let device: DeviceSpec = self.device.parse()?;
        let name = device.to_string();
        let experiment =
            FineTuningExperiment::new(&self.model.directory()?, splits, &device.open()?, &name)?
                .keep_models(self.keep_models);
        Ok(match self.validation_split {
            Some(share) => experiment.validation_split(share, STUDY_SEED),
            None => experiment,
        })
    }
}
