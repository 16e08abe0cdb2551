//! Any study of fine-tuning, from a file.
//!
//! `cargo run --release --example study -- run FILE --study-dir DIR`
//!
//! The file's table `experiment` says what the study is on; see `docs/guide/studies.md`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use finetune::DeviceSpec;
use finetune::data::catalog;
use finetune::study::{FineTuningExperiment, Study, StudyConfig};
use finetune_examples::study::{FolderArguments, SEED, StudyCommand, run_study};
use finetune_examples::{Checkpoint, data_directory, exit_code, sample_of, subset};
use serde::Deserialize;
use serde_json::Value;

/// Run a study of fine-tuning from a file: whatever is missing of it
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    folder: FolderArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Run what is missing and write the report
    Run {
        /// The study, TOML or JSON
        file: PathBuf,
    },
    /// List the trials, one a line: number, name, state, what it is
    List {
        /// The study, TOML or JSON
        file: PathBuf,
        /// Only those that are to be run
        #[arg(long = "pending")]
        missing: bool,
        /// A line of JSON each, with every setting
        #[arg(long)]
        json: bool,
    },
    /// Run one trial
    RunTrial {
        /// The study, TOML or JSON
        file: PathBuf,
        /// Its number in the list
        number: usize,
    },
    /// Write the report of what there is
    Report {
        /// The study, TOML or JSON
        file: PathBuf,
    },
}

/// The table `experiment` of the file: what the study is on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    /// A published data set.
    dataset: String,
    /// Its folder, or `hub`; without one the bundled sample.
    data: Option<PathBuf>,
    /// The checkpoint's folder, or `mini`.
    #[serde(default = "mini")]
    model: Checkpoint,
    /// As `--device` of the other examples; flex.
    #[serde(default = "flex")]
    device: String,
    /// Share of the training rows held out for validation; the data set's own validation rows
    /// without it.
    validation_split: Option<f64>,
    /// Trains on so many rows.
    max_train_samples: Option<usize>,
    /// Tests on so many rows.
    max_test_samples: Option<usize>,
    /// Whether the trained models stay; no.
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

fn run(Arguments { command, folder }: Arguments) -> Result<(), Box<dyn Error>> {
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
    let subject: Subject = serde_json::from_value(Value::Object(config.experiment.clone()))
        .map_err(|error| format!("{}: experiment: {error}", file.display()))?;
    let experiment = subject.experiment()?;
    let study = Study::new(config, &experiment)?;
    run_study(Some(command), &folder, &study, &experiment, |_| {
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
