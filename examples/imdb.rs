//! Pre-trains an encoder further on film reviews, including unlabeled ones, then fine-tunes it for
//! sentiment: the best method for IMDB in H. Chen and Y. Gao, "Analysis of Fine-Tuning Techniques
//! for Text Classification Tasks".
//!
//! `cargo run --release --example imdb` runs on the bundled sample with the bundled mini encoder.
//! With a real encoder and the published data:
//!
//! `cargo run --release --example imdb -- --model DIR --data DIR --epochs 2`
//!
//! The example `further_pretraining` compares numbers of pre-training steps.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::catalog;
use finetune::prelude::*;
use finetune::train::{PreTraining, PreTrainingConfig, RunDirectory, TrainError};
use finetune_arguments::{RunArguments, data_directory, exit_code, fine_tune_from, say};
use finetune_examples::{PreTrainingArguments, SAMPLE_IMDB};

/// Pre-train an encoder further on IMDB, fine-tune it and test it
///
/// Makes the report of the pre-training with its loss curve, and that of the fine-tuning with
/// accuracy, F1, the confusion matrix and the worst errors. `further_pretraining` makes the tables of
/// the paper.
///
/// The options from --config on apply to the fine-tuning. Recipe: 3 epochs, 32 rows per batch,
/// learning rate 5e-5, 512 tokens; with the mini encoder 5 epochs, 8 rows, 3e-4 and 128.
#[derive(Parser)]
struct Arguments {
    /// Directory with train/ and test/ as Maas et al. published them, or the Parquet files of the
    /// hub; or `hub` to download them [default: the bundled sample, original text, not a benchmark]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Optimizer steps of pre-training; 0 for none [default: 5000, mini: 40]
    #[arg(long, value_name = "N")]
    pretraining_steps: Option<usize>,
    #[command(flatten)]
    pretraining: PreTrainingArguments,
    #[command(flatten)]
    run: RunArguments,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let run = &arguments.run;
    let data = match &arguments.data {
        Some(data) => data.as_path(),
        None => Path::new(SAMPLE_IMDB),
    };
    let settings = run.settings()?;
    // Checked before the pre-training, which takes hours.
    settings.validate()?;
    let splits = catalog::get("imdb")?
        .open(&data_directory("imdb", data)?)?
        .splits;
    let directory = run.run_directory("imdb")?;
    let part = |name: &str| RunDirectory::new(&directory.path().join(name));
    let start = match arguments.steps() {
        0 => run.model().location().to_path_buf(),
        steps => {
            let record = part("pre_training");
            arguments.pre_train(&splits, arguments.pre_training(&settings, steps), &record)?;
            record.model()
        }
    };
    let splits = run.subset(splits, settings.train.seed)?;
    let run = run.within(&part("fine_tuning"));
    fine_tune_from("imdb", &start, splits, settings, &run)
}

impl Arguments {
    fn steps(&self) -> usize {
        let default = if self.run.model().is_mini() { 40 } else { 5000 };
        self.pretraining_steps.unwrap_or(default)
    }

    /// Returns the pre-training settings, with the text settings of the fine-tuning.
    fn pre_training(&self, fine_tuning: &FineTuningConfig, steps: usize) -> PreTrainingConfig {
        let (model, seed) = (self.run.model(), fine_tuning.train.seed);
        let settings = self.pretraining.settings(model, fine_tuning, steps, seed);
        // The sample is small: a larger fraction is held out.
        let validation_split = match &self.data {
            Some(_) => settings.validation_split,
            None => 0.2,
        };
        PreTrainingConfig {
            validation_split,
            ..settings
        }
    }

    fn pre_train(
        &self,
        splits: &Splits,
        config: PreTrainingConfig,
        record: &RunDirectory,
    ) -> Result<(), Box<dyn Error>> {
        let texts = self.pretraining.texts(splits, config.train.seed);
        let device = self.run.device();
        say(&format!(
            "Pre-training on {} texts, with {} on {device}",
            texts.len(),
            self.run.model(),
        ))?;
        let start = self.run.model().location();
        let run = PreTraining::new(start, texts).config(config).device(device);
        let run = self
            .run
            .within(record)
            .at_recorded_revision(run)?
            .prepare()?;
        let mut watcher = self.run.callbacks(record.path());
        let report = match self.run.is_resumed() {
            true => match run.resume(record.path(), &mut watcher) {
                // The pre-training has finished, with these settings.
                Err(TrainError::RunComplete { .. }) => return Ok(()),
                report => report?,
            },
            false => run.run(record.path(), &mut watcher)?,
        };
        Ok(say(&format!("{report}\n"))?)
    }
}
