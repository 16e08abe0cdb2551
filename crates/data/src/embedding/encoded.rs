//! Tokenized embedding data and its batches.

use finetune_random::name_hash;

use super::{EmbeddingDataset, EmbeddingKind};
use crate::batch::{TokenBatch, collate_texts};
use crate::encoded::EncodedTexts;
use crate::error::DataError;
use crate::tokenizer::{EncodingConfig, TextTokenizer, Truncation};

/// Token ids of an [`EmbeddingDataset`].
#[derive(Debug, Clone)]
pub struct EncodedEmbeddingDataset {
    /// Texts of all rows, row by row.
    pub texts: EncodedTexts,
    kind: EmbeddingKind,
    texts_per_row: usize,
    /// Score or label of each row; empty for positives.
    labels: Vec<f64>,
    /// Hash of each text, row by row.
    text_keys: Vec<u64>,
}

/// Batch of rows of an embedding dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingBatch {
    /// Index of each row in the dataset.
    pub rows: Vec<usize>,
    /// All first texts, then all second texts, and so on: `K * B` sequences for `K` texts per row.
    pub tokens: TokenBatch,
    /// Number of texts per row, `K`.
    pub texts_per_row: usize,
    /// Score or label of each row; empty for positives.
    pub labels: Vec<f64>,
}

impl EncodedEmbeddingDataset {
    /// Tokenizes a dataset, each text as a row of its own.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if truncation uses sliding windows: a text has one embedding.
    /// - The errors of [`TextTokenizer::encode`].
    pub fn new(
        dataset: &EmbeddingDataset,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
    ) -> Result<Self, DataError> {
        if let Truncation::SlidingWindow { .. } = config.truncation {
            let expected = "head, tail or head-tail for embeddings";
            return Err(DataError::setting(
                "truncation",
                expected,
                config.truncation,
            ));
        }
        let rows = dataset.examples();
        let texts: Vec<&String> = rows.iter().flat_map(|row| &row.texts).collect();
        Ok(Self {
            text_keys: texts.iter().map(|text| name_hash(text)).collect(),
            texts: tokenizer.encode(&texts, config)?,
            kind: dataset.kind(),
            texts_per_row: dataset.texts_per_row(),
            labels: rows.iter().filter_map(|row| row.label).collect(),
        })
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.texts.len() / self.texts_per_row
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what the rows say about their texts.
    pub fn kind(&self) -> EmbeddingKind {
        self.kind
    }

    /// Returns the number of texts of each row, `K`.
    pub fn texts_per_row(&self) -> usize {
        self.texts_per_row
    }

    /// Returns the score or label of each row; empty for positives.
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// Returns the number of tokens of each row: of all its texts.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if mapped texts are corrupted.
    pub fn lengths(&self) -> Result<Vec<usize>, DataError> {
        let lengths = self.texts.lengths()?;
        let rows = lengths.chunks_exact(self.texts_per_row);
        Ok(rows.map(|row| row.iter().sum()).collect())
    }

    /// Returns a key of each text of a row: equal texts have equal keys.
    ///
    /// # Panics
    /// If the row index is out of range.
    pub fn text_keys(&self, row: usize) -> &[u64] {
        &self.text_keys[row * self.texts_per_row..][..self.texts_per_row]
    }

    /// Collates rows into a batch, in the given order.
    ///
    /// # Errors
    /// - [`DataError::RowOutOfRange`] if a row index is out of range.
    pub fn collate(&self, rows: &[usize]) -> Result<EmbeddingBatch, DataError> {
        if let Some(row) = rows.iter().find(|row| **row >= self.len()) {
            let (row, rows) = (*row, self.len());
            return Err(DataError::RowOutOfRange { row, rows });
        }
        let columns = 0..self.texts_per_row;
        let texts: Vec<usize> = columns
            .flat_map(|column| {
                rows.iter()
                    .map(move |row| row * self.texts_per_row + column)
            })
            .collect();
        let labels = rows.iter().filter_map(|row| self.labels.get(*row).copied());
        Ok(EmbeddingBatch {
            tokens: collate_texts(&self.texts, &texts)?,
            texts_per_row: self.texts_per_row,
            labels: labels.collect(),
            rows: rows.to_vec(),
        })
    }
}

impl EmbeddingBatch {
    /// Returns the number of rows, `B`.
    pub fn batch_size(&self) -> usize {
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded() -> EncodedEmbeddingDataset {
        let rows = [["one", "two two"], ["two two", "one one one"]];
        let dataset = EmbeddingDataset::positives("numbers", rows).unwrap();
        let tokenizer = TextTokenizer::train_wordpiece(["one two"; 3], 40).unwrap();
        EncodedEmbeddingDataset::new(&dataset, &tokenizer, &EncodingConfig::new(8)).unwrap()
    }

    #[test]
    fn the_texts_of_a_batch_come_column_by_column() {
        let data = encoded();
        let words = |text: usize| data.texts.row(text).unwrap().token_ids.to_vec();
        let batch = data.collate(&[1, 0]).unwrap();
        assert_eq!(
            batch.tokens.token_ids,
            [words(2), words(0), words(3), words(1)].concat()
        );
        assert_eq!((batch.batch_size(), batch.texts_per_row), (2, 2));
        assert_eq!(data.lengths().unwrap(), [7, 9]);
        assert!(matches!(
            data.collate(&[2]),
            Err(DataError::RowOutOfRange { row: 2, rows: 2 })
        ));
    }

    #[test]
    fn equal_texts_have_equal_keys() {
        let data = encoded();
        assert_eq!(data.text_keys(0)[1], data.text_keys(1)[0]);
        assert_ne!(data.text_keys(0)[0], data.text_keys(0)[1]);
    }
}
