//! Text format of confusion matrices: a table for few classes, the most frequent confusions for
//! many.

use std::collections::HashSet;
use std::fmt::Write;

use super::ConfusionMatrix;

/// Maximum number of classes in a table; more would be wider than any terminal.
const MOST_CLASSES_IN_A_TABLE: usize = 20;
/// Maximum number of listed confusions, with more classes than that.
const CONFUSIONS_LISTED: usize = 20;
/// Target width; counts and row headings are never shortened to reach it.
const AIMED_WIDTH: usize = 100;
/// Maximum length of a class name in a row heading.
const ROW_NAME_WIDTH: usize = 24;
/// Minimum length of a shortened class name; below it, class indices are clearer.
const SHORTEST_USEFUL_NAME: usize = 6;

const CORNER: &str = "true \\ predicted";
const RECALL: &str = "recall";
/// Spaces between columns.
const GAP: usize = 2;
/// Width of a fraction such as 0.9876.
const SHARE_WIDTH: usize = 6;

pub(super) fn render(matrix: &ConfusionMatrix) -> String {
    if matrix.classes() > MOST_CLASSES_IN_A_TABLE {
        confusions(matrix)
    } else {
        table(matrix)
    }
}

fn table(matrix: &ConfusionMatrix) -> String {
    let (row_headings, column_headings) = headings(matrix.class_names());
    let heading_width = row_headings
        .iter()
        .map(|name| width(name))
        .fold(CORNER.len(), usize::max);
    let recalls = matrix.normalized_by_true();
    let totals = matrix.true_totals();

    let cell = |label: usize, prediction: usize| match matrix.count(label, prediction) {
        // Dots for zeros make the errors stand out.
        0 if label != prediction => ".".to_string(),
        count => count.to_string(),
    };
    let column_widths: Vec<usize> = column_headings
        .iter()
        .enumerate()
        .map(|(prediction, heading)| {
            let cells = (0..matrix.classes()).map(|label| cell(label, prediction).len());
            cells.fold(width(heading), usize::max)
        })
        .collect();

    let mut text = String::new();
    let mut line = |heading: &str, cells: &[String], recall: &str| {
        let mut line = format!("{heading:<heading_width$}");
        for (cell, column_width) in cells.iter().zip(&column_widths) {
            line += &format!("{:GAP$}{cell:>column_width$}", "");
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}{:GAP$}{recall:>SHARE_WIDTH$}", "");
    };
    line(CORNER, &column_headings, RECALL);
    for (label, heading) in row_headings.iter().enumerate() {
        let cells: Vec<String> = (0..matrix.classes())
            .map(|class| cell(label, class))
            .collect();
        let recall = match totals[label] {
            0 => "-".to_string(),
            _ => format!("{:.4}", recalls[label][label]),
        };
        line(heading, &cells, &recall);
    }
    text
}

