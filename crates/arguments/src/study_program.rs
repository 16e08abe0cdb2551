//! Command-line program of a study.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use finetune::eval::report::{Block, Section};
use finetune::study::{
    Experiment, Study, StudyCallback, StudyConfig, StudyDirectory, StudyResults, StudyRunner,
    Trial, TrialState,
};
use finetune::train::{Callback, ProgressCallback};
use serde_json::json;

use crate::study_arguments::{StudyCommand, StudyDirectoryArguments};

/// Runs a command of a study. `published` returns sections with published scores, which are added
/// to the report and the output.
///
/// # Errors
/// - If the study directory cannot be read or written.
/// - If the trial of `run-trial` failed, or one of `run` did; the others run all the same, and the
///   report is written.
pub fn run_study<E: Experiment>(
    command: Option<StudyCommand>,
    arguments: &StudyDirectoryArguments,
    study: &Study,
    experiment: &E,
    published: impl Fn(&StudyResults<'_>) -> Result<Vec<Section>, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let path = match &arguments.directory {
        Some(directory) => directory.clone(),
        None => Path::new("studies").join(file_name(study.config())),
    };
    let directory = StudyDirectory::open(&path, study)?;
    let runner = StudyRunner::new(study, experiment, &directory)
        .jobs(arguments.jobs)
        .retries(arguments.retry);
    let watch = Watch {
        shows_progress: arguments.jobs < 2,
    };
    let runs = matches!(command, Some(StudyCommand::Run) | None);
    let results = match command {
        Some(StudyCommand::List { missing, json }) => {
            return plan(&directory.results(study)?, missing, json);
        }
        Some(StudyCommand::RunTrial { number }) => {
            return match runner.run_trial(number, &watch)? {
                TrialState::Failed(failure) => Err(failure.error.join(": ").into()),
                _ => Ok(()),
            };
        }
        Some(StudyCommand::Report) => directory.results(study)?,
        Some(StudyCommand::Run) | None => runner.run(&watch)?,
    };
    let mut out = io::stdout();
    let sections = published(&results)?;
    let mut report = results.report()?;
    // After the study's own scores and before its tests.
    report.sections.splice(1..1, sections.iter().cloned());
    directory.write(&report, &results)?;
    writeln!(out, "\n{}\n{}", report.summary, results.table()?)?;
    if let Some(comparisons) = results.comparisons()? {
        for comparison in &comparisons.comparisons {
            writeln!(out, "{comparison}")?;
        }
        writeln!(out)?;
    }
    for block in sections.iter().flat_map(|section| &section.blocks) {
        match block {
            Block::Table(table) => writeln!(out, "{table}")?,
            Block::Note { text } => writeln!(out, "{text}\n")?,
            _ => {}
        }
    }
    writeln!(out, "Report: {}", path.join("report.html").display())?;
    match results.failed() {
        failed if runs && failed > 0 => {
            let trials = results.due().count();
            let hint = match arguments.retry {
                true => "",
                false => "; --retry-failed runs them again",
            };
            Err(format!("{failed} of {trials} trials failed{hint}").into())
        }
        _ => Ok(()),
    }
}

/// Converts the name of the study to a directory name.
fn file_name(study: &StudyConfig) -> PathBuf {
    let plain = |character: char| match character {
        'a'..='z' | '0'..='9' => character,
        'A'..='Z' => character.to_ascii_lowercase(),
        _ => '_',
    };
    study.name.chars().map(plain).collect::<String>().into()
}

