//! Mapping from table columns to examples.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dataset::{Example, Label};
use crate::error::DataError;
use crate::label_reader::LabelReader;
use crate::progress::Progress;
use crate::table::{Column, RequestedColumns, Row, TableFormat, open_counted};

/// Columns of the text, the second text and the label.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    /// Columns of the text; at least one.
    pub(crate) text: Vec<Column>,
    /// Columns of the second text of a pair; empty for single texts.
    pub(crate) text_pair: Vec<Column>,
    /// Columns of the label and their parser; `None` if the rows are unlabeled.
    pub(crate) label: Option<(Vec<Column>, LabelReader)>,
    /// Escape sequences used in the text.
    pub(crate) escapes: Escapes,
}

/// Escape sequences used in the text of a published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// No escape sequences.
    None,
    /// `\n` for a line break and `\"` for a quote.
    Backslash,
    /// As `Backslash`, with quotes also doubled: a raw CSV field.
    BackslashInCsv,
}

impl Escapes {
    fn undo(self, text: String) -> String {
        match self {
            Self::None => text,
            Self::Backslash => text.replace("\\n", "\n").replace("\\\"", "\""),
            Self::BackslashInCsv => Self::Backslash.undo(text.replace("\"\"", "\"")),
        }
    }
}

/// Examples of several files.
pub(crate) struct MappedFiles {
    /// The examples, file by file.
    pub(crate) examples: Box<dyn Iterator<Item = Result<Example, DataError>> + Send>,
    /// Progress counter.
    pub(crate) progress: Progress,
    /// Total size of the files in bytes.
    pub(crate) bytes: u64,
}

impl Mapping {
    /// Opens all files first, so that an invalid header or schema is found before any row is read.
    pub(crate) fn open(
        &self,
        files: &[PathBuf],
        format: TableFormat,
    ) -> Result<MappedFiles, DataError> {
        let (progress, mut bytes) = (Progress::default(), 0);
        let mut opened = Vec::with_capacity(files.len());
        for path in files {
            let metadata = fs::metadata(path).map_err(|source| DataError::io(path, source))?;
            bytes += metadata.len();
            let (columns, list) = (self.columns(), self.list_column());
            let requested = RequestedColumns {
                columns: &columns,
                lists: list.as_slice(),
            };
            let rows = open_counted(path, format, requested, &progress)?;
            opened.push((path.clone(), rows));
        }
        let mapping = self.clone();
        let examples = opened.into_iter().flat_map(move |(path, rows)| {
            let mapping = mapping.clone();
            rows.map(move |row| mapping.example(&path, row?))
        });
        Ok(MappedFiles {
            examples: Box::new(examples),
            progress,
            bytes,
        })
    }

    /// Returns the columns to read, in the order text, second text, label.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let labels = self.label.iter().flat_map(|(columns, _)| columns);
        let texts = self.text.iter().chain(&self.text_pair);
        texts.chain(labels).cloned().collect()
    }

    /// Returns the index of the column that may hold lists.
    fn list_column(&self) -> Option<usize> {
        let has_sets = matches!(self.label, Some((_, LabelReader::ClassSets(_))));
        has_sets.then_some(self.text.len() + self.text_pair.len())
    }

    fn example(&self, path: &Path, row: Row) -> Result<Example, DataError> {
        let (text, rest) = row.fields.split_at(self.text.len());
        let (text_pair, rest) = rest.split_at(self.text_pair.len());
        let label = match &self.label {
            Some((columns, reader)) => reader.label(path, row.number, columns, rest)?,
            None => Label::Unlabeled,
        };
        Ok(Example {
            text: self.escapes.undo(joined(text)),
            text_pair: (!text_pair.is_empty()).then(|| self.escapes.undo(joined(text_pair))),
            label,
        })
    }
}

/// Joins the non-empty texts with a space.
fn joined(texts: &[String]) -> String {
    let there: Vec<&str> = texts
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    there.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label_reader::ClassReader;

    #[test]
    fn escapes_are_undone() {
        let undo = |escapes: Escapes, text: &str| escapes.undo(text.to_owned());
        assert_eq!(undo(Escapes::None, r#"a\nb\"c"#), r#"a\nb\"c"#);
        assert_eq!(undo(Escapes::Backslash, r#"a\nb\"c""d"#), "a\nb\"c\"\"d");
        assert_eq!(
            undo(Escapes::BackslashInCsv, r#"a\nb\""c""d"#),
            "a\nb\"c\"d"
        );
    }

    #[test]
    fn columns_are_joined_and_labels_read() {
        let mapping = Mapping {
            text: vec!["title".into(), "body".into()],
            text_pair: vec!["answer".into()],
            label: Some((
                vec!["topic".into()],
                LabelReader::Classes(ClassReader::numbered(0, 2)),
            )),
            escapes: Escapes::None,
        };
        let example = |fields: [&str; 4]| {
            let fields = fields.map(str::to_owned).to_vec();
            mapping.example(Path::new("rows.csv"), Row { number: 7, fields })
        };
        assert_eq!(
            example(["a", "b", "c", "1"]).unwrap(),
            Example::pair("a b", "c", Label::Class(1))
        );
        assert_eq!(example(["a", "", "", "0"]).unwrap().text, "a");
        assert!(matches!(
            example(["a", "b", "c", " "]),
            Err(DataError::InvalidRow { row: 7, problem, .. }) if problem.contains("\"topic\"")
        ));
    }

    #[test]
    fn files_are_read_one_after_another_and_counted() {
        let directory = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a.csv", "b.csv"]
            .iter()
            .map(|name| directory.path().join(name))
            .collect();
        for (path, content) in files.iter().zip(["text\none\ntwo\n", "text\nthree\n"]) {
            fs::write(path, content).unwrap();
        }
        let mapping = Mapping {
            text: vec!["text".into()],
            text_pair: vec![],
            label: None,
            escapes: Escapes::None,
        };
        let format = TableFormat::from_path(&files[0]).unwrap();
        let opened = mapping.open(&files, format).unwrap();
        let texts: Vec<String> = opened
            .examples
            .map(|example| example.unwrap().text)
            .collect();
        assert_eq!(texts, ["one", "two", "three"]);
        assert_eq!((opened.progress.read(), opened.bytes), (24, 24));
    }
}
