//! Fine-tuning runs from the command line.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use finetune::data::LoadedDataset;
use finetune::prelude::*;
use finetune::train::{Objective, PreparedRun, RunDirectory, RunOutput, TestScores, write_json};

use crate::RunArguments;

/// Prints what a run will use, and returns the rows selected by the arguments. `data` names the
/// data in the first line.
///
/// # Errors
/// If the arguments select rows that do not exist, or if standard output is closed.
pub fn announce(
    data: &str,
    arguments: &RunArguments,
    opened: LoadedDataset,
    seed: u64,
) -> Result<Splits, Box<dyn Error>> {
    let splits = arguments.subset(opened.splits, seed)?;
    say(&format!(
        "{data}, {} training and {} test rows, with {} on {}",
        splits.train.len(),
        splits.test.as_ref().map_or(0, Dataset::len),
        arguments.model(),
        arguments.device(),
    ))?;
    for report in &opened.reports {
        say(&report.to_string())?;
    }
    Ok(splits)
}

/// Fine-tunes and tests with the settings, and prints the report. `data` names the data in the first
/// line.
///
/// # Errors
/// If the arguments, the checkpoint or the data are invalid, or if the run fails.
pub fn fine_tune(
    name: &str,
    data: &str,
    arguments: &RunArguments,
    settings: FineTuningConfig,
    opened: LoadedDataset,
) -> Result<(), Box<dyn Error>> {
    let splits = announce(data, arguments, opened, settings.train.seed)?;
    let start = arguments.model().directory();
    fine_tune_from(name, start, splits, settings, arguments)
}

/// Fine-tunes and tests the checkpoint in the directory `start`, and prints the reports.
///
/// # Errors
/// If the settings, the checkpoint or the data are invalid, or if the run fails.
pub fn fine_tune_from(
    name: &str,
    start: &Path,
    splits: Splits,
    settings: FineTuningConfig,
    arguments: &RunArguments,
) -> Result<(), Box<dyn Error>> {
    let run = FineTuning::new(start, splits).config(settings);
    run_prepared(name, run.device(arguments.device()).prepare()?, arguments)
}

/// Runs or resumes what is prepared, in a run directory named after the example, and prints the reports.
///
/// # Errors
/// If the run fails, or if standard output is closed.
pub fn run_prepared<O: Objective>(
    name: &str,
    run: PreparedRun<'_, O>,
    arguments: &RunArguments,
) -> Result<(), Box<dyn Error>> {
    say(&run.load_report().to_string())?;
    let directory = arguments.run_directory(name)?;
    let path = directory.path();
    let mut callback = arguments.callbacks(path);
    let output = match arguments.resume {
        true => run.resume(path, &mut callback)?,
        false => run.run(path, &mut callback)?,
    };
    finish(&output, arguments)
}

/// Prints the report of a run and what can be done with its model, and writes the report to the file
/// given with `--report`.
///
/// # Errors
/// If the file or standard output cannot be written.
pub fn finish<O: Objective>(
    output: &RunOutput<O>,
    arguments: &RunArguments,
) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &arguments.report {
        write_json(path, &output.report)?;
    }
    say(&format!("\n{output}"))?;
    if let Some(test) = &output.report.test {
        let metrics = test.metrics.iter();
        let metrics = metrics.map(|(name, score)| (&name[..], *score));
        say(&format!("Metrics: {}", metrics_text(metrics)))?;
    }
    let test = output.report.test.as_ref();
    let embeds = test.is_some_and(|test| matches!(test.scores, TestScores::Embeddings(_)));
    Ok(say(&what_follows(&output.directory, !embeds))?)
}

/// Returns where a run is recorded, and what can be done with its model, which may predict labels.
fn what_follows(run: &RunDirectory, predicts: bool) -> String {
    let (directory, model) = (run.path().display(), run.model());
    let (page, model) = (run.html_report(), model.display());
    let predict = match predicts {
        true => format!(
            "Predict:    cargo run --release --example predict -- --model {model} 'A text'\n"
        ),
        false => String::new(),
    };
    format!(
        "Run record: {directory}\nReport:     {}\n{predict}Serve:      cargo run --release --example \
         serve -- --model {model}",
        page.display()
    )
}

/// Returns names and values of metrics as one line.
pub fn metrics_text<'a>(metrics: impl Iterator<Item = (&'a str, f64)>) -> String {
    let shown = metrics.map(|(name, score)| format!("{} {score:.4}", name.replace('_', " ")));
    shown.collect::<Vec<_>>().join(", ")
}

/// Prints a line to standard output.
///
/// # Errors
/// If standard output is closed.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Returns exit code 0, or 1 after printing the error to standard error. A closed output pipe, such
/// as `| head`, is not an error.
pub fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, the message is lost.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
