//! Tables.

mod cell;
mod column;

use std::{fmt, iter};

use serde::Serialize;

use crate::error::EvalError;
use crate::text_table::aligned;

pub use cell::Cell;
pub use column::{Alignment, BestValue, Column, NumberFormat};

/// Table with one cell per column in every row.
///
/// ```
/// use finetune_eval::report::{Cell, Column, Table};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let mut table = Table::new(
///     "Learning rates.",
///     vec![
///         Column::text("Rate"),
///         Column::number("Accuracy", 3).highest_is_best(),
///         Column::number("Loss", 3).lowest_is_best(),
///     ],
/// );
/// table.push(["2e-5".into(), 0.9412.into(), 0.1912.into()])?;
/// table.push(["5e-5".into(), 0.9387.into(), Cell::Missing])?; // diverged
/// assert_eq!(table.formatted(0, 1), "0.941");
/// assert!(table.is_best(0, 1) && !table.is_best(1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Creates a table without rows.
    pub fn new(caption: impl Into<String>, columns: Vec<Column>) -> Self {
        Self {
            caption: caption.into(),
            columns,
            rows: Vec::new(),
        }
    }

    /// Creates a table whose number of cells per row is checked at compile time.
    ///
    /// ```
    /// use finetune_eval::report::{Column, Table};
    ///
    /// let columns = [Column::text("Split"), Column::count("Rows")];
    /// let table = Table::of("Data.", columns, [["train".into(), 4990_usize.into()]]);
    /// assert_eq!(table.formatted(0, 1), "4990");
    /// ```
    pub fn of<const N: usize>(
        caption: impl Into<String>,
        columns: [Column; N],
        rows: impl IntoIterator<Item = [Cell; N]>,
    ) -> Self {
        let rows = rows.into_iter().map(Vec::from).collect();
        Self::assembled(caption.into(), columns.into(), rows)
    }

    /// Creates a table of rows that have one cell per column.
    pub(super) fn assembled(caption: String, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Self {
        debug_assert!(rows.iter().all(|cells| cells.len() == columns.len()));
        Self {
            caption,
            columns,
            rows,
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidRow`] if it does not have one cell per column.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<(), EvalError> {
        let cells: Vec<Cell> = cells.into_iter().collect();
        if cells.len() != self.columns.len() {
            let row = self.rows.len() as u64;
            let expected = format!("{} (one per column)", self.columns.len());
            return Err(EvalError::row(
                row,
                "number of cells",
                cells.len(),
                expected,
            ));
        }
        self.rows.push(cells);
        Ok(())
    }

    /// Returns the caption.
    pub fn caption(&self) -> &str {
        &self.caption
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the rows, with one cell per column.
    pub fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// Returns the formatted text of a cell.
    ///
    /// # Panics
    ///
    /// If the row or column is out of range.
    pub fn formatted(&self, row: usize, column: usize) -> String {
        self.rows[row][column].formatted(self.columns[column].format)
    }

    /// Returns whether a cell is the best of its column, or has the same formatted value as the
    /// best.
    ///
    /// # Panics
    ///
    /// If the row or column is out of range.
    pub fn is_best(&self, row: usize, column: usize) -> bool {
        let Some(best) = self.columns[column].best else {
            return false;
        };
        let values = || self.rows.iter().filter_map(|cells| cells[column].value());
        let (Some(value), true) = (self.rows[row][column].value(), values().count() > 1) else {
            return false;
        };
        let reached = match best {
            BestValue::Highest => values().fold(f64::NEG_INFINITY, f64::max),
            BestValue::Lowest => values().fold(f64::INFINITY, f64::min),
        };
        // Values such as 0.81234 and 0.81230 are indistinguishable with four digits.
        let format = self.columns[column].format;
        format.formatted(value) == format.formatted(reached)
    }
}

/// Writes the table with aligned columns, and its caption below.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = || self.columns.iter().enumerate();
        let heads = columns().map(|(_, column)| column.name.clone()).collect();
        let row = |row| {
            columns()
                .map(|(column, _)| self.formatted(row, column))
                .collect()
        };
        let lines: Vec<_> = iter::once(heads)
            .chain((0..self.rows.len()).map(row))
            .collect();
        let left = columns().filter(|(_, column)| column.alignment == Alignment::Left);
        let left: Vec<usize> = left.map(|(position, _)| position).collect();
        writeln!(f, "{}{}", aligned(&lines, &left), self.caption)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_the_same_is_as_good() {
        let mut table = Table::new("", vec![Column::number("loss", 2).lowest_is_best()]);
        for loss in [0.301, 0.299, 0.31] {
            table.push([loss.into()]).unwrap();
        }
        let best: Vec<bool> = (0..3).map(|row| table.is_best(row, 0)).collect();
        assert_eq!(best, [true, true, false]);
    }

    #[test]
    fn one_value_is_no_best_and_a_text_neither() {
        let mut table = Table::new("", vec![Column::number("f1", 2).highest_is_best()]);
        table.push([0.3.into()]).unwrap();
        table.push(["failed".into()]).unwrap();
        assert!(!table.is_best(0, 0) && !table.is_best(1, 0));
    }

    #[test]
    fn a_row_has_a_cell_a_column() {
        let mut table = Table::new("", vec![Column::text("a"), Column::text("b")]);
        table.push(["1".into(), "2".into()]).unwrap();
        let error = table.push(["1".into()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "row 1: the number of cells is 1, expected 2 (one per column)"
        );
    }

    #[test]
    fn columns_are_lined_up() {
        let columns = [Column::text("Arm"), Column::number("Score", 2)];
        let rows = [["a".into(), 0.5.into()], ["longer".into(), 10.25.into()]];
        assert_eq!(
            Table::of("Scores.", columns, rows).to_string(),
            "Arm     Score\na        0.50\nlonger  10.25\nScores.\n"
        );
    }
}
