//! AG News: news articles of four topics, 120,000 for training and 7,600 for testing.
//!
//! Zhang, Zhao and LeCun, "Character-level Convolutional Networks for Text Classification",
//! <https://arxiv.org/abs/1509.01626>.

use std::path::Path;

use crate::dataset::{Dataset, Example, Splits};
use crate::error::DataError;
use crate::split_files::{self, SplitFiles};
use crate::table::{Delimited, TableFormat, open_rows};

/// The topics in the order of their labels.
pub const CLASS_NAMES: [&str; 4] = ["World", "Sports", "Business", "Sci/Tech"];

/// The authors' CSV: class from 1, title, description; no header.
const OFFICIAL: TableFormat = TableFormat::Delimited(Delimited {
    header: false,
    width: Some(3),
    ..Delimited::csv()
});

/// Opens both splits in a folder.
///
/// The folder holds the authors' `train.csv` and `test.csv`, or the Hugging Face hub's Parquet
/// (`train.parquet`, or shards `train-00000-of-0000N.parquet`, there or in a folder `data`). Both
/// give the same texts: title and description joined by a space, backslashes kept as they are.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("train.csv"), "\"3\",\"Oil\",\"Prices \"\"rise\"\".\"\n")?;
/// std::fs::write(folder.path().join("test.csv"), "\"1\",\"Vote\",\"Results are in.\"\n")?;
///
/// let news = finetune_data::ag_news::open(folder.path())?;
/// assert_eq!(news.train.examples[0].text, "Oil Prices \"rise\".");
/// assert_eq!(news.train.class_names[news.train.examples[0].label], "Business");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a split has no files, and for each row that is not as described; the error names both.
pub fn open(directory: &Path) -> Result<Splits, DataError> {
    Ok(Splits {
        train: open_split(directory, "train")?,
        test: open_split(directory, "test")?,
    })
}

/// Opens one split of the folder, `"train"` or `"test"`.
///
/// # Errors
/// As [`open`].
pub fn open_split(directory: &Path, split: &str) -> Result<Dataset, DataError> {
    let examples = match split_files::find(directory, split)? {
        SplitFiles::Csv(path) => read_official(&path)?,
        SplitFiles::Parquet(paths) => {
            let mut examples = Vec::new();
            for path in paths {
                examples.extend(read_parquet(&path)?);
            }
            examples
        }
    };
    Ok(Dataset {
        name: format!("ag_news/{split}"),
        class_names: CLASS_NAMES.map(str::to_owned).to_vec(),
        examples,
    })
}

fn read_official(path: &Path) -> Result<Vec<Example>, DataError> {
    let mut examples = Vec::new();
    for row in open_rows(path, OFFICIAL, &[0.into(), 1.into(), 2.into()])? {
        let row = row?;
        let label = label(path, row.number, &row.fields[0], 1)?;
        examples.push(Example {
            text: format!("{} {}", row.fields[1], row.fields[2]),
            label,
        });
    }
    some(path, examples)
}

fn read_parquet(path: &Path) -> Result<Vec<Example>, DataError> {
    let mut examples = Vec::new();
    for row in open_rows(path, TableFormat::Parquet, &["text".into(), "label".into()])? {
        let mut row = row?;
        let label = label(path, row.number, &row.fields[1], 0)?;
        examples.push(Example {
            text: std::mem::take(&mut row.fields[0]),
            label,
        });
    }
    some(path, examples)
}

/// The class of a label that counts from `first`.
fn label(path: &Path, row: u64, text: &str, first: usize) -> Result<usize, DataError> {
    let class = text
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_sub(first));
    class
        .filter(|&class| class < CLASS_NAMES.len())
        .ok_or_else(|| DataError::UnknownLabel {
            path: path.to_path_buf(),
            row,
            found: text.to_owned(),
            classes: (first..first + CLASS_NAMES.len())
                .map(|number| number.to_string())
                .collect(),
        })
}

fn some(path: &Path, examples: Vec<Example>) -> Result<Vec<Example>, DataError> {
    if examples.is_empty() {
        return Err(DataError::NoRows {
            path: path.to_path_buf(),
        });
    }
    Ok(examples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_joined_and_backslashes_kept() {
        let folder = tempfile::tempdir().unwrap();
        let line = "\"4\",\"Chips \\\\ and $\",\"He said \"\"go\"\"\\and, well, left\"\r\n";
        std::fs::write(folder.path().join("test.csv"), line).unwrap();
        let split = open_split(folder.path(), "test").unwrap();
        assert_eq!(split.name, "ag_news/test");
        assert_eq!(
            split.examples,
            [Example {
                text: "Chips \\\\ and $ He said \"go\"\\and, well, left".into(),
                label: 3
            }]
        );
    }

    #[test]
    fn labels_outside_the_four_are_refused() {
        for text in ["0", "5", "-1", "x", "", "1.0"] {
            let error = label(Path::new("train.csv"), 9, text, 1).unwrap_err();
            assert!(
                matches!(&error, DataError::UnknownLabel { row: 9, classes, .. }
                if classes == &["1", "2", "3", "4"]),
                "{error}"
            );
        }
        assert_eq!(label(Path::new("train.parquet"), 1, "3", 0).unwrap(), 3);
    }
}
