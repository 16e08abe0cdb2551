//! Batches: the tokens of several rows packed end to end.

use crate::encoded::{EncodedDataset, EncodedTexts, Labels};
use crate::error::DataError;

/// Tokens of several rows packed end to end, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    /// Token ids, `T` in the order of the rows.
    pub token_ids: Vec<u32>,
    /// Token type ids, `T`.
    pub token_type_ids: Vec<u32>,
    /// Special tokens mask, `T`; true for tokens added by the tokenizer, such as `[CLS]`.
    pub special_tokens_mask: Vec<bool>,
    /// 0, then the end of each row, `B + 1` in all.
    pub sequence_offsets: Vec<usize>,
}

/// Batch of rows of a dataset: model inputs and labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Index of each row in the dataset.
    pub rows: Vec<usize>,
    /// The texts; for jointly encoded pairs, both texts in one sequence.
    pub tokens: TokenBatch,
    /// The second texts of separately encoded pairs.
    pub second_tokens: Option<TokenBatch>,
    /// The labels.
    pub labels: Labels,
}

impl TokenBatch {
    /// Returns the number of rows, `B`.
    pub fn batch_size(&self) -> usize {
        self.sequence_offsets.len().saturating_sub(1)
    }

    /// Returns the batches of at most `rows` successive rows.
    ///
    /// ```
    /// use finetune_data::{EncodedTexts, collate_texts};
    ///
    /// let texts = EncodedTexts::from_token_ids([vec![1, 2], vec![3], vec![4, 5]]);
    /// let batch = collate_texts(&texts, &[0, 1, 2])?;
    /// let chunks: Vec<_> = batch.chunks(2).collect();
    /// assert_eq!(chunks[1].token_ids, [4, 5]);
    /// assert_eq!(chunks[0].sequence_offsets, [0, 2, 3]);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Panics
    /// If `rows` is 0.
    pub fn chunks(&self, rows: usize) -> impl Iterator<Item = TokenBatch> + '_ {
        let starts = (0..self.batch_size()).step_by(rows);
        starts.map(move |first| {
            let last = (first + rows).min(self.batch_size());
            let ends = &self.sequence_offsets[first..=last];
            let tokens = ends[0]..ends[ends.len() - 1];
            Self {
                token_ids: self.token_ids[tokens.clone()].to_vec(),
                token_type_ids: self.token_type_ids[tokens.clone()].to_vec(),
                special_tokens_mask: self.special_tokens_mask[tokens.clone()].to_vec(),
                sequence_offsets: ends.iter().map(|end| end - tokens.start).collect(),
            }
        })
    }

    /// Returns the number of tokens, `T`.
    pub fn num_tokens(&self) -> usize {
        self.token_ids.len()
    }

    /// Returns the number of tokens of each row.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.sequence_offsets
            .windows(2)
            .map(|ends| ends[1] - ends[0])
    }
}

impl Batch {
    /// Returns the batch size `B`.
    pub fn batch_size(&self) -> usize {
        self.rows.len()
    }

    /// Returns the number of tokens, for both texts of separately encoded pairs.
    pub fn num_tokens(&self) -> usize {
        let parts = std::iter::once(&self.tokens).chain(&self.second_tokens);
        parts.map(TokenBatch::num_tokens).sum()
    }
}

/// Collates rows of a dataset into a batch, in the given order.
///
/// ```
/// use finetune_data::{EncodedDataset, EncodedTexts, Labels, Schema, collate};
///
/// let dataset = EncodedDataset {
///     texts: EncodedTexts::from_token_ids([vec![101, 7, 102], vec![101, 102]]),
///     second_texts: None,
///     labels: Labels::Classes(vec![1, 0]).into(),
///     schema: Schema::classification(["no", "yes"]),
/// };
/// let batch = collate(&dataset, &[1, 0])?;
/// assert_eq!(batch.tokens.token_ids, [101, 102, 101, 7, 102]);
/// assert_eq!(batch.tokens.sequence_offsets, [0, 2, 5]);
/// assert_eq!(batch.labels, Labels::Classes(vec![0, 1]));
/// # Ok::<(), finetune_data::DataError>(())
/// ```
///
/// # Errors
/// - [`DataError::RowOutOfRange`] if a row index is out of range.
/// - [`DataError::InvalidExample`] if a row has no tokens.
/// - [`DataError::Storage`] if a mapped dataset is corrupted.
pub fn collate(dataset: &EncodedDataset, rows: &[usize]) -> Result<Batch, DataError> {
    let texts = rows.iter().map(|&row| dataset.texts.text_of_row(row));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let second = dataset.second_texts.as_ref();
    let second_tokens = second.map(|second| collate_texts(second, rows));
    Ok(Batch {
        tokens: collate_texts(&dataset.texts, rows)?,
        second_tokens: second_tokens.transpose()?,
        labels: dataset.labels.select(&texts)?,
        rows: rows.to_vec(),
    })
}

/// Collates rows of tokens into a batch, in the given order.
///
/// # Errors
/// - The errors of [`collate`].
pub fn collate_texts(texts: &EncodedTexts, rows: &[usize]) -> Result<TokenBatch, DataError> {
    let mut batch = TokenBatch {
        token_ids: Vec::new(),
        token_type_ids: Vec::new(),
        special_tokens_mask: Vec::new(),
        sequence_offsets: vec![0],
    };
    for &row in rows {
        let encoded = texts.row(row)?;
        if encoded.is_empty() {
            return Err(DataError::example(row, "at least one token", 0));
        }
        batch.token_ids.extend_from_slice(encoded.token_ids);
        batch.token_type_ids.extend(encoded.token_type_ids());
        batch
            .special_tokens_mask
            .extend(encoded.special_tokens_mask());
        batch.sequence_offsets.push(batch.token_ids.len());
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Schema;

    fn rows(lengths: &[usize]) -> EncodedDataset {
        EncodedDataset {
            texts: EncodedTexts::from_token_ids(lengths.iter().map(|&length| vec![7; length])),
            second_texts: None,
            labels: Labels::Classes(vec![0; lengths.len()]).into(),
            schema: Schema::classification(["a"]),
        }
    }

    #[test]
    fn impossible_batches_are_refused() {
        let dataset = rows(&[3, 0]);
        assert!(matches!(
            collate(&dataset, &[0, 2]),
            Err(DataError::RowOutOfRange { row: 2, rows: 2 })
        ));
        assert!(matches!(
            collate(&dataset, &[0, 1]),
            Err(DataError::InvalidExample { row: 1, found, .. }) if found == "0"
        ));
    }

    #[test]
    fn the_two_texts_of_a_pair_may_be_rows_of_their_own() {
        let dataset = EncodedDataset {
            second_texts: Some(rows(&[2, 1]).texts),
            ..rows(&[3, 5])
        };
        let batch = collate(&dataset, &[0, 1]).unwrap();
        assert_eq!(batch.tokens.sequence_offsets, [0, 3, 8]);
        let second = batch.second_tokens.as_ref().unwrap();
        assert_eq!(second.sequence_offsets, [0, 2, 3]);
        assert_eq!(batch.num_tokens(), 11);
    }

    #[test]
    fn no_rows_make_an_empty_batch() {
        let batch = collate(&rows(&[3]), &[]).unwrap();
        assert_eq!((batch.batch_size(), batch.num_tokens()), (0, 0));
    }
}
