//! Tables of a study of the three tasks beside published ones.

use std::error::Error;

use finetune::eval::report::{Cell, Column, Section, Table};
use finetune::prelude::*;
use finetune::study::StudyResults;

use crate::cs224n::CourseData;
use crate::study::{PublishedStudy, find};

/// Names of the published scores of a variant.
pub(crate) const METRICS: [&str; 4] = ["overall", "sst accuracy", "para accuracy", "sts pearson"];

/// The same on labeled test rows, of which only sentiment has some.
const TEST_METRICS: [Option<&str>; 4] = [None, Some("sst test accuracy"), None, None];

/// Results of a study of the three tasks, with its data and the published study.
#[derive(Debug)]
pub struct VariantResults<'a> {
    pub(crate) results: &'a StudyResults<'a>,
    pub(crate) published: &'a PublishedStudy<'a>,
    pub(crate) data: &'a CourseData,
}

/// Published numbers of rows of a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskStatistics {
    /// Name of the task.
    pub task: &'static str,
    /// Name of the dataset in the publication.
    pub dataset: &'static str,
    /// Number of sentences per row.
    pub inputs: usize,
    /// Number of classes.
    pub classes: usize,
    /// Training, dev and test rows.
    pub rows: [usize; 3],
}

impl VariantResults<'_> {
    /// Returns a table with the numbers of rows beside published ones. Test rows are counted if
    /// they have labels.
    ///
    /// # Errors
    /// If the table cannot be built.
    pub fn statistics(
        &self,
        caption: &str,
        published: &[TaskStatistics],
    ) -> Result<Table, Box<dyn Error>> {
        let mut columns = vec![
            Column::text("Dataset"),
            Column::count("inputs"),
            Column::count("our classes"),
            Column::count("published classes"),
        ];
        for split in ["train", "dev", "test"] {
            columns.push(Column::count(format!("our {split}")));
            columns.push(Column::count(format!("published {split}")));
        }
        let mut table = Table::new(caption, columns);
        for task in published {
            let Some(splits) = self.data.tasks.get(task.task) else {
                continue;
            };
            let classes = match splits.train.class_names().len() {
                0 => Cell::Missing,
                classes => classes.into(),
            };
            let ours = [
                Some(splits.train.len()),
                splits.test.as_ref().map(Dataset::len),
                self.data.test.get(task.task).map(Dataset::len),
            ];
            let mut cells: Vec<Cell> = vec![
                task.dataset.into(),
                task.inputs.into(),
                classes,
                task.classes.into(),
            ];
            for (ours, published) in ours.into_iter().zip(task.rows) {
                cells.push(ours.map_or(Cell::Missing, Cell::from));
                cells.push(published.into());
            }
            table.push(cells)?;
        }
        Ok(table)
    }

    /// Returns a table with the dev and test scores of the study's final model beside the published
    /// ones, in the order overall, sentiment, paraphrases, similarity; `None` if the variant is not
    /// part of our study. Test scores of ours are those of labeled test rows.
    ///
    /// # Errors
    /// If a score is not finite or the table cannot be built.
    pub fn leaderboard(
        &self,
        caption: &str,
        variant: &str,
        published: [[f64; 4]; 2],
    ) -> Result<Option<Table>, Box<dyn Error>> {
        let study = self.results.study();
        let Some(candidate) = find(study, variant) else {
            return Ok(None);
        };
        let reason = self.published.reason(study, candidate, None)?;
        let mut columns = vec![Column::text("Rows")];
        for metric in METRICS {
            columns.push(Column::number(format!("our {metric}"), 4));
            columns.push(Column::number(format!("published {metric}"), 3));
        }
        let caption = match &reason {
            Some(reason) => format!("{caption} Not comparable: {reason}."),
            None => caption.to_string(),
        };
        let mut table = Table::new(caption, columns);
        let rows = [("dev", METRICS.map(Some)), ("test", TEST_METRICS)];
        for ((split, metrics), published) in rows.into_iter().zip(published) {
            let mut cells: Vec<Cell> = vec![split.into()];
            for (metric, published) in metrics.into_iter().zip(published) {
                cells.push(match metric {
                    Some(metric) => self.results.test_cell(candidate, metric)?,
                    None => Cell::Missing,
                });
                cells.push(match reason {
                    Some(_) => Cell::Missing,
                    None => published.into(),
                });
            }
            table.push(cells)?;
        }
        Ok(Some(table))
    }

    /// Returns a section with the accuracy of sentiment on dev and test rows of all candidates;
    /// `None` without labeled test rows.
    pub(crate) fn test_section(&self) -> Result<Option<Section>, Box<dyn Error>> {
        if self.data.test.is_empty() {
            return Ok(None);
        }
        let columns = vec![
            Column::text("Variant"),
            Column::number("dev sst accuracy", 4),
            Column::number("test sst accuracy", 4),
        ];
        let caption = "Accuracy of sentiment on dev and on labeled test rows.";
        let mut table = Table::new(caption, columns);
        let study = self.results.study();
        for candidate in 0..study.candidates().len() {
            table.push([
                study.candidate_label(candidate).as_str().into(),
                self.results.test_cell(candidate, "sst accuracy")?,
                self.results.test_cell(candidate, "sst test accuracy")?,
            ])?;
        }
        Ok(Some(Section::new("Test rows").with(table)))
    }
}
