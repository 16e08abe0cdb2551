//! Data of rerankers: queries, each with a list of documents and their relevance.

mod columns;
mod encoded;
mod positives;

pub use columns::RerankingColumns;
pub use encoded::{EncodedRerankingDataset, RerankingBatch};

use serde::{Deserialize, Serialize};

use crate::cleaning::Cleaning;
use crate::content_hash::ContentHash;
use crate::error::DataError;
use crate::random_rows::select_rows;
use crate::row_splits::{RowSplits, SelectRows};

/// A query with its documents: a row of a [`RerankingDataset`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RerankingExample {
    /// The query.
    pub query: String,
    /// The documents to rank, at least one.
    pub documents: Vec<String>,
    /// Relevance of each document: higher is better, and above 0 is relevant.
    pub labels: Vec<f64>,
}

/// Queries with lists of documents, which may differ in length.
///
/// ```
/// use finetune_data::{RerankingDataset, RerankingExample};
///
/// let row = RerankingExample {
///     query: "Is it open?".into(),
///     documents: vec!["It opens at nine.".into(), "A bakery.".into()],
///     labels: vec![1.0, 0.0],
/// };
/// let dataset = RerankingDataset::new("questions", vec![row.clone()])?;
/// assert_eq!((dataset.len(), dataset.num_documents()), (1, 2));
/// let short = RerankingExample { labels: vec![1.0], ..row };
/// let error = RerankingDataset::new("questions", vec![short]).unwrap_err();
/// assert_eq!(error.to_string(), "row 0: expected 2 labels, one per document, found 1");
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RerankingDataset {
    /// Name used in reports.
    pub name: String,
    examples: Vec<RerankingExample>,
}

/// Splits of a reranking dataset.
pub type RerankingSplits = RowSplits<RerankingDataset>;

impl RerankingExample {
    /// Describes what is wrong with the row: what is expected and what was found.
    fn problem(&self) -> Option<(String, String)> {
        let (documents, labels) = (self.documents.len(), self.labels.len());
        let is_empty = |text: &String| text.trim().is_empty();
        if documents == 0 {
            return Some(("at least one document".into(), "none".into()));
        }
        if labels != documents {
            let expected = format!("{documents} labels, one per document");
            return Some((expected, labels.to_string()));
        }
        if is_empty(&self.query) {
            return Some(("a query that is not empty".into(), "nothing".into()));
        }
        if let Some(empty) = self.documents.iter().position(is_empty) {
            let found = format!("nothing in document {empty}");
            return Some(("documents that are not empty".into(), found));
        }
        let label = self.labels.iter().find(|label| !label.is_finite())?;
        Some(("finite labels".into(), label.to_string()))
    }

    /// Returns whether the documents differ in relevance, without which there is nothing to rank.
    pub fn is_graded(&self) -> bool {
        self.labels.iter().any(|label| *label != self.labels[0])
    }
}

impl RerankingDataset {
    /// Creates a dataset.
    ///
    /// # Errors
    /// - [`DataError::InvalidExample`] if a row has no documents, another number of labels than
    ///   documents, an empty text, or a label that is NaN or infinite.
    pub fn new(
        name: impl Into<String>,
        examples: Vec<RerankingExample>,
    ) -> Result<Self, DataError> {
        for (row, example) in examples.iter().enumerate() {
            if let Some((expected, found)) = example.problem() {
                return Err(DataError::example(row, expected, found));
            }
        }
        Ok(Self {
            name: name.into(),
            examples,
        })
    }

    /// Returns the rows.
    pub fn examples(&self) -> &[RerankingExample] {
        &self.examples
    }

    /// Returns the number of rows, which is that of the queries.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Returns the number of documents of all rows.
    pub fn num_documents(&self) -> usize {
        self.examples.iter().map(|row| row.documents.len()).sum()
    }

    /// Returns the labels of all documents, row by row.
    pub fn labels(&self) -> impl Iterator<Item = f64> + '_ {
        self.examples.iter().flat_map(|row| &row.labels).copied()
    }

    /// Returns the dataset with cleaned texts.
    ///
    /// # Errors
    /// - [`DataError::InvalidExample`] if a text is empty after cleaning.
    pub fn clean(self, cleaning: &Cleaning) -> Result<Self, DataError> {
        let clean = |mut example: RerankingExample| {
            for text in std::iter::once(&mut example.query).chain(&mut example.documents) {
                *text = cleaning.apply(text).into_owned();
            }
            example
        };
        Self::new(self.name, self.examples.into_iter().map(clean).collect())
    }

    /// Returns a hexadecimal SHA-256 hash of all queries, documents and labels in order.
    pub fn fingerprint(&self) -> String {
        let mut hash = ContentHash::new(b"finetune reranking dataset 1");
        for example in &self.examples {
            hash.add(example.query.as_bytes());
            hash.add(&(example.documents.len() as u64).to_le_bytes());
            for (document, label) in example.documents.iter().zip(&example.labels) {
                hash.add(document.as_bytes());
                hash.add(&label.to_le_bytes());
            }
        }
        hash.finish()
    }
}

impl SelectRows for RerankingDataset {
    fn num_rows(&self) -> usize {
        self.len()
    }

    fn name_mut(&mut self) -> &mut String {
        &mut self.name
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            examples: select_rows(&self.examples, rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(query: &str, documents: &[(&str, f64)]) -> RerankingExample {
        let (documents, labels) = documents
            .iter()
            .map(|(text, label)| (text.to_string(), *label))
            .unzip();
        RerankingExample {
            query: query.into(),
            documents,
            labels,
        }
    }

    #[test]
    fn what_is_wrong_with_a_row_is_named() {
        for (bad, expected) in [
            (row("q", &[]), "at least one document"),
            (row(" ", &[("a", 1.0)]), "a query that is not empty"),
            (
                row("q", &[("a", 1.0), ("\n", 0.0)]),
                "nothing in document 1",
            ),
            (row("q", &[("a", f64::NAN)]), "finite labels, found NaN"),
        ] {
            let rows = vec![row("q", &[("a", 1.0)]), bad];
            let error = RerankingDataset::new("rows", rows).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("row 1"),
                "{error}"
            );
        }
        assert!(!row("q", &[("a", 1.0), ("b", 1.0)]).is_graded());
        assert!(row("q", &[("a", 1.0), ("b", 2.0)]).is_graded());
    }

    #[test]
    fn rows_are_held_out_once_and_named() {
        let rows = (0..10).map(|row| self::row(&format!("q{row}"), &[("a", 1.0), ("b", 0.0)]));
        let dataset = RerankingDataset::new("all", rows.collect()).unwrap();
        let [validation, train] = dataset.clone().hold_out(0.3, 1).unwrap();
        assert_eq!((validation.len(), train.len()), (3, 7));
        assert_eq!(validation.name, "all/validation");
        assert_ne!(validation.fingerprint(), train.fingerprint());
        let mut both = [validation.examples, train.examples].concat();
        both.sort_by(|a, b| a.query.cmp(&b.query));
        assert_eq!(both, dataset.examples);
        assert_eq!(dataset.subset(4, 1).num_documents(), 8);
    }

    #[test]
    fn lists_that_differ_in_their_ends_have_other_fingerprints() {
        let fingerprint = |rows| RerankingDataset::new("a", rows).unwrap().fingerprint();
        let one = fingerprint(vec![row("q", &[("a", 1.0), ("b", 0.0)])]);
        let two = fingerprint(vec![row("q", &[("a", 1.0)]), row("q", &[("b", 0.0)])]);
        assert_ne!(one, two);
    }
}
