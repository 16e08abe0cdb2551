//! Fine-tuning runs from the command line.

use std::error::Error;
use std::path::Path;

use finetune::data::{LoadedDataset, RowSplits, SelectRows};
use finetune::predict::ModelKind;
use finetune::prelude::*;
use finetune::train::{
    Objective, Run, RunDirectory, RunInput, RunOutput, RunReport, TestScores, write_json,
};

use crate::output::{metrics_text, say};
use crate::run_arguments::RunArguments;

/// Commands for what can be done with the model of a run.
#[derive(Debug, Clone, Copy)]
pub struct Commands {
    /// Command that predicts, up to `--model`.
    pub predict: &'static str,
    /// Command that embeds, up to `--model`, if there is one.
    pub embed: Option<&'static str>,
    /// Command that trains a model from another, up to `--model`, if there is one.
    pub train: Option<&'static str>,
    /// Command that serves, up to `--model`.
    pub serve: &'static str,
}

/// The commands of the examples.
impl Default for Commands {
    fn default() -> Self {
        Self {
            predict: "cargo run --release --example predict --",
            embed: None,
            train: None,
            serve: "cargo run --release --example serve --",
        }
    }
}

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
    let test = splits.test.as_ref().map_or(0, Dataset::len);
    announce_counts(data, arguments, splits.train.len(), test)?;
    for report in &opened.reports {
        say(&report.to_string())?;
    }
    Ok(splits)
}

/// Prints what a run will use, and returns the rows selected by the arguments, of a dataset whose rows
/// are chosen without regard to labels. `data` names the data in the first line.
///
/// # Errors
/// If the validation fraction leaves a split empty, or standard output is closed.
pub fn announce_rows<D: SelectRows>(
    data: &str,
    arguments: &RunArguments,
    splits: RowSplits<D>,
    seed: u64,
) -> Result<RowSplits<D>, Box<dyn Error>> {
    let [train, test] = arguments.common.max_samples();
    let mut splits = splits.subset(train, test, seed);
    if let Some(share) = arguments.validation_split {
        splits = splits.hold_out(share, seed)?;
    }
    let test = splits.test.as_ref().map_or(0, D::num_rows);
    announce_counts(data, arguments, splits.train.num_rows(), test)?;
    Ok(splits)
}

fn announce_counts(
    data: &str,
    arguments: &RunArguments,
    train: usize,
    test: usize,
) -> Result<(), Box<dyn Error>> {
    let (model, device) = (arguments.model(), arguments.device());
    Ok(say(&format!(
        "{data}, {train} training and {test} test rows, with {model} on {device}"
    ))?)
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
    fine_tune_from(
        name,
        arguments.model().location(),
        splits,
        settings,
        arguments,
    )
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
    run_training(
        name,
        FineTuning::new(start, splits).config(settings),
        arguments,
    )
}

/// Runs or resumes on the device of the arguments, in a run directory named after the program, and prints
/// the reports.
///
/// # Errors
/// If the run cannot be prepared or fails, or if standard output is closed.
pub fn run_training<I: RunInput>(
    name: &str,
    run: Run<'_, I>,
    arguments: &RunArguments,
) -> Result<(), Box<dyn Error>> {
    let run = arguments.at_recorded_revision(run.device(arguments.device()))?;
    let run = run.prepare()?;
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
    finish_report(&output.report, &output.directory, arguments)
}

fn finish_report(
    report: &RunReport,
    directory: &RunDirectory,
    arguments: &RunArguments,
) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &arguments.report {
        write_json(path, report)?;
    }
    say(&format!("\n{report}"))?;
    let test = report.test.as_ref();
    if let Some(test) = test {
        let metrics = test.metrics.iter();
        let metrics = metrics.map(|(name, score)| (&name[..], *score));
        say(&format!("Metrics: {}", metrics_text(metrics)))?;
    }
    if let Some(note) = few_steps(report.train.steps, arguments) {
        say(&note)?;
    }
    let text = match test.map(|test| &test.scores) {
        Some(TestScores::Reranking(_)) => " --pairs 'A query' 'A document'",
        _ => " 'A text'",
    };
    Ok(say(&what_follows(directory, arguments.commands, text))?)
}

/// Fewer optimizer steps than this seldom train a new head
/// ([Mosbach et al. 2021](https://arxiv.org/abs/2006.04884)).
const FEW_STEPS: usize = 60;

/// Returns what to change if few rows made few steps, unless their number was asked for.
fn few_steps(steps: usize, arguments: &RunArguments) -> Option<String> {
    let is_short = steps < FEW_STEPS && arguments.max_steps.is_none();
    is_short.then(|| {
        format!(
            "Note: only {steps} optimizer steps. With few rows, a smaller --batch-size or more --epochs \
             usually score higher."
        )
    })
}

/// Returns where a run is recorded, and what can be done with its model, such as to predict `text`.
fn what_follows(run: &RunDirectory, commands: Commands, text: &str) -> String {
    let model = run.model();
    let kind = ModelKind::of(&model);
    let (name, command, text) = match kind {
        ModelKind::Texts | ModelKind::Tokens => ("Predict:", Some(commands.predict), text),
        ModelKind::Embeddings => ("Embed:", commands.embed, " 'A text'"),
        ModelKind::MaskedLm | ModelKind::Encoder => ("Train:", commands.train, ""),
    };
    let model = model.display();
    let mut lines = vec![
        format!("Run record: {}", run.path().display()),
        format!("Report:     {}", run.html_report().display()),
    ];
    let next = command.map(|command| format!("{name:<11} {command} --model {model}{text}"));
    lines.extend(next);
    if matches!(
        kind,
        ModelKind::Texts | ModelKind::Tokens | ModelKind::Embeddings
    ) {
        lines.push(format!("Serve:      {} --model {model}", commands.serve));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(steps: usize, arguments: &str) -> Option<String> {
        few_steps(steps, &RunArguments::parsed(arguments.split_whitespace()))
    }

    #[test]
    fn few_steps_are_noted_unless_they_were_asked_for() {
        assert!(note(21, "").unwrap().contains("only 21 optimizer steps"));
        assert_eq!(note(21, "--max-steps 21"), None);
        assert_eq!(note(FEW_STEPS, ""), None);
    }
}
