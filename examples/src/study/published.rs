//! Comparison of our scores with published ones.

use std::error::Error;

use finetune::eval::report::{Cell, Column, Section, Table};
use finetune::study::{
    Experiment, Study, StudyConfig, StudyError, StudyResults, Trial, TrialDirectory, TrialScores,
};
use finetune::train::Callback;
use finetune_arguments::CommonArguments;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::recipe::{Difference, differences};

/// Maximum number of candidates named in a note.
const MOST_NAMED: usize = 8;

/// Published study that ours repeats.
#[derive(Debug)]
pub struct PublishedStudy<'a> {
    /// The study with the settings of the publication. A candidate of ours is compared with the one
    /// of the same label.
    pub recipe: &'a Study,
    /// What differs here besides settings.
    pub conditions: Conditions,
}

/// What a run has in place of the published conditions, besides settings.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// One line of text for each difference that leaves the scores comparable, such as the encoder.
    pub notes: Vec<String>,
    /// Difference that leaves no score comparable, such as other data; `None` if there is none.
    pub obstacle: Option<String>,
}

impl Conditions {
    /// Returns what the runs have in place of the data and the encoder of a published study.
    pub fn of(arguments: &CommonArguments, encoder: &str, is_bundled: bool) -> Self {
        let ours = arguments.model();
        let mut notes = vec![format!("encoder: {ours} instead of {encoder}")];
        notes.extend(arguments.row_limits());
        Self {
            notes,
            obstacle: is_bundled.then(|| "the bundled sample is other data".to_string()),
        }
    }
}

/// Table of a publication.
#[derive(Debug, Clone, Copy)]
pub struct PublishedTable<'a> {
    /// Caption.
    pub caption: &'a str,
    /// Names of the test metrics.
    pub metrics: &'a [&'a str],
    /// Rows of the table.
    pub rows: &'a [Published<'a>],
}

/// Published scores of a candidate.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// Label of the candidate.
    pub candidate: &'a str,
    /// Score for each metric of the table, in the same order.
    pub scores: &'a [f64],
    /// Name of the row in the publication, if it is not the label of the candidate.
    pub name: Option<&'a str>,
    /// Path of the settings that the candidate depends on; `None` for all settings.
    pub depends_on: Option<&'a str>,
}

impl<'a> Published<'a> {
    /// Creates a row whose scores depend on all settings.
    pub fn new(candidate: &'a str, scores: &'a [f64]) -> Self {
        Self {
            candidate,
            scores,
            name: None,
            depends_on: None,
        }
    }
}

/// Experiment of a publication: it has settings, but none of its trials can be run. Its study is one
/// to compare with.
#[derive(Debug)]
pub struct PublishedExperiment<C>(pub C);

impl<C> PublishedExperiment<C>
where
    C: Clone + Serialize + DeserializeOwned + Send + Sync,
{
    /// Resolves the candidates of a study with the settings of the publication, which the checkpoint
    /// and the data here need not fit. Seeds are left out.
    ///
    /// # Errors
    /// [`StudyError`] if the configuration is invalid or has an unknown setting.
    pub fn study(&self, mut config: StudyConfig) -> Result<Study, StudyError> {
        config.seeds = None;
        for variant in &mut config.variants {
            variant.seeds = None;
        }
        Study::new(config, self)
    }
}

impl<C> Experiment for PublishedExperiment<C>
where
    C: Clone + Serialize + DeserializeOwned + Send + Sync,
{
    type Config = C;
    type Error = StudyError;

    fn defaults(&self) -> C {
        self.0.clone()
    }

    fn fingerprint(&self) -> Value {
        Value::Null
    }

    fn seed_setting(&self) -> Option<&str> {
        None
    }

    fn run(
        &self,
        _trial: &Trial,
        _config: &C,
        _directory: &TrialDirectory,
        _callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        Err(StudyError::Trial("a published study cannot be run".into()))
    }
}

