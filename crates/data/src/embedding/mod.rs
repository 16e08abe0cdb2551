//! Data of embedding models: rows of several texts that belong together or are compared.

mod class_pairs;
mod columns;
mod encoded;

pub use columns::{EmbeddingColumns, EmbeddingFiles};
pub use encoded::{EmbeddingBatch, EncodedEmbeddingDataset};

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::cleaning::Cleaning;
use crate::content_hash::ContentHash;
use crate::error::DataError;
use crate::random_rows::select_rows;
use crate::row_splits::{RowSplits, SelectRows};

/// What the rows of an [`EmbeddingDataset`] say about their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingKind {
    /// The first text belongs to the second, and not to those after it: pairs, triplets, or rows with
    /// several negatives.
    Positives,
    /// Pairs with a score of their similarity.
    Scores,
    /// Pairs with a label: 1 if they belong together, 0 if not.
    Labels,
}

/// Texts of a row of an [`EmbeddingDataset`], with its score or label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingExample {
    /// At least two texts: anchor, positive, then negatives.
    pub texts: Vec<String>,
    /// Score, or label 0 or 1; `None` for positives.
    pub label: Option<f64>,
}

/// Rows of texts for an embedding model, all with the same number of texts.
///
/// ```
/// use finetune_data::{EmbeddingDataset, EmbeddingKind};
///
/// let pairs = [("Is it open?", "It opens at nine."), ("What is it?", "A bakery.")];
/// let dataset = EmbeddingDataset::positives("questions", pairs.map(|(q, a)| vec![q, a]))?;
/// assert_eq!((dataset.len(), dataset.texts_per_row()), (2, 2));
/// let scored = EmbeddingDataset::scored("sts", [("A dog runs.", "A dog is running.", 0.95)])?;
/// assert_eq!(scored.kind(), EmbeddingKind::Scores);
/// let error = EmbeddingDataset::positives("empty", [vec!["a", " "]]).unwrap_err();
/// assert!(error.to_string().contains("row 0"));
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingDataset {
    /// Name used in reports.
    pub name: String,
    kind: EmbeddingKind,
    examples: Vec<EmbeddingExample>,
}

/// Splits of an embedding dataset; all have rows of the same kind.
pub type EmbeddingSplits = RowSplits<EmbeddingDataset>;

impl EmbeddingExample {
    /// Creates a row of an anchor, a positive and any number of negatives.
    pub fn positives<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Self {
        Self {
            texts: texts.into_iter().map(Into::into).collect(),
            label: None,
        }
    }

    /// Creates a pair with a score, or with a label 0 or 1.
    pub fn labeled(first: impl Into<String>, second: impl Into<String>, label: f64) -> Self {
        Self {
            texts: vec![first.into(), second.into()],
            label: Some(label),
        }
    }

    /// Describes what is wrong with the row, given the number of texts of the first row.
    fn problem(&self, kind: EmbeddingKind, texts: usize) -> Option<(String, String)> {
        let found = self.texts.len();
        if found < 2 {
            return Some(("at least two texts".into(), found.to_string()));
        }
        if found != texts {
            let expected = format!("{texts} texts, as in the first row");
            return Some((expected, found.to_string()));
        }
        if let Some(empty) = self.texts.iter().position(|text| text.trim().is_empty()) {
            return Some((
                "texts that are not empty".into(),
                format!("nothing in text {empty}"),
            ));
        }
        let label = || {
            self.label
                .map_or("no label".to_string(), |label| label.to_string())
        };
        match (kind, self.label) {
            (EmbeddingKind::Positives, None) => None,
            (EmbeddingKind::Positives, Some(_)) => Some(("no label".into(), label())),
            _ if found > 2 => Some(("a pair with a label".into(), format!("{found} texts"))),
            (EmbeddingKind::Scores, Some(score)) if score.is_finite() => None,
            (EmbeddingKind::Scores, _) => Some(("a finite score".into(), label())),
            (EmbeddingKind::Labels, Some(0.0 | 1.0)) => None,
            (EmbeddingKind::Labels, _) => Some(("a label 0 or 1".into(), label())),
        }
    }
}

impl EmbeddingDataset {
    /// Creates a dataset.
    ///
    /// # Errors
    /// - [`DataError::InvalidExample`] if a row has another number of texts than the first, an empty
    ///   text, no label among labeled rows, or a label that is none of its kind.
    pub fn new(
        name: impl Into<String>,
        kind: EmbeddingKind,
        examples: Vec<EmbeddingExample>,
    ) -> Result<Self, DataError> {
        let texts = examples.first().map_or(2, |first| first.texts.len());
        for (row, example) in examples.iter().enumerate() {
            if let Some((expected, found)) = example.problem(kind, texts) {
                return Err(DataError::example(row, expected, found));
            }
        }
        Ok(Self {
            name: name.into(),
            kind,
            examples,
        })
    }

