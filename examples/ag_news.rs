//! Fine-tunes a BERT on AG News: a template for your own project, from data to predictions.
//!
//! `cargo run --release --example ag_news` runs on the bundled sample with the bundled mini
//! encoder. With a real encoder and the published data:
//!
//! `cargo run --release --example ag_news -- --model DIR --data DIR --epochs 2 --learning-rate 1e-4
//! --max-length 128 --report out.json`
//!
//! `--technical-report` runs the settings of the report that this project reproduces, and shows its
//! scores beside ours.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use finetune::data::catalog;
use finetune::prelude::*;
use finetune_arguments::{RunArguments, announce, data_directory, exit_code, finish, say};
use finetune_examples::study::Conditions;
use finetune_examples::{SAMPLE_AG_NEWS, TechnicalReport};

/// Fine-tune an encoder on AG News and test it
///
/// Makes accuracy, precision, recall and F1 per class, the confusion matrix, the loss curve and the
/// worst errors (report.html of the run). With the data and the settings of the technical report,
/// also its accuracy, F1 and training loss beside ours.
///
/// Recipe: 3 epochs, 32 rows per batch, learning rate 5e-5, 512 tokens; with the mini encoder 5
/// epochs, 8 rows, 3e-4 and 128.
#[derive(Parser)]
struct Arguments {
    /// Directory with train.csv and test.csv as Zhang et al. published them, or the Parquet files of
    /// the hub; or `hub` to download them [default: the bundled sample, original text, not a
    /// benchmark]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Use the recipe of the technical report: 4 epochs, 64 rows per batch, two batches per step,
    /// learning rate 2e-5, 128 tokens, early stopping on a tenth of the training rows
    #[arg(long)]
    technical_report: bool,
    #[command(flatten)]
    run: RunArguments,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let data = &arguments.data;
    let (run, recipe) = match arguments.technical_report {
        true => (
            &arguments.run.with_validation(0.1),
            TechnicalReport::recipe()?,
        ),
        false => (&arguments.run, arguments.run.defaults()),
    };
    // Data: the splits of a dataset. `Dataset::files("train.csv")` reads files of your own.
    let directory = data_directory(
        "ag_news",
        data.as_deref().unwrap_or(SAMPLE_AG_NEWS.as_ref()),
    )?;
    let news = catalog::get("ag_news")?.open(&directory)?;

    // Settings: plain values with defaults; here those of the command line.
    let config: FineTuningConfig = run.settings_with(recipe)?;
    let conditions = Conditions::of(&run.common, "BERT-base", data.is_none());
    let report = TechnicalReport::new(&config, conditions)?;
    let title = match data {
        Some(directory) => directory.display().to_string(),
        None => "Bundled sample of AG News (original text, not a benchmark)".to_string(),
    };
    let splits = announce(&title, run, news, config.train.seed)?;

    // Training, then a test on rows that the training has not seen; the record is in the run
    // directory.
    let directory = run.run_directory("ag_news")?;
    let fine_tuning = FineTuning::new(run.model().location(), splits)
        .config(config)
        .device(run.device());
    let prepared = run.at_recorded_revision(fine_tuning)?.prepare()?;
    say(&prepared.load_report().to_string())?;
    let mut callback = run.callbacks(directory.path());
    let output = match run.is_resumed() {
        true => prepared.resume(directory.path(), &mut callback)?,
        false => prepared.run(directory.path(), &mut callback)?,
    };
    finish(&output, run)?;
    if arguments.technical_report || report.is_repeated() {
        say(&format!("\n{}", report.beside(&output)?))?;
    }

    // Prediction, with the model in memory; `Predictor::load` reads it from the run directory.
    let predictor = output.predictor(PredictorConfig::default())?;
    let text = "Shares rise as the chip maker reports record sales";
    for answer in predictor.predict(&[text])? {
        let topic = answer.label().unwrap_or_default();
        say(&format!("{text:?}: {topic}"))?;
    }
    Ok(())
}
