//! Runs any fine-tuning study from a file.
//!
//! `cargo run --release --example study -- run FILE --study-dir DIR`
//!
//! The table `experiment` of the file names the data, the model and the device; see
//! `docs/guide/studies.md`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use finetune::DeviceSpec;
use finetune::data::catalog;
use finetune::study::{FineTuningExperiment, Study, StudyConfig};
use finetune_examples::study::{SEED, StudyCommand, StudyDirectoryArguments, run_study};
use finetune_examples::{Checkpoint, data_directory, exit_code, sample_of, subset};
use serde::Deserialize;
use serde_json::Value;

/// Run a fine-tuning study from a file
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    directory: StudyDirectoryArguments,
}

#[derive(Subcommand)]
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
    /// Directory of the dataset, or `hub` to download it (default: the bundled sample).
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

fn main() -> ExitCode {
    exit_code(run(Arguments::parse()))
}

fn run(Arguments { command, directory }: Arguments) -> Result<(), Box<dyn Error>> {
    let (file, command) = match command {
        Command::Run { file } => (file, StudyCommand::Run),
        Command::List {
            file,
            missing,
            json,
        } => (file, StudyCommand::List { missing, json }),
        Command::RunTrial { file, number } => (file, StudyCommand::RunTrial { number }),
        Command::Report { file } => (file, StudyCommand::Report),
    };
    let config = StudyConfig::read(&file)?;
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
    let experiment = subject.experiment()?;
    let study = Study::new(config, &experiment)?;
    run_study(Some(command), &directory, &study, &experiment, |_| {
        Ok(Vec::new())
    })
}

impl Subject {
    fn experiment(&self) -> Result<FineTuningExperiment, Box<dyn Error>> {
        let data = match &self.data {
            Some(data) => data_directory(&self.dataset, data)?,
            None => sample_of(&self.dataset),
        };
        let splits = catalog::get(&self.dataset)?.open(&data)?.splits;
        let splits = subset(splits, self.max_train_samples, self.max_test_samples, SEED);
        let device: DeviceSpec = self.device.parse()?;
        let name = device.to_string();
        let experiment =
            FineTuningExperiment::new(self.model.directory(), splits, &device.open()?, &name)?
                .keep_models(self.keep_models);
        Ok(match self.validation_split {
            Some(share) => experiment.validation_split(share, SEED),
            None => experiment,
        })
    }
}
