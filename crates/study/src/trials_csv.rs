//! Table of trials in CSV, for other programs.

use std::path::Path;

use finetune_storage::write_atomically;

use crate::error::StudyError;
use crate::results::StudyResults;
use crate::study_directory::StudyDirectory;
use crate::trial::shown_exactly;
use crate::trial_result::TrialState;

impl StudyResults<'_> {
    /// Returns the scheduled trials as rows with a header: number, ID, variant, values, rung, seed,
    /// fold, state, wall time, and every score.
    pub fn lines(&self) -> Vec<Vec<String>> {
        let config = self.study.config();
        let metrics = |of_validation: bool| {
            let results = self.due().filter_map(|(_, state)| state.result());
            let scores = results.map(|result| match of_validation {
                true => &result.scores.validation,
                false => &result.scores.test,
            });
            let metrics = scores.flat_map(|scores| scores.keys().cloned());
            metrics.collect::<std::collections::BTreeSet<String>>()
        };
        let (test, validation) = (metrics(false), metrics(true));
        let fixed = ["trial", "id", "variant"].map(str::to_string).into_iter();
        let parameters = config
            .parameters
            .iter()
            .map(|parameter| parameter.label().to_string());
        let more = ["rung", "seed", "fold", "state", "seconds"].map(str::to_string);
        let names = |rows: &'static str, metrics: &std::collections::BTreeSet<String>| {
            metrics
                .iter()
                .map(move |metric| format!("{rows}_{metric}"))
                .collect::<Vec<_>>()
        };
        let header = fixed.chain(parameters).chain(more);
        let header = header
            .chain(names("test", &test))
            .chain(names("validation", &validation));
        let mut lines: Vec<Vec<String>> = vec![header.collect()];
        for (trial, state) in self.due() {
            let candidate = &self.study.candidates()[trial.candidate];
            let variant = candidate.variant.clone().unwrap_or_default();
            let mut line = vec![trial.index.to_string(), trial.id.clone(), variant];
            line.extend(
                candidate
                    .values
                    .iter()
                    .map(|(_, value)| shown_exactly(value)),
            );
            let number = |number: Option<String>| number.unwrap_or_default();
            line.push(trial.rung.to_string());
            line.push(number(trial.seed.map(|seed| seed.to_string())));
            line.push(number(trial.fold.map(|fold| fold.index.to_string())));
            let (name, seconds) = match state {
                TrialState::Complete(result) => ("complete", Some(result.seconds)),
                TrialState::Failed(failure) => ("failed", Some(failure.seconds)),
                TrialState::Pending => ("pending", None),
            };
            line.push(name.to_string());
            line.push(number(seconds.map(|seconds| format!("{seconds:.3}"))));
            let scores = state.result().map(|result| &result.scores);
            for metric in &test {
                let score = scores.and_then(|scores| scores.test.get(metric));
                line.push(number(score.map(f64::to_string)));
            }
            for metric in &validation {
                let score = scores.and_then(|scores| scores.validation.get(metric));
                line.push(number(score.map(f64::to_string)));
            }
            lines.push(line);
        }
        lines
    }
}

impl StudyDirectory {
    pub(super) fn write_lines(&self, lines: &[Vec<String>], file: &Path) -> Result<(), StudyError> {
        let path = self.path().join(file);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let written = lines.iter().try_for_each(|line| writer.write_record(line));
        let failed = |error: String| StudyError::io(&path)(std::io::Error::other(error));
        written.map_err(|error| failed(error.to_string()))?;
        let bytes = writer
            .into_inner()
            .map_err(|error| failed(error.to_string()))?;
        write_atomically(&path, &bytes).map_err(StudyError::io(&path))
    }
}
