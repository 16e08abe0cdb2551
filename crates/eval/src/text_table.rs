//! Plain-text tables for a terminal.

use crate::metric::Scores;

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

/// Formats scores by name, then counts by name, one per line.
pub(crate) fn scores_and_counts(scores: &Scores, counts: &[(&str, u64)]) -> String {
    let scores = scores
        .iter()
        .map(|(name, score)| vec![name.clone(), four_decimals(Some(*score))]);
    let counts = counts
        .iter()
        .map(|(name, count)| vec![name.to_string(), count.to_string()]);
    aligned(&scores.chain(counts).collect::<Vec<_>>(), &[0])
}
