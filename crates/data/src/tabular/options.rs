//! Options for reading your own files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::reader::OnBadRow;
use crate::table::{Column, Delimited, Delimiter, Quote, TableFormat};

/// Options for reading the files of a dataset.
///
/// | setting | default | description |
/// |---|---|---|
/// | `columns` | `text`, `label` | columns of the texts and the label |
/// | `labels` | `infer_classes` | kind of label |
/// | `format` | by file extension | file format |
/// | `delimiter` | that of the format | delimiter of CSV and TSV files |
/// | `quote` | that of the format | quote of CSV and TSV files |
/// | `on_bad_rows` | `error` | handling of invalid rows |
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TabularOptions {
    /// Columns of the texts and the label (default: `text` and `label`).
    pub columns: ColumnNames,
    /// Kind of label (default: [`LabelKind::InferClasses`]).
    pub labels: LabelKind,
    /// File format (default: `None`, by file extension).
    pub format: Option<TableFormat>,
    /// Delimiter of delimited text (default: `None`, that of the format). With it, a file of an
    /// unknown extension is like CSV. Files of other formats have no delimiter.
    pub delimiter: Option<Delimiter>,
    /// Quote of delimited text (default: `None`, that of the format).
    pub quote: Option<Quote>,
    /// Handling of invalid rows (default: [`OnBadRow::Error`]).
    pub on_bad_rows: OnBadRow,
}

/// Columns of the texts and the label, by name or by index from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnNames {
    /// Columns of the text, joined with a space (default: `text`).
    pub text: Vec<Column>,
    /// Columns of the second text of a pair (default: none).
    pub text_pair: Vec<Column>,
    /// Column of the label; `None` if there are no labels (default: `label`).
    pub label: Option<Column>,
}

/// Kind of label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LabelKind {
    /// A class as in [`Self::InferClasses`], unless the training labels look like scores: more than
    /// ten different numbers, some of them with a fraction. Such labels are an error.
    #[default]
    Infer,
    /// A class; the classes are inferred from the training rows. They are sorted numerically (`2`
    /// before `10`) if all labels are integers, otherwise by Unicode code point.
    InferClasses,
    /// Any number of classes per row: a list, or text with a separator. An empty list or text is a
    /// row without a class.
    MultiLabel {
        /// Separator of the classes in text, such as `;` (default: none, for columns of lists).
        /// Spaces around the classes are left out.
        #[serde(default)]
        separator: Option<String>,
        /// Class names, in the order of the outputs of a model (default: those of the training rows,
        /// sorted as for [`Self::InferClasses`]).
        #[serde(default)]
        classes: Option<Vec<String>>,
    },
    /// Any number of classes per row, with a column of 0 and 1 for each class, which has the name of
    /// the column. They take the place of the label column.
    Indicators(Vec<Column>),
    /// One of these classes, given by name, or by index from 0 if no name is an integer.
    Classes(Vec<String>),
    /// A score; the range is inferred from the training rows.
    InferRange,
    /// A score in this range.
    Range {
        /// Minimum of the range.
        min: f64,
        /// Maximum of the range.
        max: f64,
    },
}

/// Files of a dataset, one per split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitFiles {
    /// Training file.
    pub train: PathBuf,
    /// Validation file (default: none).
    #[serde(default)]
    pub validation: Option<PathBuf>,
    /// Test file (default: none).
    #[serde(default)]
    pub test: Option<PathBuf>,
    /// File of unlabeled texts (default: none).
    #[serde(default)]
    pub unlabeled: Option<PathBuf>,
}

impl Default for ColumnNames {
    fn default() -> Self {
        Self {
            text: vec!["text".into()],
            text_pair: Vec::new(),
            label: Some("label".into()),
        }
    }
}

impl ColumnNames {
    /// Creates columns for one text and one label.
    pub fn new(text: impl Into<Column>, label: impl Into<Column>) -> Self {
        Self {
            text: vec![text.into()],
            text_pair: Vec::new(),
            label: Some(label.into()),
        }
    }
}

