//! Text format of scores by slice.

use super::SliceScores;

const GAP: &str = "  ";

pub(super) fn render(scores: &SliceScores) -> String {
    let mut headings = vec![scores.key.clone(), "rows".into()];
    headings.extend(scores.metrics.iter().map(ToString::to_string));
    let mut lines = vec![headings];
    for slice in &scores.slices {
        // A newline in a name would break the table.
        let name = slice.name.chars();
        let name = name.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut line: Vec<String> = vec![name, slice.rows.to_string()];
        for metric in &scores.metrics {
            let score = slice.scores.get(&*metric.as_name());
            line.push(score.map_or("-".into(), |score| format!("{score:.4}")));
        }
        lines.push(line);
    }
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.fold(0, usize::max)
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        text += &format!("{:<width$}", line[0], width = widths[0]);
        for (cell, width) in line.iter().zip(&widths).skip(1) {
            text += &format!("{GAP}{cell:>width$}");
        }
        text += "\n";
    }
    text
}
