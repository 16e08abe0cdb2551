//! Tables of a study.

use finetune_eval::report::{Cell, Column, Table};
use finetune_eval::statistics::SampleSummary;

use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::results::StudyResults;
use crate::search_space_table::VARIANT;
use crate::trial::{Trial, shown};
use crate::trial_result::TrialState;

/// Test metrics shown in addition to the study's metric, if trials have them.
const METRICS: [&str; 6] = [
    "accuracy", "f1", "micro_f1", "macro_f1", "pearson", "spearman",
];

impl StudyResults<'_> {
    /// Returns a table with one row per candidate: variant, values, mean and deviation of its
    /// scores. Sampled candidates are sorted best first, listed ones keep their order.
    ///
    /// # Errors
    /// [`StudyError::Eval`] if a score is not finite, which a study never records.
    pub fn table(&self) -> Result<Table, StudyError> {
        let config = self.study.config();
        let metrics = self.further_metrics();
        let names = self.number_names();
        let mut columns = self.candidate_columns();
        columns.push(Column::count("Trials"));
        let main = Column::number(self.metric_name(), 4);
        columns.push(match config.higher_is_better() {
            true => main.highest_is_best(),
            false => main.lowest_is_best(),
        });
        let test = |metric: &&str| Column::number(format!("test {}", spaced(metric)), 4);
        columns.extend(metrics.iter().map(test));
        columns.extend(names.iter().map(|name| Column::number(name.as_str(), 2)));
        let mut table = Table::new(self.caption(), columns);
        for candidate in self.in_order() {
            let scores = self.scores(candidate);
            let mut row = self.candidate_cells(candidate);
            row.push(scores.len().into());
            row.push(summary(&scores)?);
            for metric in &metrics {
                row.push(summary(&self.test_scores(candidate, metric))?);
            }
            for name in &names {
                row.push(summary(&self.numbers(candidate, name))?);
            }
            table.push(row)?;
        }
        Ok(table)
    }

    /// Returns a table of the failed trials with their errors.
    pub(super) fn failures(&self) -> Result<Option<Table>, StudyError> {
        let failed = self.due().filter_map(|(trial, state)| match state {
            TrialState::Failed(failure) => Some((trial, failure.error.join(": "))),
            _ => None,
        });
        self.trial_table("Trials that failed.", "Error", failed)
    }

    /// Returns a table of the pending trials.
    pub(super) fn missing_table(&self) -> Result<Option<Table>, StudyError> {
        let missing = self.missing().map(|trial| (trial, trial.id.clone()));
        self.trial_table("Trials that have not ended.", "Directory", missing)
    }

    fn trial_table<'t>(
        &self,
        caption: &str,
        text: &str,
        trials: impl Iterator<Item = (&'t Trial, String)>,
    ) -> Result<Option<Table>, StudyError> {
        let columns = [
            Column::count("Number"),
            Column::text("Trial"),
            Column::text(text),
        ];
        let mut table = Table::new(caption, columns.into());
        for (trial, text) in trials {
            table.push([
                trial.index.into(),
                self.study.label(trial).into(),
                text.into(),
            ])?;
        }
        Ok((!table.rows().is_empty()).then_some(table))
    }

    /// Returns a table of the number of candidates per rung of successive halving.
    pub(super) fn rung_table(&self) -> Result<Option<Table>, StudyError> {
        let Some(halving) = &self.study.config().halving else {
            return Ok(None);
        };
        let mut table = Table::new(
            "Rungs: who got furthest.",
            vec![
                Column::count("Rung"),
                Column::count(halving.name()),
                Column::count("Candidates"),
                Column::text("Best"),
            ],
        );
        for rung in 0..self.rungs() {
            let due = self.due().filter(|(trial, _)| trial.rung == rung);
            let mut candidates: Vec<usize> = due.map(|(trial, _)| trial.candidate).collect();
            candidates.dedup();
            let best = self.best().filter(|best| rung == self.last_rung(*best));
            table.push([
                (rung + 1).into(),
                halving.budget(rung).into(),
                candidates.len().into(),
                best.map(|best| self.study.candidate_label(best)).into(),
            ])?;
        }
        Ok(Some(table))
    }

    /// Returns a readable name of the metric and its rows.
    pub(super) fn metric_name(&self) -> String {
        let config = self.study.config();
        format!("{} {}", config.eval_split, spaced(&config.metric))
    }

    fn caption(&self) -> String {
        let (due, finished) = self.due().fold((0, 0), |(due, finished), (_, state)| {
            (due + 1, finished + usize::from(state.result().is_some()))
        });
        format!(
            "Mean ± standard deviation over the trials of a candidate; {finished} of {due} trials."
        )
    }

    fn candidate_columns(&self) -> Vec<Column> {
        let config = self.study.config();
        let mut names: Vec<&str> = Vec::new();
        if !config.variants.is_empty() || config.parameters.is_empty() {
            names.push(VARIANT);
        }
        names.extend(config.parameters.iter().map(|parameter| parameter.label()));
        names.extend(config.halving.as_ref().map(|halving| halving.name()));
        names.into_iter().map(Column::text).collect()
    }

    fn candidate_cells(&self, candidate: usize) -> Vec<Cell> {
        let config = self.study.config();
        let point = &self.study.candidates()[candidate];
        let mut cells: Vec<Cell> = Vec::new();
        if !config.variants.is_empty() || config.parameters.is_empty() {
            let variant = point.variant.as_deref().unwrap_or(&config.name);
            cells.push(variant.into());
        }
        cells.extend(
            point
                .values
                .iter()
                .map(|(_, value)| Cell::from(shown(value))),
        );
        if let Some(halving) = &config.halving {
            cells.push(halving.budget(self.last_rung(candidate)).to_string().into());
        }
        cells
    }

    /// Returns the candidates in table order.
    pub(super) fn in_order(&self) -> Vec<usize> {
        let config = self.study.config();
        let mut order: Vec<usize> = (0..self.study.candidates().len()).collect();
        if config.num_trials.is_some() {
            let means = self.means();
            let worst = f64::NEG_INFINITY;
            let sign = if config.higher_is_better() { 1.0 } else { -1.0 };
            let rank = |candidate: &usize| {
                (
                    self.last_rung(*candidate),
                    means[*candidate].map_or(worst, |mean| sign * mean),
                )
            };
            order.sort_by(|a, b| {
                let (a, b) = (rank(a), rank(b));
                b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
            });
        }
        order
    }

    fn further_metrics(&self) -> Vec<&'static str> {
        let config = self.study.config();
        let is_main =
            |metric: &str| config.eval_split == EvalSplit::Test && metric == config.metric;
        let has = |metric: &str| {
            // With one class per row, micro F1 is the accuracy.
            let metric = if metric == "micro_f1" {
                "hamming_loss"
            } else {
                metric
            };
            self.due().any(|(_, state)| {
                state
                    .result()
                    .is_some_and(|result| result.scores.test.contains_key(metric))
            })
        };
        let further = METRICS.into_iter().filter(|metric| !is_main(metric));
        further.filter(|metric| has(metric)).collect()
    }

    /// Returns mean and spread of a candidate's test scores as a cell of a table; missing without
    /// scores.
    ///
    /// # Errors
    /// [`StudyError::Eval`] if a score is not finite.
    pub fn test_cell(&self, candidate: usize, metric: &str) -> Result<Cell, StudyError> {
        summary(&self.test_scores(candidate, metric))
    }

    fn number_names(&self) -> Vec<String> {
        let results = self.due().filter_map(|(_, state)| state.result());
        let names = results.flat_map(|result| result.scores.extra.keys().cloned());
        names
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

/// Replaces underscores in a metric's name with spaces.
fn spaced(metric: &str) -> String {
    metric.replace('_', " ")
}

fn summary(scores: &[f64]) -> Result<Cell, StudyError> {
    match scores {
        [] => Ok(Cell::Missing),
        scores => Ok(SampleSummary::of(scores, 0.95)?.into()),
    }
}
