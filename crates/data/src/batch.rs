//! Padded batches.

use serde::{Deserialize, Serialize};

use crate::encoded::{EncodedDataset, EncodedTexts, Labels};
use crate::error::DataError;

/// Padding strategy of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Pad to the longest row of the batch.
    #[default]
    Longest,
    /// Pad to the longest row, rounded up to a multiple of this number. Fewer distinct shapes help
    /// devices that compile or tune kernels per shape.
    MultipleOf(usize),
    /// Pad to this length.
    Fixed(usize),
}

/// Tokens of several rows padded to one length, for tensors of shape `[B, S]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    /// Token ids, `B * S` in row-major order; padded with the pad token.
    pub token_ids: Vec<u32>,
    /// Token type ids, `B * S`; 0 for padding.
    pub token_type_ids: Vec<u32>,
    /// Attention mask, `B * S`; true for tokens of the row, false for padding.
    pub attention_mask: Vec<bool>,
    /// Special tokens mask, `B * S`; true for padding and for tokens added by the tokenizer, such
    /// as `[CLS]`.
    pub special_tokens_mask: Vec<bool>,
    /// Sequence length `S` in tokens.
    pub sequence_length: usize,
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
    /// Returns the number of tokens including padding, `B * S`.
    pub fn num_tokens(&self) -> usize {
        self.token_ids.len()
    }

    /// Returns the number of padding tokens.
    pub fn num_padding_tokens(&self) -> usize {
        self.attention_mask.iter().filter(|&&real| !real).count()
    }
}

impl Batch {
    /// Returns the batch size `B`.
    pub fn batch_size(&self) -> usize {
        self.rows.len()
    }

    /// Returns the number of tokens including padding, for both texts of separately encoded pairs.
    pub fn num_tokens(&self) -> usize {
        self.parts().map(TokenBatch::num_tokens).sum()
    }

    /// Returns the number of padding tokens, for both texts of separately encoded pairs.
    pub fn num_padding_tokens(&self) -> usize {
        self.parts().map(TokenBatch::num_padding_tokens).sum()
    }

    fn parts(&self) -> impl Iterator<Item = &TokenBatch> {
        std::iter::once(&self.tokens).chain(&self.second_tokens)
    }
}

/// Collates rows of a dataset into a batch, in the given order.
///
/// ```
/// use finetune_data::{EncodedDataset, EncodedTexts, Labels, Padding, Schema, collate};
///
/// let dataset = EncodedDataset {
///     texts: EncodedTexts::from_token_ids([vec![101, 7, 102], vec![101, 102]]),
///     second_texts: None,
///     labels: Labels::Classes(vec![1, 0]).into(),
///     schema: Schema::classification(["no", "yes"]),
/// };
/// let batch = collate(&dataset, &[1, 0], Padding::Longest, 0)?;
/// assert_eq!(batch.tokens.token_ids, [101, 102, 0, 101, 7, 102]);
/// assert_eq!(batch.tokens.attention_mask, [true, true, false, true, true, true]);
/// assert_eq!(batch.labels, Labels::Classes(vec![0, 1]));
/// # Ok::<(), finetune_data::DataError>(())
/// ```
///
/// # Errors
/// - [`DataError::RowOutOfRange`] if a row index is out of range.
/// - [`DataError::InvalidExample`] if a row is longer than [`Padding::Fixed`].
/// - [`DataError::InvalidSetting`] if the multiple of [`Padding::MultipleOf`] is 0.
/// - [`DataError::Storage`] if a mapped dataset is corrupted.
pub fn collate(
    dataset: &EncodedDataset,
    rows: &[usize],
    padding: Padding,
    pad_token_id: u32,
) -> Result<Batch, DataError> {
    let texts = rows.iter().map(|&row| dataset.texts.text_of_row(row));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let second_tokens = match &dataset.second_texts {
        Some(second) => Some(collate_texts(second, rows, padding, pad_token_id)?),
        None => None,
    };
    Ok(Batch {
        tokens: collate_texts(&dataset.texts, rows, padding, pad_token_id)?,
        second_tokens,
        labels: dataset.labels.select(&texts)?,
        rows: rows.to_vec(),
    })
}

