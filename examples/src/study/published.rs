//! Our scores beside published ones.

use std::error::Error;

use finetune::eval::report::{Cell, Column, Section, Table};
use finetune::eval::statistics::SampleSummary;
use finetune::study::StudyResults;

/// What a study reported of a candidate, by metric.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// The candidate's label.
    pub candidate: &'a str,
    /// A score for each metric of the table.
    pub scores: &'a [f64],
}

/// A table of our test scores beside the published ones, a row a published candidate.
///
/// # Errors
/// For scores that are none.
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
