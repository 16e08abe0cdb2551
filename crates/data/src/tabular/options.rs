//! How files of one's own are read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::reader::BadRows;
use crate::table::{Column, TableFormat};

/// How the files of a data set are read.
///
/// | name | default | what |
/// |---|---|---|
/// | `columns` | `text`, `label` | which columns hold the texts and the label |
/// | `labels` | `find_classes` | what the label is |
/// | `format` | by the name of the file | how the files are written |
/// | `bad_rows` | `refuse` | what becomes of a row that is not as described |
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Which columns hold the texts and the label.
    pub columns: Columns,
    /// What the label is.
    pub labels: LabelKind,
    /// How the files are written; `None` for what the name of each says.
    pub format: Option<TableFormat>,
    /// What becomes of a row that is not as described.
    pub bad_rows: BadRows,
}

/// The columns that hold the texts and the label, by name or, where names are numbers or missing,
/// by position from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// The text; several columns are joined by a space. `text` by default.
    pub text: Vec<Column>,
    /// The second text of a pair; none by default.
    pub text_pair: Vec<Column>,
    /// The label; `label` by default, `None` if there are only texts.
    pub label: Option<Column>,
}

/// What the label of a row is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// A class; the classes are those of the training rows. If every label there is an integer,
    /// the classes stand in numerical order (`2` before `10`), otherwise in the order of their
    /// Unicode code points.
    #[default]
    FindClasses,
    /// One of these classes, by name, or by position from 0 if no name is itself a number.
    Classes(Vec<String>),
    /// A score; the scale goes from the lowest to the highest of the training rows.
    FindScale,
    /// A score on this scale.
    Scale {
        /// The lower end.
        lowest: f64,
        /// The upper end.
        highest: f64,
    },
}

/// The files of a data set, one for each split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Rows to train on.
    pub train: PathBuf,
    /// Rows for choosing settings.
    #[serde(default)]
    pub validation: Option<PathBuf>,
    /// Rows for the final score.
    #[serde(default)]
    pub test: Option<PathBuf>,
    /// Rows of text without labels.
    #[serde(default)]
    pub unlabelled: Option<PathBuf>,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            text: vec!["text".into()],
            text_pair: Vec::new(),
            label: Some("label".into()),
        }
    }
}

impl Columns {
    /// One column of text and one of labels.
    pub fn new(text: impl Into<Column>, label: impl Into<Column>) -> Self {
        Self {
            text: vec![text.into()],
            text_pair: Vec::new(),
            label: Some(label.into()),
        }
    }
}

impl Options {
    /// These columns, everything else as by default.
    pub fn with_columns(columns: Columns) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    pub(super) fn format_of(&self, path: &Path) -> Result<TableFormat, DataError> {
        self.format.map_or_else(|| TableFormat::from_path(path), Ok)
    }
}

impl Files {
    /// A file to train on and nothing else.
    pub fn train(train: impl Into<PathBuf>) -> Self {
        Self {
            train: train.into(),
            validation: None,
            test: None,
            unlabelled: None,
        }
    }

    /// A file to train on and a file to test on.
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
    use crate::table::Delimited;

    #[test]
    fn settings_have_defaults_and_refuse_other_keys() {
        let options: Options = serde_json::from_str(
            r#"{
                "columns": {"text": ["title", 2], "label": null},
                "labels": {"scale": {"lowest": 0, "highest": 5}},
                "format": {"delimited": {"delimiter": "\t", "quoted": false}},
                "bad_rows": "skip"
            }"#,
        )
        .unwrap();
        let expected = Options {
            columns: Columns {
                text: vec!["title".into(), 2.into()],
                text_pair: vec![],
                label: None,
            },
            labels: LabelKind::Scale {
                lowest: 0.0,
                highest: 5.0,
            },
            format: Some(TableFormat::Delimited(Delimited::unquoted_tsv())),
            bad_rows: BadRows::Skip,
        };
        assert_eq!(options, expected);
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<Options>(&text).unwrap(), expected);
        assert_eq!(
            serde_json::from_str::<Options>("{}").unwrap(),
            Options::default()
        );
        for bad in [
            r#"{"column": {}}"#,
            r#"{"columns": {"texts": ["a"]}}"#,
            r#"{"labels": "classes"}"#,
        ] {
            assert!(serde_json::from_str::<Options>(bad).is_err(), "{bad}");
        }
    }
}
