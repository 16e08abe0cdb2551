//! Reading of reranking data from the columns of a file: a row per query, or a row per document.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{RerankingDataset, RerankingExample, RerankingSplits};
use crate::error::DataError;
use crate::excerpt::excerpt;
use crate::label_reader::{present, score};
use crate::table::{Column, RequestedColumns, Row, TableFormat, for_each_row, list_elements};
use crate::tabular::SplitFiles;

/// Columns of a reranking dataset, by name or by index from 0.
///
/// A row is a query with a list of documents and a list of their labels, as in the `labeled-list`
/// datasets of sentence-transformers, or a query with one document and its label. Rows of one document
/// that have the same query become a list, wherever they are in the file.
///
/// ```
/// use finetune_data::RerankingColumns;
///
/// let directory = tempfile::tempdir()?;
/// let lists = directory.path().join("lists.jsonl");
/// std::fs::write(&lists, "{\"query\": \"q\", \"docs\": [\"a\", \"b\"], \"labels\": [2, 0]}\n")?;
/// let rows = directory.path().join("rows.csv");
/// std::fs::write(&rows, "query,docs,labels\nq,a,2\nq,b,0\n")?;
/// let columns = RerankingColumns::default();
/// assert_eq!(columns.read(&lists)?.examples(), columns.read(&rows)?.examples());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RerankingColumns {
    /// Column of the query (default: `query`).
    pub query: Column,
    /// Column of the documents, lists or single ones (default: `docs`).
    pub documents: Column,
    /// Column of the labels, as many as documents (default: `labels`).
    pub labels: Column,
    /// File format (default: by file extension).
    pub format: Option<TableFormat>,
}

impl Default for RerankingColumns {
    fn default() -> Self {
        Self {
            query: "query".into(),
            documents: "docs".into(),
            labels: "labels".into(),
            format: None,
        }
    }
}

/// What the rows of a file are, which its first row decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowKind {
    /// A row per query.
    Lists,
    /// A row per document.
    Documents,
}

impl RerankingColumns {
    /// Reads the files of a dataset.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if there is a file of unlabeled texts.
    /// - The errors of [`Self::read`].
    pub fn read_splits(&self, files: &SplitFiles) -> Result<RerankingSplits, DataError> {
        if let Some(path) = &files.unlabeled {
            let expected = "none for rerankers";
            return Err(DataError::setting("unlabeled", expected, path.display()));
        }
        let read = |path: Option<&Path>| path.map(|path| self.read(path)).transpose();
        Ok(RerankingSplits {
            train: self.read(&files.train)?,
            validation: read(files.validation.as_deref())?,
            test: read(files.test.as_deref())?,
        })
    }

    /// Reads a file, or a directory saved by the `datasets` library. The name of the dataset is that of
    /// the file.
    ///
    /// # Errors
    /// - [`DataError::UnknownColumn`] if a column is missing.
    /// - [`DataError::InvalidRow`] if a text is empty, documents and labels differ in number, a label is
    ///   no finite number, or a row is a list among rows of one document.
    /// - [`DataError::InvalidFile`] if there are no rows.
    /// - Any other [`DataError`] if the file cannot be read.
    pub fn read(&self, path: &Path) -> Result<RerankingDataset, DataError> {
        let columns = [&self.query, &self.documents, &self.labels].map(Column::clone);
        let requested = RequestedColumns {
            columns: &columns,
            lists: &[1, 2],
        };
        let mut lists = Lists::default();
        for_each_row(path, self.format, requested, |file, row| {
            self.add(&mut lists, file, row)
        })?;
        if lists.examples.is_empty() {
            return Err(DataError::no_rows(path));
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        RerankingDataset::new(name, lists.examples)
    }

    fn add(&self, lists: &mut Lists, path: &Path, row: Row) -> Result<(), DataError> {
        let [query, documents, labels] = [0, 1, 2].map(|field| row.fields[field].as_str());
        // An empty field is a list without elements, or a text without characters.
        let (documents, labels) = match (list_elements(documents), list_elements(labels)) {
            (Some(documents), Some(labels)) => {
                lists.check_kind(RowKind::Lists, path, row.number)?;
                (documents.collect(), labels.collect())
            }
            _ => {
                lists.check_kind(RowKind::Documents, path, row.number)?;
                (vec![documents], vec![labels])
            }
        };
        let labels = labels.into_iter().map(|label| {
            let column = std::slice::from_ref(&self.labels);
            let label = present(path, row.number, column, label)?;
            let problem = || format!("the label {:?} is not a finite number", excerpt(label));
            score(label).ok_or_else(|| DataError::row(path, row.number, problem()))
        });
        let example = RerankingExample {
            query: query.to_string(),
            documents: documents.into_iter().map(str::to_string).collect(),
            labels: labels.collect::<Result<_, _>>()?,
        };
        if let Some((expected, found)) = example.problem() {
            let problem = format!("expected {expected}, found {found}");
            return Err(DataError::row(path, row.number, problem));
        }
        lists.push(example);
        Ok(())
    }
}

/// Lists that were read.
#[derive(Default)]
struct Lists {
    examples: Vec<RerankingExample>,
    kind: Option<RowKind>,
    /// Place of each query in files with a row per document.
    places: HashMap<String, usize>,
}

impl Lists {
    fn check_kind(&mut self, kind: RowKind, path: &Path, row: u64) -> Result<(), DataError> {
        match (*self.kind.get_or_insert(kind), kind) {
            (RowKind::Lists, RowKind::Documents) => Err(DataError::row(
                path,
                row,
                "expected lists of documents and labels, as in the first row",
            )),
            (RowKind::Documents, RowKind::Lists) => Err(DataError::row(
                path,
                row,
                "expected one document and its label, as in the first row",
            )),
            _ => Ok(()),
        }
    }