fn plan(results: &StudyResults<'_>, only_missing: bool, json: bool) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    let line = |trial: &Trial, state: &TrialState| {
        let label = results.study().label(trial);
        let state = match state {
            TrialState::Complete(_) => "complete",
            TrialState::Failed(_) => "failed",
            TrialState::Pending => "pending",
        };
        let (number, id, settings) = (trial.index, &trial.id, &trial.settings);
        match json {
            true => json!({
                "number": number, "id": id, "state": state, "label": label,
                "fold": trial.fold, "settings": settings,
            })
            .to_string(),
            false => format!("{number}\t{id}\t{state}\t{label}"),
        }
    };
    for (trial, state) in results.due() {
        if !only_missing || *state == TrialState::Pending {
            writeln!(out, "{}", line(trial, state))?;
        }
    }
    Ok(())
}

/// Callback that prints finished trials to standard error.
struct Watch {
    /// Whether to show a progress bar; only possible with one trial at a time.
    shows_progress: bool,
}

impl StudyCallback for Watch {
    fn trial(&self, _: &str) -> Box<dyn Callback> {
        match self.shows_progress {
            true => Box::new(Quiet(ProgressCallback::new())),
            false => Box::new(()),
        }
    }

    fn ended(&self, label: &str, state: &TrialState) {
        let what = match state {
            TrialState::Complete(result) => {
                let scores = result.scores.test.iter();
                let accuracy = scores.filter(|(metric, _)| *metric == "accuracy");
                let accuracy: String = accuracy
                    .map(|(metric, score)| format!("{metric} {score:.4}, "))
                    .collect();
                format!("{accuracy}{:.1} s", result.seconds)
            }
            TrialState::Failed(failure) => format!("failed: {}", failure.error.join(": ")),
            TrialState::Pending => "pending".to_string(),
        };
        // If standard error is closed, the message is lost.
        let _ = writeln!(io::stderr(), "{label}: {what}");
    }
}

/// Progress callback that prints nothing unless standard error is a terminal; a study has too many
/// runs to log each.
struct Quiet(ProgressCallback);

impl Callback for Quiet {
    fn on_event(
        &mut self,
        event: &finetune::train::Event,
    ) -> Result<(), finetune::train::TrainError> {
        match io::IsTerminal::is_terminal(&io::stderr()) {
            true => self.0.on_event(event),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use finetune::study::{TrialDirectory, TrialScores};
    use serde::{Deserialize, Serialize};
    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Coin {
        weight: f64,
    }

    /// Coins that are lost if they are heavy.
    struct Toss;

    impl Experiment for Toss {
        type Config = Coin;
        type Error = io::Error;

        fn defaults(&self) -> Coin {
            Coin::default()
        }

        fn fingerprint(&self) -> Value {
            "a penny".into()
        }

        fn seed_setting(&self) -> Option<&str> {
            None
        }

        fn run(
            &self,
            _: &Trial,
            coin: &Coin,
            _: &TrialDirectory,
            _: &mut dyn Callback,
        ) -> Result<TrialScores, io::Error> {
            match coin.weight {
                weight if weight > 1.0 => Err(io::Error::other("too heavy")),
                weight => Ok(TrialScores::test("accuracy", weight)),
            }
        }
    }

    #[test]
    fn a_study_with_failed_trials_is_an_error_after_its_report() {
        for (weights, expected) in [
            ("[0.25, 0.5]", Ok(())),
            ("[0.25, 2.0]", Err("1 of 2 trials failed")),
            ("[2.0, 3.0]", Err("2 of 2 trials failed")),
        ] {
            let toml =
                format!("name = 'coins'\nparameters = [{{ path = 'weight', values = {weights} }}]");
            let study = Study::new(StudyConfig::from_toml(&toml).unwrap(), &Toss).unwrap();
            let place = tempfile::tempdir().unwrap();
            let arguments = StudyDirectoryArguments::new(place.path());
            let run = |command| run_study(command, &arguments, &study, &Toss, |_| Ok(Vec::new()));
            let ended = run(None).map_err(|error| error.to_string());
            assert_eq!(
                ended.as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|text| *text)
            );
            assert!(place.path().join("report.html").exists());
            // The report of such a study is no error.
            run(Some(StudyCommand::Report)).unwrap();
        }
    }
}
