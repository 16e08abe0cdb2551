//! Plain-text tables for a terminal.

/// Aligns the cells of each column and separates columns by two spaces. Columns in `left` are
/// aligned left, others right; every line has the same number of cells, and ends in a newline.
pub(crate) fn aligned(lines: &[Vec<String>], left: &[usize]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widths = (0..columns).map(|column| {
        let cells = lines.iter().map(|line| width(&line[column]));
        cells.max().unwrap_or(0)
    });
    let widths: Vec<usize> = widths.collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match left.contains(&column) {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// Number of characters, as formatting widths count them.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Replaces control characters, which would break the table.
pub(crate) fn printable(text: &str) -> String {
    let space = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(space).collect()
}

/// Formats a score with four decimals; `-` if it is undefined.
pub(crate) fn four_decimals(score: Option<f64>) -> String {
    score.map_or("-".into(), |score| format!("{score:.4}"))
}
