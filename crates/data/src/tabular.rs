//! Any classification data of one's own: a file to train on and a file to test on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Example, Splits};
use crate::error::DataError;
use crate::table::{Column, TableFormat, open_rows};

/// The columns of the file that hold the text and its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// The column with the text; `text` by default.
    pub text: String,
    /// The column with the label; `label` by default.
    pub label: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            text: "text".to_owned(),
            label: "label".to_owned(),
        }
    }
}

/// Opens a training file and a test file: `.csv`, `.tsv`, `.jsonl` or `.parquet`, each.
///
/// The classes are those of the training rows. If every training label is an integer, they are
/// the integers in numerical order (`2` before `10`); otherwise the labels are names, in the order
/// of their Unicode code points. An empty text is a text; an empty label is missing.
///
/// ```
/// use finetune_data::tabular::{self, Columns};
///
/// let folder = tempfile::tempdir()?;
/// let (train, test) = (folder.path().join("train.jsonl"), folder.path().join("test.csv"));
/// std::fs::write(&train, "{\"text\": \"so bad\", \"label\": 0}\n{\"text\": \"ah\", \"label\": 1}\n")?;
/// std::fs::write(&test, "label,text\n1,\"lovely, really\"\n")?;
///
/// let splits = tabular::open(&train, &test, &Columns::default())?;
/// assert_eq!(splits.train.class_names, ["0", "1"]);
/// assert_eq!(splits.test.examples[0].text, "lovely, really");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a file cannot be read (the error names file and row), training has fewer than two classes,
/// or a test label is none of training's classes.
pub fn open(train: &Path, test: &Path, columns: &Columns) -> Result<Splits, DataError> {
    let train_rows = read(train, columns)?;
    let classes = Classes::of(&train_rows);
    let names = classes.names();
    if names.len() < 2 {
        return Err(DataError::TooFewClasses {
            path: train.to_path_buf(),
            found: names,
        });
    }
    let test_rows = read(test, columns)?;
    Ok(Splits {
        train: classes.dataset(train, train_rows)?,
        test: classes.dataset(test, test_rows)?,
    })
}

/// One row of a file: where, what, which class.
struct LabelledRow {
    number: u64,
    text: String,
    label: String,
}

fn read(path: &Path, columns: &Columns) -> Result<Vec<LabelledRow>, DataError> {
    let wanted = [
        Column::from(columns.text.as_str()),
        Column::from(columns.label.as_str()),
    ];
    let mut rows = Vec::new();
    for row in open_rows(path, TableFormat::from_path(path)?, &wanted)? {
        let mut row = row?;
        let label = std::mem::take(&mut row.fields[1]);
        if label.is_empty() {
            return Err(DataError::MissingValue {
                path: path.to_path_buf(),
                row: row.number,
                column: columns.label.clone(),
            });
        }
        let text = std::mem::take(&mut row.fields[0]);
        rows.push(LabelledRow {
            number: row.number,
            text,
            label,
        });
    }
    if rows.is_empty() {
        return Err(DataError::NoRows {
            path: path.to_path_buf(),
        });
    }
    Ok(rows)
}

/// The labels that training has, each with its class.
enum Classes {
    Integers(BTreeMap<i64, usize>),
    Names(BTreeMap<String, usize>),
}

impl Classes {
    fn of(rows: &[LabelledRow]) -> Self {
        let integers: Option<BTreeSet<i64>> =
            rows.iter().map(|row| row.label.parse().ok()).collect();
        match integers {
            Some(integers) => Self::Integers(integers.into_iter().zip(0..).collect()),
            None => {
                let names: BTreeSet<String> = rows.iter().map(|row| row.label.clone()).collect();
                Self::Names(names.into_iter().zip(0..).collect())
            }
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Integers(classes) => classes.keys().map(i64::to_string).collect(),
            Self::Names(classes) => classes.keys().cloned().collect(),
        }
    }

    fn class(&self, label: &str) -> Option<usize> {
        match self {
            Self::Integers(classes) => classes.get(&label.parse().ok()?).copied(),
            Self::Names(classes) => classes.get(label).copied(),
        }
    }

    fn dataset(&self, path: &Path, rows: Vec<LabelledRow>) -> Result<Dataset, DataError> {
        let example = |row: LabelledRow| match self.class(&row.label) {
            Some(label) => Ok(Example {
                text: row.text,
                label,
            }),
            None => Err(DataError::UnknownLabel {
                path: path.to_path_buf(),
                row: row.number,
                found: row.label,
                classes: self.names(),
            }),
        };
        Ok(Dataset {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            class_names: self.names(),
            examples: rows.into_iter().map(example).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_csv(train: &str, test: &str) -> Result<Splits, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let paths = [
            folder.path().join("train.csv"),
            folder.path().join("test.csv"),
        ];
        std::fs::write(&paths[0], format!("text,label\n{train}")).unwrap();
        std::fs::write(&paths[1], format!("text,label\n{test}")).unwrap();
        open(&paths[0], &paths[1], &Columns::default())
    }

    #[test]
    fn integers_sort_as_numbers() {
        let splits = open_csv("a,10\nb,2\nc,-1\nd,10\n", "e,2\n").unwrap();
        assert_eq!(splits.train.class_names, ["-1", "2", "10"]);
        assert_eq!(splits.train.class_counts(), [1, 1, 2]);
        assert_eq!(splits.test.examples[0].label, 1);
        assert_eq!(splits.train.name, "train");
    }

    #[test]
    fn one_name_makes_all_labels_names() {
        let splits = open_csv("a,10\nb,2\nc,spam\n", "e,10\n").unwrap();
        assert_eq!(splits.train.class_names, ["10", "2", "spam"]);
        assert_eq!(splits.test.examples[0].label, 0);
    }

    #[test]
    fn a_class_that_only_the_test_file_has_is_an_error() {
        assert!(matches!(
            open_csv("a,x\nb,y\n", "e,x\nf,z\n"),
            Err(DataError::UnknownLabel { row: 3, found, classes, .. })
                if found == "z" && classes == ["x", "y"]
        ));
    }

    #[test]
    fn one_class_is_too_few_and_no_label_is_no_class() {
        assert!(matches!(
            open_csv("a,x\nb,x\n", "e,x\n"),
            Err(DataError::TooFewClasses { found, .. }) if found == ["x"]
        ));
        assert!(matches!(
            open_csv("a,x\nb,\n", "e,x\n"),
            Err(DataError::MissingValue { row: 3, .. })
        ));
    }

    #[test]
    fn columns_have_defaults_and_refuse_other_keys() {
        let columns: Columns = serde_json::from_str("{\"text\": \"sentence\"}").unwrap();
        assert_eq!(
            columns,
            Columns {
                text: "sentence".into(),
                label: "label".into()
            }
        );
        assert!(serde_json::from_str::<Columns>("{\"texts\": \"a\"}").is_err());
    }
}
