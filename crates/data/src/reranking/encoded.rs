//! Tokenized reranking data and its batches.

use super::RerankingDataset;
use crate::batch::{Batch, collate};
use crate::dataset::{Schema, Target, TextArity};
use crate::encoded::{EncodedDataset, Labels};
use crate::error::DataError;
use crate::tokenizer::{EncodingConfig, PairEncoding, TextTokenizer, Truncation};

/// Token ids of a [`RerankingDataset`].
#[derive(Debug, Clone)]
pub struct EncodedRerankingDataset {
    /// Query and document of all rows, row by row, as pairs in one sequence with a score.
    pub pairs: EncodedDataset,
    /// 0, then the end of each row in the pairs.
    offsets: Vec<usize>,
}

/// Batch of rows of a reranking dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct RerankingBatch {
    /// Index of each row in the dataset.
    pub rows: Vec<usize>,
    /// Query and document of all rows, row by row; of each row the most relevant document first, and
    /// equally relevant ones in the order of the data.
    pub pairs: Batch,
    /// 0, then the end of each row in the pairs, `B + 1` in all.
    pub offsets: Vec<usize>,
}

impl EncodedRerankingDataset {
    /// Tokenizes a dataset, each document in one sequence with its query.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if truncation uses sliding windows, or texts are encoded
    ///   separately: a document has one score, and that of both texts together.
    /// - The errors of [`TextTokenizer::encode_pairs`].
    pub fn new(
        dataset: &RerankingDataset,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
    ) -> Result<Self, DataError> {
        if let Truncation::SlidingWindow { .. } = config.truncation {
            let expected = "head, tail or head-tail for rerankers";
            return Err(DataError::setting(
                "truncation",
                expected,
                config.truncation,
            ));
        }
        if config.pair_encoding == PairEncoding::BiEncoder {
            let expected = "cross_encoder for rerankers";
            return Err(DataError::setting("pair_encoding", expected, "bi_encoder"));
        }
        let (mut pairs, mut offsets) = (Vec::new(), vec![0]);
        for row in dataset.examples() {
            pairs.extend(row.documents.iter().map(|document| (&row.query, document)));
            offsets.push(pairs.len());
        }
        let labels: Vec<f32> = dataset.labels().map(|label| label as f32).collect();
        let (min, max) = dataset
            .labels()
            .fold((0.0f64, 1.0f64), |(min, max), label| {
                (min.min(label), max.max(label))
            });
        Ok(Self {
            pairs: EncodedDataset {
                texts: tokenizer.encode_pairs(&pairs, config)?,
                second_texts: None,
                labels: Labels::Scores(labels).into(),
                schema: Schema {
                    texts: TextArity::Pair,
                    target: Target::Score { min, max },
                },
            },
            offsets,
        })
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns 0, then the end of each row in the pairs.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Returns the number of tokens of each row: of all its pairs.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if mapped texts are corrupted.
    pub fn lengths(&self) -> Result<Vec<usize>, DataError> {
        let lengths = self.pairs.lengths()?;
        let rows = self.offsets.windows(2);
        Ok(rows
            .map(|ends| lengths[ends[0]..ends[1]].iter().sum())
            .collect())
    }

    /// Collates rows into a batch, in the given order.
    ///
    /// # Errors
    /// - [`DataError::RowOutOfRange`] if a row index is out of range.
    /// - The errors of [`collate`].
    pub fn collate(&self, rows: &[usize]) -> Result<RerankingBatch, DataError> {
        if let Some(row) = rows.iter().find(|row| **row >= self.len()) {
            let (row, rows) = (*row, self.len());
            return Err(DataError::RowOutOfRange { row, rows });
        }
        let (mut pairs, mut offsets) = (Vec::new(), vec![0]);
        for &row in rows {
            let ends = &self.offsets[row..row + 2];
            let mut documents: Vec<usize> = (ends[0]..ends[1]).collect();
            let labels = self.pairs.labels.select(&documents)?;
            let labels = labels.scores().unwrap_or_default();
            documents.sort_by(|a, b| labels[b - ends[0]].total_cmp(&labels[a - ends[0]]));
            pairs.extend(documents);
            offsets.push(pairs.len());
        }
        Ok(RerankingBatch {
            rows: rows.to_vec(),
            pairs: collate(&self.pairs, &pairs)?,
            offsets,
        })
    }
}

impl RerankingBatch {
    /// Returns the number of rows, `B`.
    pub fn batch_size(&self) -> usize {
        self.rows.len()
    }

    /// Returns the label of each pair.
    pub fn labels(&self) -> &[f32] {
        self.pairs.labels.scores().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reranking::RerankingExample;

    fn dataset() -> RerankingDataset {
        let rows = [
            (
                "one",
                vec![("two", 0.0), ("two two", 2.0), ("two two two", 0.0)],
            ),
            ("two", vec![("one", 1.0)]),
        ];
        let rows = rows.into_iter().map(|(query, documents)| RerankingExample {
            query: query.into(),
            documents: documents.iter().map(|(text, _)| text.to_string()).collect(),
            labels: documents.iter().map(|(_, label)| *label).collect(),
        });
        RerankingDataset::new("numbers", rows.collect()).unwrap()
    }

    fn encoded(config: &EncodingConfig) -> Result<EncodedRerankingDataset, DataError> {
        let tokenizer = TextTokenizer::train_wordpiece(["one two"; 3], 40).unwrap();
        EncodedRerankingDataset::new(&dataset(), &tokenizer, config)
    }

    #[test]
    fn the_most_relevant_document_of_a_list_comes_first() {
        let data = encoded(&EncodingConfig::new(16)).unwrap();
        assert_eq!(data.lengths().unwrap(), [5 + 6 + 7, 5]);
        let batch = data.collate(&[1, 0]).unwrap();
        assert_eq!(batch.offsets, [0, 1, 4]);
        assert_eq!(batch.labels(), [1.0, 2.0, 0.0, 0.0]);
        assert_eq!(batch.pairs.rows, [3, 1, 0, 2]);
        assert_eq!(
            batch.pairs.tokens.lengths().collect::<Vec<_>>(),
            [5, 6, 5, 7]
        );
        assert!(matches!(
            data.collate(&[2]),
            Err(DataError::RowOutOfRange { row: 2, rows: 2 })
        ));
    }

    #[test]
    fn a_pair_that_has_no_single_row_is_refused() {
        let windows = EncodingConfig {
            truncation: Truncation::SlidingWindow { stride: 0 },
            ..EncodingConfig::new(16)
        };
        let error = encoded(&windows).unwrap_err().to_string();
        assert!(error.contains("for rerankers"), "{error}");
        let apart = EncodingConfig {
            pair_encoding: PairEncoding::BiEncoder,
            ..EncodingConfig::new(16)
        };
        let error = encoded(&apart).unwrap_err().to_string();
        assert!(error.contains("cross_encoder for rerankers"), "{error}");
    }
}
