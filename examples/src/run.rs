//! A fine-tuning run from the command line.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use finetune::data::Opened;
use finetune::prelude::*;
use finetune::train::{RunDirectory, write_json};

use crate::{RunArguments, Watcher};

/// Fine-tunes and tests as the arguments say, and prints the report. `data` is what the first line
/// calls the data.
///
/// # Errors
/// Whatever is wrong with the arguments, the checkpoint or the data.
pub fn fine_tune(
    name: &str,
    data: &str,
    arguments: &RunArguments,
    opened: Opened,
) -> Result<(), Box<dyn Error>> {
    if let Some(report) = &arguments.report {
        check_parent(report)?;
    }
    let mut out = io::stdout();
    let settings = arguments.settings()?;
    let splits = arguments.subset(opened.splits, settings.train.seed)?;
    let device = arguments.device();
    writeln!(
        out,
        "{data}, {} training and {} test rows, with {} on {device}",
        splits.train.len(),
        splits.test.as_ref().map_or(0, Dataset::len),
        arguments.model_name(),
    )?;
    for report in &opened.reports {
        writeln!(out, "{report}")?;
    }

    let run = FineTuning::prepare(
        arguments.model_directory(),
        splits,
        settings,
        &device.open()?,
        &device.to_string(),
    )?;
    writeln!(out, "{}", run.load_report())?;

    let directory = match &arguments.run_dir {
        Some(directory) => RunDirectory::new(directory),
        None => RunDirectory::next(Path::new("runs"), name)?,
    };
    let mut observer = Watcher::new(directory.path(), arguments.tensorboard);
    let report = match arguments.resume {
        true => run.resume(directory.path(), &mut observer)?,
        false => run.run(directory.path(), &mut observer)?,
    };
    if let Some(path) = &arguments.report {
        write_json(path, &report)?;
    }
    writeln!(
        out,
        "\n{report}\nRun record: {}",
        directory.path().display()
    )?;
    Ok(())
}

/// Finds out before the training, not after it, that the report has no place to go.
fn check_parent(report: &Path) -> io::Result<()> {
    let parent = match report.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if parent.is_dir() && !report.is_dir() {
        return Ok(());
    }
    let message = format!(
        "--report {}: no such folder, or a folder itself",
        report.display()
    );
    Err(io::Error::new(ErrorKind::NotFound, message))
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
