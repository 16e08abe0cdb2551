//! Scores of several runs side by side, for examples that compare ways to train.

use std::error::Error;

use finetune::train::{Run, RunDirectory, RunInput, TrainError, read_json};
use finetune_arguments::{RunArguments, metrics_text};
use serde_json::Value;

/// Scores of one run on the test rows.
#[derive(Debug)]
pub struct RunScores {
    name: String,
    parameters: u64,
    metrics: Vec<(String, f64)>,
}

impl RunScores {
    /// Trains and tests a model in the directory of a record, or reads the scores of one that was trained
    /// before with --resume.
    ///
    /// # Errors
    /// If the run fails or its report cannot be read.
    pub fn train<I: RunInput>(
        name: &str,
        run: Run<'_, I>,
        arguments: &RunArguments,
        record: &RunDirectory,
    ) -> Result<Self, Box<dyn Error>> {
        let run = run.device(arguments.device());
        let run = arguments
            .within(record)
            .at_recorded_revision(run)?
            .prepare()?;
        let mut callback = arguments.callbacks(record.path());
        let output = match arguments.is_resumed() {
            true => run.resume(record.path(), &mut callback),
            false => run.run(record.path(), &mut callback),
        };
        match output {
            Ok(_) => (),
            Err(TrainError::RunComplete { .. }) if arguments.is_resumed() => (),
            Err(error) => return Err(error.into()),
        }
        let report: Value = read_json(&record.report())?;
        let metrics = report["test"]["metrics"].as_object();
        let metrics = metrics.into_iter().flatten();
        Ok(Self {
            name: name.to_string(),
            parameters: report["model"]["parameters"].as_u64().unwrap_or(0),
            metrics: metrics
                .filter_map(|(name, score)| Some((name.clone(), score.as_f64()?)))
                .collect(),
        })
    }

    /// Returns a table with a line for each run.
    pub fn table(runs: &[Self]) -> String {
        let lines: Vec<String> = runs.iter().map(Self::line).collect();
        lines.join("\n")
    }

    fn line(&self) -> String {
        let metrics = self.metrics.iter();
        let metrics = metrics_text(metrics.map(|(name, score)| (&name[..], *score)));
        let (name, millions) = (&self.name, self.parameters as f64 / 1e6);
        format!("{name:<18} {millions:6.1} M parameters  {metrics}")
    }
}