    /// Creates a dataset of rows with an anchor, a positive and any number of negatives.
    ///
    /// # Errors
    /// - The errors of [`Self::new`].
    pub fn positives<S: Into<String>, R: IntoIterator<Item = S>>(
        name: impl Into<String>,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Self, DataError> {
        let rows = rows.into_iter().map(EmbeddingExample::positives);
        Self::new(name, EmbeddingKind::Positives, rows.collect())
    }

    /// Creates a dataset of pairs with scores.
    ///
    /// # Errors
    /// - The errors of [`Self::new`].
    pub fn scored<A: Into<String>, B: Into<String>>(
        name: impl Into<String>,
        rows: impl IntoIterator<Item = (A, B, f64)>,
    ) -> Result<Self, DataError> {
        let rows = rows
            .into_iter()
            .map(|(first, second, score)| EmbeddingExample::labeled(first, second, score));
        Self::new(name, EmbeddingKind::Scores, rows.collect())
    }

    /// Creates a dataset of pairs that belong together or do not.
    ///
    /// # Errors
    /// - The errors of [`Self::new`].
    pub fn labeled<A: Into<String>, B: Into<String>>(
        name: impl Into<String>,
        rows: impl IntoIterator<Item = (A, B, bool)>,
    ) -> Result<Self, DataError> {
        let rows = rows.into_iter().map(|(first, second, label)| {
            EmbeddingExample::labeled(first, second, f64::from(u8::from(label)))
        });
        Self::new(name, EmbeddingKind::Labels, rows.collect())
    }

    /// Returns what the rows say about their texts.
    pub fn kind(&self) -> EmbeddingKind {
        self.kind
    }

    /// Returns the rows.
    pub fn examples(&self) -> &[EmbeddingExample] {
        &self.examples
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Returns the number of texts of each row; 2 without rows.
    pub fn texts_per_row(&self) -> usize {
        self.examples.first().map_or(2, |first| first.texts.len())
    }

    /// Returns the dataset with cleaned texts.
    ///
    /// # Errors
    /// - [`DataError::InvalidExample`] if a text is empty after cleaning.
    pub fn clean(self, cleaning: &Cleaning) -> Result<Self, DataError> {
        let clean = |mut example: EmbeddingExample| {
            for text in &mut example.texts {
                *text = cleaning.apply(text).into_owned();
            }
            example
        };
        let examples = self.examples.into_iter().map(clean).collect();
        Self::new(self.name, self.kind, examples)
    }

    /// Returns the number of different texts.
    pub fn distinct_texts(&self) -> usize {
        let texts = self.examples.iter().flat_map(|example| &example.texts);
        texts.collect::<HashSet<_>>().len()
    }

    /// Returns a hexadecimal SHA-256 hash of the kind, and of all texts and labels in order.
    pub fn fingerprint(&self) -> String {
        let marker = format!("finetune embedding dataset 1 {:?}", self.kind);
        let mut hash = ContentHash::new(marker.as_bytes());
        for example in &self.examples {
            example
                .texts
                .iter()
                .for_each(|text| hash.add(text.as_bytes()));
            let label = example.label.map(f64::to_le_bytes);
            hash.add(label.as_ref().map_or(&[], |label| &label[..]));
        }
        hash.finish()
    }
}

impl SelectRows for EmbeddingDataset {
    fn num_rows(&self) -> usize {
        self.len()
    }

    fn name_mut(&mut self) -> &mut String {
        &mut self.name
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            kind: self.kind,
            examples: select_rows(&self.examples, rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_row_is_named() {
        let row = |texts: &[&str], label| EmbeddingExample {
            texts: texts.iter().map(ToString::to_string).collect(),
            label,
        };
        let message = |kind, rows: Vec<EmbeddingExample>| {
            EmbeddingDataset::new("rows", kind, rows)
                .unwrap_err()
                .to_string()
        };
        use EmbeddingKind::{Labels, Positives, Scores};
        for (kind, bad, expected) in [
            (Positives, row(&["a"], None), "2 texts"),
            (
                Positives,
                row(&["a", "b", "c"], None),
                "2 texts, as in the first row",
            ),
            (Positives, row(&["a", " \n"], None), "nothing in text 1"),
            (Positives, row(&["a", "b"], Some(1.0)), "no label"),
            (Scores, row(&["a", "b"], None), "a finite score"),
            (Scores, row(&["a", "b"], Some(f64::NAN)), "a finite score"),
            (Labels, row(&["a", "b"], Some(0.5)), "a label 0 or 1"),
            (Labels, row(&["a", "b"], None), "no label"),
        ] {
            let label = (kind != Positives).then_some(1.0);
            let found = message(kind, vec![row(&["x", "y"], label), bad.clone()]);
            if bad.texts.len() != 1 {
                assert!(found.contains(expected), "{found}");
            }
            assert!(found.contains("row 1"), "{found}");
        }
        let found = message(Scores, vec![row(&["a", "b", "c"], Some(1.0))]);
        assert!(found.contains("a pair with a label"), "{found}");
    }

    #[test]
    fn rows_are_held_out_once() {
        let rows = (0..10).map(|row| vec![format!("q{row}"), format!("a{row}")]);
        let dataset = EmbeddingDataset::positives("all", rows).unwrap();
        let [validation, train] = dataset.clone().hold_out(0.2, 7).unwrap();
        assert_eq!((validation.len(), train.len()), (2, 8));
        assert_eq!(validation.name, "all/validation");
        let mut rows = [validation.examples().to_vec(), train.examples().to_vec()].concat();
        rows.sort_by(|a, b| a.texts.cmp(&b.texts));
        assert_eq!(rows, dataset.examples());
        assert_eq!(dataset.distinct_texts(), 20);
        let [few, more] = [3, 30].map(|rows| dataset.subset(rows, 7));
        assert_eq!((few.len(), &more), (3, &dataset));
        assert_ne!(train.fingerprint(), dataset.fingerprint());
        for fraction in [0.0, 1.0, f64::NAN] {
            assert!(dataset.clone().hold_out(fraction, 7).is_err());
        }
    }
}
