//! How the columns of a row become an example.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dataset::{Example, Label};
use crate::error::DataError;
use crate::label_reader::LabelReader;
use crate::progress::Progress;
use crate::table::{Column, Row, TableFormat, open_counted};

/// Which columns of a file are the text, the second text and the label.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    /// The columns of the text; at least one.
    pub(crate) text: Vec<Column>,
    /// The columns of the second text of a pair; none if there is one text.
    pub(crate) text_pair: Vec<Column>,
    /// The column of the label and what is in it; `None` if the rows have no labels.
    pub(crate) label: Option<(Column, LabelReader)>,
    /// What stands for a line break or a quote in the text.
    pub(crate) escapes: Escapes,
}

/// What the publisher of a file put in the place of characters of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Nothing: the text is as it is.
    None,
    /// `\n` for a line break, `\"` for a quote.
    Backslash,
    /// The same, and quotes still doubled: a CSV field that was cut out of its line.
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

/// The examples of several files.
pub(crate) struct MappedFiles {
    /// The examples, one file after another.
    pub(crate) examples: Box<dyn Iterator<Item = Result<Example, DataError>> + Send>,
    /// What was read of them so far.
    pub(crate) progress: Progress,
    /// All there is to read.
    pub(crate) bytes: u64,
}

impl Mapping {
    /// Opens all files, so that one with a wrong header or schema is found before any is read.
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
            let rows = open_counted(path, format, &self.columns(), &progress)?;
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

    /// The columns that are read: text, second text, label.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let label = self.label.iter().map(|(column, _)| column);
        let texts = self.text.iter().chain(&self.text_pair);
        texts.chain(label).cloned().collect()
    }

    fn example(&self, path: &Path, row: Row) -> Result<Example, DataError> {
        let (text, rest) = row.fields.split_at(self.text.len());
        let (text_pair, rest) = rest.split_at(self.text_pair.len());
        let label = match (&self.label, rest) {
            (Some((column, reader)), [label]) => {
                reader.label(path, row.number, present(path, row.number, column, label)?)?
            }
            _ => Label::Unlabelled,
        };
        Ok(Example {
            text: self.escapes.undo(joined(text)),
            text_pair: (!text_pair.is_empty()).then(|| self.escapes.undo(joined(text_pair))),
            label,
        })
    }
}

/// A label that is there: a text may be empty, a label may not.
pub(crate) fn present<'a>(
    path: &Path,
    row: u64,
    column: &Column,
    label: &'a str,
) -> Result<&'a str, DataError> {
    if label.trim().is_empty() {
        return Err(DataError::MissingValue {
            path: path.to_path_buf(),
            row,
            column: column.to_string(),
        });
    }
    Ok(label)
}

/// The texts with a space between; an empty one leaves no space behind.
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
                "topic".into(),
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
            Err(DataError::MissingValue { row: 7, column, .. }) if column == "topic"
        ));
    }

    #[test]
    fn files_are_read_one_after_another_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a.csv", "b.csv"]
            .iter()
            .map(|name| folder.path().join(name))
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
