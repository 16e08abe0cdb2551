//! Dimensions of a study: variants, and parameters with several values.

use finetune_eval::report::{Cell, Column, Table};

use crate::error::StudyError;
use crate::results::StudyResults;
use crate::trial::shown;

/// Name of the dimension of variants.
pub(super) const VARIANT: &str = "variant";

impl StudyResults<'_> {
    /// Returns the variants and parameters with more than one value, each with its values in order.
    pub(super) fn dimensions(&self) -> Vec<(String, Vec<String>)> {
        if self.study.config().num_trials.is_some() {
            return Vec::new();
        }
        let mut dimensions: Vec<(String, Vec<String>)> = Vec::new();
        for candidate in 0..self.study.candidates().len() {
            for (name, value) in self.places(candidate) {
                match dimensions.iter_mut().find(|(other, _)| *other == name) {
                    Some((_, values)) if values.contains(&value) => {}
                    Some((_, values)) => values.push(value),
                    None => dimensions.push((name, vec![value])),
                }
            }
        }
        dimensions.retain(|(_, values)| values.len() > 1);
        dimensions
    }

    /// Returns the value of a candidate in each dimension.
    pub(super) fn places(&self, candidate: usize) -> Vec<(String, String)> {
        let candidate = &self.study.candidates()[candidate];
        let variant = candidate
            .variant
            .iter()
            .map(|variant| (VARIANT.to_string(), variant.clone()));
        let values = candidate.values.iter();
        variant
            .chain(values.map(|(name, value)| (name.clone(), shown(value))))
            .collect()
    }

    /// Returns a table of mean scores for a study with two dimensions, the first as rows and the
    /// second as columns; `None` otherwise.
    pub(super) fn grid(&self) -> Result<Option<Table>, StudyError> {
        let dimensions = self.dimensions();
        let [(down, rows), (across, columns)] = dimensions.as_slice() else {
            return Ok(None);
        };
        let means = self.means();
        let heads = columns
            .iter()
            .map(|value| Column::number(value.as_str(), 4));
        let caption = format!("Mean {}: {down} down, {across} across.", self.metric_name());
        let mut table = Table::new(
            caption,
            std::iter::once(Column::text(down.as_str()))
                .chain(heads)
                .collect(),
        );
        for row in rows {
            let mut cells: Vec<Cell> = vec![row.as_str().into()];
            for column in columns {
                let candidates = 0..self.study.candidates().len();
                let mut here = candidates.filter(|candidate| {
                    let places = self.places(*candidate);
                    places.contains(&(down.clone(), row.clone()))
                        && places.contains(&(across.clone(), column.clone()))
                });
                cells.push(here.next().and_then(|candidate| means[candidate]).into());
            }
            table.push(cells)?;
        }
        Ok(Some(table))
    }
}
