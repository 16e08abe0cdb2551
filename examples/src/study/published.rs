//! Comparison of our scores with published ones.

use std::error::Error;

use finetune::eval::report::{Cell, Column, Section, Table};
use finetune::eval::statistics::SampleSummary;
use finetune::study::StudyResults;

/// Published scores of a candidate.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// Label of the candidate.
    pub candidate: &'a str,
    /// Score for each metric of the table, in the same order.
    pub scores: &'a [f64],
}

/// Returns a table of our test scores beside the published ones, one row per published candidate.
///
/// # Errors
/// If a score is not finite or the table cannot be built.
pub fn published_section<C>(
    results: &StudyResults<'_, C>,
    caption: &str,
    metrics: &[&str],
    published: &[Published<'_>],
) -> Result<Section, Box<dyn Error>> {
    let mut columns = vec![Column::text("Candidate"), Column::count("Trials")];
    for metric in metrics {
        let metric = metric.replace('_', " ");
        columns.push(Column::number(format!("our {metric}"), 4));
        columns.push(Column::number(format!("published {metric}"), 3));
    }
    let mut table = Table::new(caption, columns);
    let study = results.study();
    for row in published {
        let candidates = 0..study.candidates().len();
        let mut ours = candidates.filter(|at| study.candidate_label(*at) == row.candidate);
        let candidate = ours.next();
        let scores =
            |metric: &str| candidate.map_or(Vec::new(), |at| results.test_scores(at, metric));
        let trials = candidate.map_or(0, |at| results.of_candidate(at).len());
        let mut cells: Vec<Cell> = vec![row.candidate.into(), trials.into()];
        for (metric, published) in metrics.iter().zip(row.scores) {
            let scores = scores(metric);
            cells.push(match scores.as_slice() {
                [] => Cell::Missing,
                scores => SampleSummary::of(scores, 0.95)?.into(),
            });
            cells.push((*published).into());
        }
        table.push(cells)?;
    }
    Ok(Section::new("Beside the published scores").with(table))
}