impl TabularOptions {
    pub(super) fn format_of(&self, path: &Path) -> Result<TableFormat, DataError> {
        let format = match (self.format, self.delimiter) {
            (Some(format), _) => format,
            (None, None) => TableFormat::from_path(path)?,
            (None, Some(_)) => TableFormat::from_path(path)
                .unwrap_or_else(|_| TableFormat::Delimited(Delimited::csv())),
        };
        Ok(match format {
            TableFormat::Delimited(mut layout) => {
                if let Some(delimiter) = self.delimiter {
                    layout = layout.with_delimiter(delimiter);
                }
                if let Some(quote) = self.quote {
                    layout = layout.with_quote(quote);
                }
                TableFormat::Delimited(layout)
            }
            other => other,
        })
    }
}

impl SplitFiles {
    /// Creates a training file without other splits.
    pub fn train(train: impl Into<PathBuf>) -> Self {
        Self {
            train: train.into(),
            validation: None,
            test: None,
            unlabeled: None,
        }
    }

    /// Creates a training and a test file.
    pub fn train_test(train: impl Into<PathBuf>, test: impl Into<PathBuf>) -> Self {
        Self {
            test: Some(test.into()),
            ..Self::train(train)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_defaults_and_refuse_other_keys() {
        let options: TabularOptions = serde_json::from_str(
            r#"{
                "columns": {"text": ["title", 2], "label": null},
                "labels": {"range": {"min": 0, "max": 5}},
                "format": {"delimited": {"delimiter": "\t", "quoted": false}},
                "delimiter": ";",
                "quote": "none",
                "on_bad_rows": "skip"
            }"#,
        )
        .unwrap();
        let expected = TabularOptions {
            columns: ColumnNames {
                text: vec!["title".into(), 2.into()],
                text_pair: vec![],
                label: None,
            },
            labels: LabelKind::Range { min: 0.0, max: 5.0 },
            format: Some(TableFormat::Delimited(Delimited::unquoted_tsv())),
            delimiter: Some(Delimiter::SEMICOLON),
            quote: Some(Quote::NONE),
            on_bad_rows: OnBadRow::Skip,
        };
        assert_eq!(options, expected);
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(
            serde_json::from_str::<TabularOptions>(&text).unwrap(),
            expected
        );
        assert_eq!(
            serde_json::from_str::<TabularOptions>("{}").unwrap(),
            TabularOptions::default()
        );
        let kinds = [
            LabelKind::Indicators(vec!["a".into(), 3.into()]),
            LabelKind::MultiLabel {
                separator: Some(";".into()),
                classes: None,
            },
        ];
        let texts = [
            r#"{"indicators": ["a", 3]}"#,
            r#"{"multi_label": {"separator": ";"}}"#,
        ];
        for (kind, text) in kinds.into_iter().zip(texts) {
            assert_eq!(serde_json::from_str::<LabelKind>(text).unwrap(), kind);
        }
        for bad in [
            r#"{"column": {}}"#,
            r#"{"columns": {"texts": ["a"]}}"#,
            r#"{"labels": "classes"}"#,
            r#"{"labels": {"multi_label": {"separators": ";"}}}"#,
        ] {
            assert!(
                serde_json::from_str::<TabularOptions>(bad).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_delimiter_holds_for_files_that_have_one() {
        let options = TabularOptions {
            delimiter: Some(Delimiter::BAR),
            quote: Some(Quote::SINGLE),
            ..TabularOptions::default()
        };
        let format = |name: &str| options.format_of(Path::new(name)).unwrap();
        let layout = Delimited {
            delimiter: b'|',
            quote: b'\'',
            ..Delimited::csv()
        };
        for name in ["a.csv", "a.tsv.gz", "a.psv", "a"] {
            assert_eq!(format(name), TableFormat::Delimited(layout), "{name}");
        }
        assert_eq!(format("a.parquet"), TableFormat::Parquet);
        assert!(
            TabularOptions::default()
                .format_of(Path::new("a.psv"))
                .is_err()
        );
    }
}
