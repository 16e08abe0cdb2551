//! A fine-tuning run from the command line.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use finetune::data::LoadedDataset;
use finetune::prelude::*;
use finetune::train::write_json;

use crate::RunArguments;

/// Prints what a run is about to use, and returns the rows that the arguments leave. `data` is what
/// the first line calls the data.
///
/// # Errors
/// If the arguments ask for rows that are not there, and if standard output is closed.
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

/// Fine-tunes and tests as the arguments say, and prints the report. `data` is what the first line
/// calls the data.
///
/// # Errors
/// Whatever is wrong with the arguments, the checkpoint or the data.
pub fn fine_tune(
    name: &str,
    data: &str,
    arguments: &RunArguments,
    opened: LoadedDataset,
) -> Result<(), Box<dyn Error>> {
    let settings = arguments.settings()?;
    let splits = announce(data, arguments, opened, settings.train.seed)?;
    let start = arguments.model().directory();
    fine_tune_from(name, start, splits, settings, arguments)
}

/// Fine-tunes and tests the checkpoint in the directory `start`, and prints the reports.
///
/// # Errors
/// Whatever is wrong with the settings, the checkpoint or the data.
pub fn fine_tune_from(
    name: &str,
    start: &Path,
    splits: Splits,
    settings: FineTuningConfig,
    arguments: &RunArguments,
) -> Result<(), Box<dyn Error>> {
    let run = FineTuning::new(start, splits).config(settings);
    let run = run.device(arguments.device()).prepare()?;
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

/// Prints the report of a run and writes it where the arguments ask for it.
///
/// # Errors
/// If the file or standard output cannot be written.
pub fn finish(output: &FineTuningOutput, arguments: &RunArguments) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &arguments.report {
        write_json(path, &output.report)?;
    }
    let directory = output.directory.path().display();
    Ok(say(&format!("\n{output}\nRun record: {directory}"))?)
}

/// A line on standard output.
///
/// # Errors
/// If it is closed.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// 0, or 1 after saying on standard error what went wrong. That nobody reads the output any more,
/// as behind `| head`, is not an error.
pub fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody to tell if standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
