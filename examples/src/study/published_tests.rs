//! Statistical tests of ours beside published ones.

use std::error::Error;

use finetune::eval::report::{Cell, Column, Table};
use finetune::study::StudyResults;

use super::published::{PublishedStudy, find};

/// Published t test of two candidates.
#[derive(Debug, Clone, Copy)]
pub struct PublishedTest<'a> {
    /// Label of the first candidate.
    pub first: &'a str,
    /// Label of the second candidate, whose mean is subtracted.
    pub second: &'a str,
    /// t statistic.
    pub statistic: f64,
    /// Degrees of freedom.
    pub degrees_of_freedom: f64,
    /// p-value, not adjusted.
    pub p_value: f64,
}

impl PublishedStudy<'_> {
    /// Returns a table of our tests beside the published ones, by the metric and the design of the
    /// study and without an adjustment. A test of candidates whose settings differ from those of
    /// the publication has no published numbers, but the reason. Tests of candidates that are not
    /// part of our study, or have fewer than two scores, are left out.
    ///
    /// # Errors
    /// If a score is not finite or the table cannot be built.
    pub fn tests(
        &self,
        results: &StudyResults<'_>,
        caption: &str,
        tests: &[PublishedTest<'_>],
    ) -> Result<Table, Box<dyn Error>> {
        let study = results.study();
        let mut columns = vec![Column::text("First"), Column::text("Second")];
        for whose in ["our", "published"] {
            columns.push(Column::number(format!("{whose} t"), 2));
            columns.push(Column::number(format!("{whose} df"), 1));
            columns.push(Column::number(format!("{whose} p"), 3));
        }
        columns.push(Column::text("Not comparable"));
        let mut table = Table::new(caption, columns);
        for test in tests {
            let (Some(first), Some(second)) = (find(study, test.first), find(study, test.second))
            else {
                continue;
            };
            if results.scores(first).len() < 2 || results.scores(second).len() < 2 {
                continue;
            }
            let mut reason = None;
            for candidate in [first, second] {
                reason = reason.or(self.reason(study, candidate, None)?);
            }
            let ours = results.compare(first, second)?.test;
            let ours = ours.map(|t| [t.statistic, t.degrees_of_freedom, t.p_value]);
            let published = [test.statistic, test.degrees_of_freedom, test.p_value];
            let published = Some(published).filter(|_| reason.is_none());
            let mut cells: Vec<Cell> = vec![test.first.into(), test.second.into()];
            for numbers in [ours, published] {
                match numbers {
                    Some(numbers) => cells.extend(numbers.map(Cell::from)),
                    None => cells.extend([Cell::Missing, Cell::Missing, Cell::Missing]),
                }
            }
            cells.push(reason.unwrap_or_default().into());
            table.push(cells)?;
        }
        Ok(table)
    }
}
