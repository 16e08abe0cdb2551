//! Text format of confusion matrices: a table for few classes, the most frequent confusions for
//! many.

use std::collections::HashSet;
use std::{fmt, iter};

use super::confusions::Confusion;
use super::{ConfusionMatrix, Normalize};
use crate::text_table::{aligned, four_decimals, printable, width};

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

/// Writes a table for terminals, or, with more than 20 classes, the most frequent confusions.
///
/// Rows are true classes, columns are predicted classes, a dot means 0, and the last column is the
/// recall (`-` for a class without rows). Long names are shortened with an ellipsis; if names do
/// not fit or become ambiguous, columns are headed by class indices, and rows by index and name.
///
/// Columns are aligned if every character of a class name is one cell wide.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.num_classes() > MOST_CLASSES_IN_A_TABLE {
            true => self.fmt_confusions(f),
            false => self.fmt_table(f),
        }
    }
}

impl ConfusionMatrix {
    fn fmt_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (row_headings, column_headings) = headings(self.class_names());
        let recalls = self.normalized(Normalize::True);
        let heads = [vec![CORNER.into()], column_headings, vec![RECALL.into()]].concat();
        let rows = row_headings.into_iter().zip(&self.counts).enumerate();
        let rows = rows.map(|(label, (heading, counts))| {
            let cells = counts
                .iter()
                .enumerate()
                .map(|(prediction, count)| match count {
                    // Dots for zeros make the errors stand out.
                    0 if label != prediction => ".".to_string(),
                    count => count.to_string(),
                });
            let has_rows = counts.iter().any(|count| *count > 0);
            let recall = four_decimals(has_rows.then_some(recalls[label][label]));
            iter::once(heading).chain(cells).chain([recall]).collect()
        });
        let lines: Vec<_> = iter::once(heads).chain(rows).collect();
        f.write_str(&aligned(&lines, &[0]))
    }

    fn fmt_confusions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let confusions = self.confusions();
        let (classes, rows, correct) = (self.num_classes(), self.total(), self.correct());
        write!(f, "{classes} classes, {rows} rows, {correct} correct.")?;
        if confusions.is_empty() {
            return writeln!(f, " No confusions.");
        }
        let listed = &confusions[..confusions.len().min(CONFUSIONS_LISTED)];
        writeln!(
            f,
            " The {} most frequent of {} confusions (share of the true class):\n",
            listed.len(),
            confusions.len()
        )?;
        let shares = self.normalized(Normalize::True);
        let name = |class: usize| shorten(&self.class_names[class], 2 * ROW_NAME_WIDTH);
        let heads = ["count", "share", RECALL, "true", "predicted"].map(String::from);
        let rows = listed.iter().map(
            |&Confusion {
                 label,
                 prediction,
                 count,
             }| {
                let share = |class: usize| format!("{:.4}", shares[label][class]);
                [
                    count.to_string(),
                    share(prediction),
                    share(label),
                    name(label),
                    name(prediction),
                ]
            },
        );
        let lines: Vec<_> = iter::once(heads).chain(rows).map(Vec::from).collect();
        f.write_str(&aligned(&lines, &[3, 4]))
    }
}

/// Returns headings of rows and columns: names if they stay distinct, otherwise class indices.
fn headings(names: &[String]) -> (Vec<String>, Vec<String>) {
    let shortened = |most| {
        names
            .iter()
            .map(|name| shorten(name, most))
            .collect::<Vec<_>>()
    };
    let row_names = shortened(ROW_NAME_WIDTH);
    let row_width = row_names
        .iter()
        .map(|name| width(name))
        .fold(CORNER.len(), usize::max);
    let left = AIMED_WIDTH.saturating_sub(row_width + GAP + RECALL.len());
    let column_width = (left / names.len())
        .saturating_sub(GAP)
        .max(SHORTEST_USEFUL_NAME);
    let column_names = shortened(column_width);

    let distinct = column_names.iter().collect::<HashSet<_>>().len() == names.len();
    let table_width: usize = column_names.iter().map(|name| width(name) + GAP).sum();
    if distinct && table_width <= left {
        return (row_names, column_names);
    }
    let numbers: Vec<String> = (0..names.len()).map(|class| class.to_string()).collect();
    let number_width = (names.len() - 1).to_string().len();
    let numbered = numbers.iter().zip(row_names);
    let numbered = numbered.map(|(number, name)| format!("{number:>number_width$} {name}"));
    (numbered.collect(), numbers)
}

/// Shortens a name to at most `most` characters, the last one an ellipsis.
fn shorten(name: &str, most: usize) -> String {
    let name = printable(name);
    if width(&name) <= most {
        return name;
    }
    let kept: String = name.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
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
            matrix.to_string(),
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
                let text = matrix(&numbered(prefix, classes), 2000).to_string();
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
        let text = matrix(&ten, 100).to_string();
        assert!(text.starts_with("true \\ predicted "), "{text}");
        assert!(text.contains("\n1 comp.sys.mac.hardware "), "{text}");
        assert!(text.contains("\n0 comp.sys.ibm.pc.hardwar… "), "{text}");
    }

    #[test]
    fn many_classes_list_the_most_frequent_confusions() {
        let text = matrix(&numbered("class ", 42), 2100).to_string();
        assert!(
            text.starts_with("42 classes, 2100 rows, 1680 correct. The 20 most frequent of 42")
        );
        assert_eq!(text.lines().count(), 2 + 1 + CONFUSIONS_LISTED);

        let names = numbered("class ", 30);
        let all: Vec<usize> = (0..30).collect();
        let perfect = ConfusionMatrix::from_slices(&all, &all, names).unwrap();
        assert_eq!(
            perfect.to_string(),
            "30 classes, 30 rows, 30 correct. No confusions.\n"
        );
    }
}
