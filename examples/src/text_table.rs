//! Plain-text tables for a terminal.

use std::fmt::Write;

use finetune::eval::report::{Alignment, Table};

/// Formats a table with aligned columns and its caption below.
pub fn text_table(table: &Table) -> String {
    let cells = |row: usize| (0..table.columns().len()).map(move |column| table.shown(row, column));
    let heads: Vec<String> = table
        .columns()
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let mut lines = vec![heads];
    lines.extend((0..table.rows().len()).map(|row| cells(row).collect()));
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns().len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for ((cell, column), width) in line.iter().zip(table.columns()).zip(&widths) {
            // Writing to a string cannot fail.
            let _ = match column.alignment {
                Alignment::Left => write!(row, "{cell:<width$}  "),
                Alignment::Right => write!(row, "{cell:>width$}  "),
            };
        }
        text += row.trim_end();
        text.push('\n');
    }
    text + table.caption() + "\n"
}

#[cfg(test)]
mod tests {
    use finetune::eval::report::Column;

    use super::*;

    #[test]
    fn columns_are_lined_up() {
        let columns = [Column::text("Arm"), Column::number("Score", 2)];
        let rows = [["a".into(), 0.5.into()], ["longer".into(), 10.25.into()]];
        assert_eq!(
            text_table(&Table::of("Scores.", columns, rows)),
            "Arm     Score\na        0.50\nlonger  10.25\nScores.\n"
        );
    }
}
