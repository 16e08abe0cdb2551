//! Report of a study.

use std::path::Path;

use finetune_eval::report::{Environment, KeyValues, Report, Section};
use finetune_eval::statistics::{Adjustment, Comparison, ComparisonTable, Verdict};

use crate::config_overrides::flat;
use crate::error::StudyError;
use crate::results::StudyResults;
use crate::study_directory::StudyDirectory;
use crate::trial::shown;

impl StudyResults<'_> {
    /// Returns the report of the study: tables, tests and figures of the results so far, and failed
    /// and pending trials. Except for the last section, which describes the environment, it depends
    /// only on the study and its results.
    ///
    /// # Errors
    /// [`StudyError::Eval`] if results were edited by hand.
    pub fn report(&self) -> Result<Report, StudyError> {
        let config = self.study.config();
        let mut scores = Section::new("Scores").with(self.table()?);
        if let Some(grid) = self.grid()? {
            scores = scores.with(grid);
        }
        if let Some(rungs) = self.rung_table()? {
            scores = scores.with(rungs);
        }
        for boxes in self.box_plots()? {
            scores = scores.with(boxes);
        }
        for chart in self.axis_charts()? {
            scores = scores.with(chart);
        }
        let comparisons = self.comparisons()?;
        let summary = self.summary(comparisons.as_ref());
        let mut report = Report::new(config.name.clone(), summary)
            .with(scores)
            .with(self.comparison_section(comparisons.as_ref()));
        let curves = self.curves()?;
        if !curves.is_empty() {
            let section = Section::new("Curves");
            report = report.with(curves.into_iter().fold(section, Section::with));
        }
        for (title, table) in [
            ("Failed", self.failures()?),
            ("Missing", self.missing_table()?),
        ] {
            if let Some(table) = table {
                report = report.with(Section::new(title).with(table));
            }
        }
        let environment = Environment::capture().facts();
        Ok(report
            .with(Section::new("Study").with(self.facts()))
            .with(Section::new("Written by").with(environment)))
    }

    /// Returns a summary: progress, the best candidate, and significant differences.
    fn summary(&self, table: Option<&ComparisonTable>) -> String {
        let finished = self
            .due()
            .filter(|(_, state)| state.result().is_some())
            .count();
        let (failed, missing) = (self.failed(), self.missing().count());
        let mut text = format!("{finished} trials complete, {failed} failed, {missing} pending.");
        if let Some(best) = self.best() {
            let means = self.means();
            let equal = means.iter().filter(|mean| **mean == means[best]).count();
            let which = match self.study.config().higher_is_better() {
                true => "highest",
                false => "lowest",
            };
            let (metric, mean) = (self.metric_name(), means[best].unwrap_or(f64::NAN));
            text += &match equal {
                1 => {
                    let label = self.study.candidate_label(best);
                    let trials = self.scores(best).len();
                    format!(" The {which} mean {metric} is that of {label}: {mean:.4} ({trials}).")
                }
                equal => format!(" The {which} mean {metric} is {mean:.4}, of {equal} candidates."),
            };
        }
        if let Some(table) = table {
            let shown =
                |one: &&Comparison| matches!(one.verdict(), Verdict::Better | Verdict::Worse);
            let shown = table.comparisons.iter().filter(shown).count();
            let adjusted = match self.study.config().comparison.adjustment {
                Adjustment::None => "",
                _ => ", adjusted for their number",
            };
            text += &format!(
                " {shown} of {} differences are shown at {}{adjusted}.",
                table.comparisons.len(),
                self.study.config().comparison.alpha
            );
        }
        text
    }

    /// Returns the parameters, variants and other settings of the study.
    fn facts(&self) -> KeyValues {
        let config = self.study.config();
        let record = self.study.record();
        let mut facts = KeyValues::new().with("MetricKind", self.metric_name());
        for parameter in &config.parameters {
            let json = serde_json::to_string(parameter).unwrap_or_default();
            facts = facts.with_code(format!("Parameter {}", parameter.label()), json);
        }
        for variant in &config.variants {
            let settings = flat(&variant.settings.clone().into());
            let settings = settings.iter().filter(|(setting, _)| !setting.is_empty());
            let settings: Vec<String> = settings
                .map(|(setting, value)| format!("{setting} = {}", shown(value)))
                .collect();
            facts = facts.with_code(format!("Variant {}", variant.name), settings.join(", "));
        }
        let mut seeds: Vec<u64> = self
            .study
            .trials()
            .iter()
            .filter_map(|trial| trial.seed)
            .collect();
        seeds.sort_unstable();
        seeds.dedup();
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        if !seeds.is_empty() {
            facts = facts.with("Seeds", seeds.join(", "));
        }
        if config.num_trials.is_some()
            || self.study.trials().iter().any(|trial| trial.fold.is_some())
        {
            facts = facts.with("Seed of draws and folds", config.sampler_seed);
        }
        for (name, value) in flat(&record.fingerprint) {
            facts = facts.with_code(name, shown(&value));
        }
        let base = serde_json::to_string(&record.base).unwrap_or_default();
        facts.with_code("Settings of the base", base)
    }
}

impl StudyDirectory {
    /// Writes `report.html`, `report.md` and `report.json`, and `trials.csv` with one row per
    /// trial.
    ///
    /// # Errors
    /// [`StudyError::Io`] or [`StudyError::Eval`] if a file cannot be written.
    pub fn write(&self, report: &Report, results: &StudyResults<'_>) -> Result<(), StudyError> {
        let _lock = self.lock()?;
        report.write(self.path())?;
        self.write_lines(&results.lines(), Path::new("trials.csv"))
    }
}