impl PublishedStudy<'_> {
    /// Returns a section with every difference from the published study, then tables of our test
    /// scores beside the published ones. A row whose settings differ from those of the publication
    /// has no published scores, but the reason. Rows that are not part of our study are left out.
    ///
    /// # Errors
    /// If a score is not finite or a table cannot be built.
    pub fn section(
        &self,
        results: &StudyResults<'_>,
        tables: &[PublishedTable<'_>],
    ) -> Result<Section, Box<dyn Error>> {
        let mut section = Section::new("Beside the published scores");
        if let Some(note) = self.note(results.study())? {
            section = section.with_note(note);
        }
        for table in tables {
            let table = self.table(results, table)?;
            if !table.rows().is_empty() {
                section = section.with(table);
            }
        }
        Ok(section)
    }

    /// Returns a paragraph with one line per difference; `None` without differences.
    fn note(&self, study: &Study) -> Result<Option<String>, Box<dyn Error>> {
        let mut lines = self.conditions.notes.clone();
        lines.extend(self.conditions.obstacle.clone());
        let mut found = differences(self.recipe.base_settings(), study.base_settings())?;
        let mut other = Vec::new();
        for candidate in 0..study.candidates().len() {
            match self.differences(study, candidate)? {
                Some(of_candidate) => found.extend(of_candidate),
                None => other.push(study.candidate_label(candidate)),
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup();
        lines.extend(found.iter().map(Difference::to_string));
        if !other.is_empty() {
            let more = other.len().saturating_sub(MOST_NAMED);
            other.truncate(MOST_NAMED);
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            lines.push(format!(
                "not in the publication: {}{more}",
                other.join("; ")
            ));
        }
        let note = format!("Different from the publication:\n{}", lines.join("\n"));
        Ok((!lines.is_empty()).then_some(note))
    }

    /// Returns the differences of a candidate from the one of the same label in the recipe; `None`
    /// if the recipe does not have it.
    fn differences(
        &self,
        study: &Study,
        candidate: usize,
    ) -> Result<Option<Vec<Difference>>, serde_json::Error> {
        let label = study.candidate_label(candidate);
        let settings = find(self.recipe, &label).and_then(|at| self.recipe.candidate_settings(at));
        match (settings, study.candidate_settings(candidate)) {
            (Some(recipe), Some(used)) => differences::<Value>(recipe, used).map(Some),
            _ => Ok(None),
        }
    }

    fn table(
        &self,
        results: &StudyResults<'_>,
        published: &PublishedTable<'_>,
    ) -> Result<Table, Box<dyn Error>> {
        let study = results.study();
        let mut rows = Vec::new();
        for row in published.rows {
            if let Some(candidate) = find(study, row.candidate) {
                rows.push((
                    row,
                    candidate,
                    self.reason(study, candidate, row.depends_on)?,
                ));
            }
        }
        let has_reasons = rows.iter().any(|(_, _, reason)| reason.is_some());
        let mut columns = vec![Column::text("Candidate"), Column::count("Trials")];
        for metric in published.metrics {
            let metric = metric.replace('_', " ");
            columns.push(Column::number(format!("our {metric}"), 4));
            columns.push(Column::number(format!("published {metric}"), 3));
        }
        columns.extend(has_reasons.then(|| Column::text("Not comparable")));
        let mut table = Table::new(published.caption, columns);
        for (row, candidate, reason) in rows {
            let trials = results.of_candidate(candidate).len();
            let mut cells: Vec<Cell> =
                vec![row.name.unwrap_or(row.candidate).into(), trials.into()];
            for (metric, score) in published.metrics.iter().zip(row.scores) {
                cells.push(results.test_cell(candidate, metric)?);
                cells.push(match reason {
                    Some(_) => Cell::Missing,
                    None => (*score).into(),
                });
            }
            cells.extend(has_reasons.then(|| reason.unwrap_or_default().into()));
            table.push(cells)?;
        }
        Ok(table)
    }

    /// Returns the reason why a candidate has no published scores; `None` if it has some.
    pub(crate) fn reason(
        &self,
        study: &Study,
        candidate: usize,
        depends_on: Option<&str>,
    ) -> Result<Option<String>, Box<dyn Error>> {
        if self.conditions.obstacle.is_some() {
            return Ok(self.conditions.obstacle.clone());
        }
        let Some(found) = self.differences(study, candidate)? else {
            return Ok(Some("not in the publication".to_string()));
        };
        let is_used = |path: &str| depends_on.is_none_or(|part| path.starts_with(part));
        let found = found
            .iter()
            .filter(|difference| difference.changes_scores() && is_used(&difference.path));
        let found: Vec<&str> = found.map(|difference| difference.path.as_str()).collect();
        let reason = format!("other {}", found.join(", "));
        Ok((!found.is_empty()).then_some(reason))
    }
}

/// Returns the candidate with the given label.
pub(crate) fn find(study: &Study, label: &str) -> Option<usize> {
    (0..study.candidates().len()).find(|at| study.candidate_label(*at) == label)
}