    /// Adds a list, or a document to the list of its query.
    fn push(&mut self, example: RerankingExample) {
        if self.kind == Some(RowKind::Lists) {
            self.examples.push(example);
            return;
        }
        match self.places.get(&example.query) {
            Some(place) => {
                let list = &mut self.examples[*place];
                list.documents.extend(example.documents);
                list.labels.extend(example.labels);
            }
            None => {
                let place = self.examples.len();
                self.places.insert(example.query.clone(), place);
                self.examples.push(example);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &str) -> Result<RerankingDataset, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        let found = RerankingColumns::default().read(&path);
        found.map_err(|error| {
            error
                .to_string()
                .replace(&path.display().to_string(), "FILE")
        })
    }

    #[test]
    fn documents_of_a_query_are_one_list_wherever_they_are() {
        let content = "query,docs,labels\nq,a,1\nr,b,0.5\nq,c,0\n";
        let found = read("a.csv", content).unwrap();
        let lists: Vec<_> = found
            .examples()
            .iter()
            .map(|row| (&row.query[..], row.documents.concat(), row.labels.clone()))
            .collect();
        assert_eq!(
            lists,
            [
                ("q", "ac".to_string(), vec![1.0, 0.0]),
                ("r", "b".to_string(), vec![0.5])
            ]
        );
        assert_eq!(found.name, "a");
    }

    #[test]
    fn queries_of_lists_may_occur_twice() {
        let row = r#"{"query": "q", "docs": ["a", "b"], "labels": [true, 0]}"#;
        let found = read("a.jsonl", &format!("{row}\n{row}\n"));
        // A label is a number.
        assert!(found.unwrap_err().starts_with("FILE, row 1"));
        let row = row.replace("true", "1");
        let found = read("a.jsonl", &format!("{row}\n{row}\n")).unwrap();
        assert_eq!((found.len(), found.num_documents()), (2, 4));
    }

    #[test]
    fn bad_rows_are_named() {
        let good = r#"{"query": "q", "docs": ["a", "b"], "labels": [1, 0]}"#;
        for (bad, expected) in [
            (
                r#"{"query": "q", "docs": ["a"], "labels": [1, 0]}"#,
                "FILE, row 2: expected 1 labels, one per document, found 2",
            ),
            (
                r#"{"query": "q", "docs": [], "labels": []}"#,
                "FILE, row 2: expected at least one document, found none",
            ),
            (
                r#"{"query": "q", "docs": "a", "labels": 1}"#,
                "FILE, row 2: expected lists of documents and labels, as in the first row",
            ),
            (
                r#"{"query": "q", "docs": ["a", " "], "labels": [1, 0]}"#,
                "FILE, row 2: expected documents that are not empty, found nothing in document 1",
            ),
            (
                r#"{"query": "q", "docs": ["a", "b"], "labels": ["x", 0]}"#,
                "FILE, row 2: the label \"x\" is not a finite number",
            ),
        ] {
            assert_eq!(
                read("a.jsonl", &format!("{good}\n{bad}\n")).unwrap_err(),
                expected
            );
        }
        let mixed = format!(
            "{}\n{good}\n",
            r#"{"query": "q", "docs": "a", "labels": 1}"#
        );
        assert_eq!(
            read("a.jsonl", &mixed).unwrap_err(),
            "FILE, row 2: expected one document and its label, as in the first row"
        );
        let missing = read("a.csv", "query,docs\nq,a\n").unwrap_err();
        assert!(missing.contains("no column \"labels\""), "{missing}");
        assert!(read("a.csv", "query,docs,labels\n").is_err());
    }
}