/// Collates rows of tokens into a padded batch, in the given order.
///
/// # Errors
/// The same errors as [`collate`].
pub fn collate_texts(
    texts: &EncodedTexts,
    rows: &[usize],
    padding: Padding,
    pad_token_id: u32,
) -> Result<TokenBatch, DataError> {
    let sequence_length = padded_length(texts, rows, padding)?;
    let num_tokens = rows.len() * sequence_length;
    let mut batch = TokenBatch {
        token_ids: Vec::with_capacity(num_tokens),
        token_type_ids: Vec::with_capacity(num_tokens),
        attention_mask: Vec::with_capacity(num_tokens),
        special_tokens_mask: Vec::with_capacity(num_tokens),
        sequence_length,
    };
    for (position, &row) in rows.iter().enumerate() {
        let row = texts.row(row)?;
        let (start, end) = (position * sequence_length, (position + 1) * sequence_length);
        batch.token_ids.extend_from_slice(row.token_ids);
        batch.token_ids.resize(end, pad_token_id);
        batch.token_type_ids.extend(row.token_type_ids());
        batch.token_type_ids.resize(end, 0);
        batch.attention_mask.resize(start + row.len(), true);
        batch.attention_mask.resize(end, false);
        batch.special_tokens_mask.extend(row.special_tokens_mask());
        batch.special_tokens_mask.resize(end, true);
    }
    Ok(batch)
}

fn padded_length(
    texts: &EncodedTexts,
    rows: &[usize],
    padding: Padding,
) -> Result<usize, DataError> {
    let lengths = rows.iter().map(|&row| texts.length(row));
    let lengths = lengths.collect::<Result<Vec<_>, _>>()?;
    let longest = lengths.iter().copied().max().unwrap_or(0);
    match padding {
        Padding::Longest => Ok(longest),
        Padding::MultipleOf(0) => Err(DataError::setting("padding multiple", "at least 1", 0)),
        Padding::MultipleOf(multiple) => Ok(longest.next_multiple_of(multiple)),
        Padding::Fixed(sequence_length) => {
            match lengths.iter().position(|&length| length > sequence_length) {
                Some(place) => {
                    let expected = format!("at most {sequence_length} tokens (fixed padding)");
                    Err(DataError::example(rows[place], expected, lengths[place]))
                }
                None => Ok(sequence_length),
            }
        }
    }
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
    fn lengths_follow_the_padding() {
        let dataset = rows(&[3, 5]);
        let length = |padding| {
            let batch = collate(&dataset, &[0, 1], padding, 0).unwrap();
            assert_eq!(batch.num_tokens(), 2 * batch.tokens.sequence_length);
            batch.tokens.sequence_length
        };
        assert_eq!(length(Padding::Longest), 5);
        assert_eq!(length(Padding::MultipleOf(4)), 8);
        assert_eq!(length(Padding::MultipleOf(5)), 5);
        assert_eq!(length(Padding::Fixed(9)), 9);
    }

    #[test]
    fn impossible_batches_are_refused() {
        let dataset = rows(&[3, 5]);
        assert!(matches!(
            collate(&dataset, &[0, 1], Padding::Fixed(4), 0),
            Err(DataError::InvalidExample { row: 1, found, .. }) if found == "5"
        ));
        assert!(matches!(
            collate(&dataset, &[0], Padding::MultipleOf(0), 0),
            Err(DataError::InvalidSetting { .. })
        ));
        assert!(matches!(
            collate(&dataset, &[2], Padding::Longest, 0),
            Err(DataError::RowOutOfRange { row: 2, rows: 2 })
        ));
    }

    #[test]
    fn the_two_texts_of_a_pair_may_be_rows_of_their_own() {
        let dataset = EncodedDataset {
            second_texts: Some(rows(&[2, 1]).texts),
            ..rows(&[3, 5])
        };
        let batch = collate(&dataset, &[0, 1], Padding::Longest, 0).unwrap();
        assert_eq!(batch.tokens.sequence_length, 5);
        assert_eq!(batch.second_tokens.as_ref().unwrap().sequence_length, 2);
        assert_eq!((batch.num_tokens(), batch.num_padding_tokens()), (14, 3));
    }

    #[test]
    fn padding_reads_as_the_words_of_a_config_file() {
        let padding = |text: &str| serde_json::from_str::<Padding>(text).unwrap();
        assert_eq!(padding("\"longest\""), Padding::default());
        assert_eq!(padding("{\"multiple_of\": 8}"), Padding::MultipleOf(8));
        assert_eq!(padding("{\"fixed\": 512}"), Padding::Fixed(512));
    }

    #[test]
    fn no_rows_make_an_empty_batch() {
        let batch = collate(&rows(&[3]), &[], Padding::Longest, 0).unwrap();
        assert_eq!(
            (
                batch.batch_size(),
                batch.num_tokens(),
                batch.num_padding_tokens()
            ),
            (0, 0, 0)
        );
    }
}