/// Returns a table of fractions with four decimals.
pub(super) fn render_shares(class_names: &[String], shares: &[Vec<f64>]) -> String {
    let (row_headings, column_headings) = headings(class_names);
    let heading_width = row_headings
        .iter()
        .map(|name| width(name))
        .fold(CORNER.len(), usize::max);
    let mut text = String::new();
    let mut line = |heading: &str, cells: &[String]| {
        let mut line = format!("{heading:<heading_width$}");
        for (cell, heading) in cells.iter().zip(&column_headings) {
            let column_width = width(heading).max(SHARE_WIDTH);
            line += &format!("{:GAP$}{cell:>column_width$}", "");
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(CORNER, &column_headings);
    for (heading, shares) in row_headings.iter().zip(shares) {
        let cells: Vec<String> = shares.iter().map(|share| format!("{share:.4}")).collect();
        line(heading, &cells);
    }
    text
}

/// Returns headings of rows and columns: names if they stay distinct, otherwise class indices.
fn headings(names: &[String]) -> (Vec<String>, Vec<String>) {
    let row_names: Vec<String> = names
        .iter()
        .map(|name| shorten(name, ROW_NAME_WIDTH))
        .collect();

    let row_width = row_names
        .iter()
        .map(|name| width(name))
        .fold(CORNER.len(), usize::max);
    let left = AIMED_WIDTH.saturating_sub(row_width + GAP + SHARE_WIDTH);
    let column_width = (left / names.len())
        .saturating_sub(GAP)
        .max(SHORTEST_USEFUL_NAME);
    let column_names: Vec<String> = names
        .iter()
        .map(|name| shorten(name, column_width))
        .collect();

    let distinct = column_names.iter().collect::<HashSet<_>>().len() == names.len();
    let table_width = column_names
        .iter()
        .map(|name| width(name) + GAP)
        .sum::<usize>();
    if distinct && table_width <= left {
        return (row_names, column_names);
    }
    let numbers: Vec<String> = (0..names.len()).map(|class| class.to_string()).collect();
    let number_width = (names.len() - 1).to_string().len();
    let numbered = numbers
        .iter()
        .zip(row_names)
        .map(|(number, name)| format!("{number:>number_width$} {name}"))
        .collect();
    (numbered, numbers)
}

fn confusions(matrix: &ConfusionMatrix) -> String {
    let confusions = matrix.confusions();
    let shares = matrix.normalized_by_true();
    let name = |class: usize| shorten(&matrix.class_names()[class], 2 * ROW_NAME_WIDTH);
    let mut text = format!(
        "{} classes, {} rows, {} correct.",
        matrix.classes(),
        matrix.total(),
        matrix.correct()
    );
    if confusions.is_empty() {
        text += " No confusions.\n";
        return text;
    }
    let listed = &confusions[..confusions.len().min(CONFUSIONS_LISTED)];
    let _ = writeln!(
        text,
        " The {} most frequent of {} confusions (share of the true class):\n",
        listed.len(),
        confusions.len()
    );
    let longest = |names: &mut dyn Iterator<Item = String>, heading: &str| {
        names
            .map(|name| width(&name))
            .fold(heading.len(), usize::max)
    };
    let true_width = longest(&mut listed.iter().map(|c| name(c.label)), "true");
    let count_width = listed[0].count.to_string().len().max("count".len());
    let _ = writeln!(
        text,
        "{:>count_width$}  {:>SHARE_WIDTH$}  {:>SHARE_WIDTH$}  {:<true_width$}  predicted",
        "count", "share", RECALL, "true"
    );
    for confusion in listed {
        let (label, prediction) = (confusion.label, confusion.prediction);
        let _ = writeln!(
            text,
            "{:>count_width$}  {:.4}  {:.4}  {:<true_width$}  {}",
            confusion.count,
            shares[label][prediction],
            shares[label][label],
            name(label),
            name(prediction)
        );
    }
    text
}

/// Shortens a name to at most `most` characters, the last one an ellipsis.
fn shorten(name: &str, most: usize) -> String {
    // A newline or tab in a name would break the table.
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    if width(name) <= most {
        return name.chars().map(printable).collect();
    }
    let kept: String = name.chars().map(printable).take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each class predicted right but for every 5th row, which goes to the next class.
    fn matrix(names: &[String], rows: usize) -> ConfusionMatrix {
        let labels: Vec<usize> = (0..rows).map(|row| row % names.len()).collect();
        let predict =
            |(row, &label): (usize, &usize)| (label + usize::from(row % 5 == 0)) % names.len();
        let predictions: Vec<usize> = labels.iter().enumerate().map(predict).collect();
        ConfusionMatrix::from_slices(&labels, &predictions, names).unwrap()
    }

    fn numbered(prefix: &str, classes: usize) -> Vec<String> {
        (0..classes)
            .map(|class| format!("{prefix}{class}"))
            .collect()
    }

    #[test]
    fn shortens_by_characters_and_marks_it() {
        assert_eq!(shorten("sports", 6), "sports");
        assert_eq!(shorten("politics", 6), "polit…");
        assert_eq!(shorten("science and nature", 9), "science…");
        assert_eq!(shorten("políticä", 6), "polít…");
        assert_eq!(shorten("a\nb", 6), "a b");
    }

    #[test]
    fn a_class_without_rows_has_no_recall() {
        let matrix = ConfusionMatrix::from_slices(&[0, 1], &[2, 1], ["a", "b", "c"]).unwrap();
        assert_eq!(
            render(&matrix),
            "true \\ predicted  a  b  c  recall\n\
             a                 0  .  1  0.0000\n\
             b                 .  1  .  1.0000\n\
             c                 .  .  0       -\n"
        );
    }

    #[test]
    fn lines_of_a_table_are_equally_long_and_fit() {
        for classes in 2..=MOST_CLASSES_IN_A_TABLE {
            for prefix in ["", "class ", "a rather long class name, no. "] {
                let text = render(&matrix(&numbered(prefix, classes), 2000));
                let widths: HashSet<usize> = text.lines().map(width).collect();
                assert_eq!(widths.len(), 1, "ragged:\n{text}");
                assert!(
                    widths.iter().all(|&width| width <= 150),
                    "too wide:\n{text}"
                );
                assert_eq!(text.lines().count(), classes + 1);
            }
        }
    }

    #[test]
    fn names_that_shorten_to_the_same_are_numbered() {
        let names = [
            "comp.sys.ibm.pc.hardware.misc",
            "comp.sys.mac.hardware",
            "comp.sys.ibm.pc.x",
        ]
        .map(String::from);
        let mut ten = names.to_vec();
        ten.extend(numbered("rec", 7));
        let text = render(&matrix(&ten, 100));
        assert!(text.starts_with("true \\ predicted "), "{text}");
        assert!(text.contains("\n1 comp.sys.mac.hardware "), "{text}");
        assert!(text.contains("\n0 comp.sys.ibm.pc.hardwar… "), "{text}");
    }

    #[test]
    fn many_classes_list_the_most_frequent_confusions() {
        let text = render(&matrix(&numbered("class ", 42), 2100));
        assert!(
            text.starts_with("42 classes, 2100 rows, 1680 correct. The 20 most frequent of 42")
        );
        assert_eq!(text.lines().count(), 2 + 1 + CONFUSIONS_LISTED);

        let names = numbered("class ", 30);
        let all: Vec<usize> = (0..30).collect();
        let perfect = ConfusionMatrix::from_slices(&all, &all, names).unwrap();
        assert_eq!(
            render(&perfect),
            "30 classes, 30 rows, 30 correct. No confusions.\n"
        );
    }
}
