//! Rows of different lengths as one rectangle.

use serde::{Deserialize, Serialize};

use crate::encoded::EncodedDataset;
use crate::error::DataError;

/// How long a padded batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// As its longest row: the least that is possible.
    #[default]
    Longest,
    /// As its longest row, rounded up to a multiple of this: fewer different shapes, which devices
    /// that compile or tune a kernel for each shape like.
    MultipleOf(usize),
    /// As long as this, whatever the rows.
    Fixed(usize),
}

/// Rows padded to one length, ready to become tensors of shape `[B, S]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The position of each row in the data set.
    pub rows: Vec<usize>,
    /// Token ids, `B * S`, row after row; the pad token behind each row's own.
    pub token_ids: Vec<u32>,
    /// Token type ids, `B * S`; 0 in padding.
    pub token_type_ids: Vec<u32>,
    /// `B * S`; true for the row's own tokens, false for padding.
    pub attention_mask: Vec<bool>,
    /// The class of each row.
    pub labels: Vec<usize>,
    /// `S`, the length of every row.
    pub sequence_length: usize,
}

impl Batch {
    /// `B`, the number of rows.
    pub fn size(&self) -> usize {
        self.rows.len()
    }

    /// `B * S`, the places for tokens.
    pub fn slots(&self) -> usize {
        self.token_ids.len()
    }

    /// The places that hold padding: work that a model does for nothing.
    pub fn padded_slots(&self) -> usize {
        self.attention_mask.iter().filter(|&&real| !real).count()
    }
}

/// Puts the given rows of a data set into one batch, in the order given.
///
/// ```
/// use finetune_data::{EncodedDataset, EncodedTexts, Padding, collate};
///
/// let mut texts = EncodedTexts::new();
/// texts.push([(101, 0), (7, 0), (102, 0)], false);
/// texts.push([(101, 0), (102, 0)], false);
/// let dataset = EncodedDataset { texts, labels: vec![1, 0], class_names: vec![] };
///
/// let batch = collate(&dataset, &[1, 0], Padding::Longest, 0)?;
/// assert_eq!(batch.token_ids, [101, 102, 0, 101, 7, 102]);
/// assert_eq!(batch.attention_mask, [true, true, false, true, true, true]);
/// assert_eq!(batch.labels, [0, 1]);
/// # Ok::<(), finetune_data::DataError>(())
/// ```
///
/// # Errors
/// If the data set has no such row, a row is longer than the fixed length, or the multiple is 0.
pub fn collate(
    dataset: &EncodedDataset,
    rows: &[usize],
    padding: Padding,
    pad_token_id: u32,
) -> Result<Batch, DataError> {
    let available = dataset.texts.len().min(dataset.labels.len());
    if let Some(&row) = rows.iter().find(|&&row| row >= available) {
        return Err(DataError::RowOutOfRange {
            row,
            rows: available,
        });
    }
    let sequence_length = padded_length(dataset, rows, padding)?;
    let slots = rows.len() * sequence_length;
    let mut batch = Batch {
        rows: rows.to_vec(),
        token_ids: Vec::with_capacity(slots),
        token_type_ids: Vec::with_capacity(slots),
        attention_mask: Vec::with_capacity(slots),
        labels: rows.iter().map(|&row| dataset.labels[row]).collect(),
        sequence_length,
    };
    for (position, &row) in rows.iter().enumerate() {
        let end = (position + 1) * sequence_length;
        let (token_ids, token_type_ids) = dataset.texts.row(row);
        batch.token_ids.extend_from_slice(token_ids);
        batch.token_ids.resize(end, pad_token_id);
        batch.token_type_ids.extend_from_slice(token_type_ids);
        batch.token_type_ids.resize(end, 0);
        batch
            .attention_mask
            .resize(end - sequence_length + token_ids.len(), true);
        batch.attention_mask.resize(end, false);
    }
    Ok(batch)
}

fn padded_length(
    dataset: &EncodedDataset,
    rows: &[usize],
    padding: Padding,
) -> Result<usize, DataError> {
    let length = |&row: &usize| dataset.texts.length(row);
    let longest = rows.iter().map(length).max().unwrap_or(0);
    match padding {
        Padding::Longest => Ok(longest),
        Padding::MultipleOf(0) => Err(DataError::PaddingMultipleZero),
        Padding::MultipleOf(multiple) => Ok(longest.next_multiple_of(multiple)),
        Padding::Fixed(sequence_length) => {
            match rows.iter().find(|row| length(row) > sequence_length) {
                Some(row) => Err(DataError::LongerThanFixedPadding {
                    row: *row,
                    sequence_length,
                    found: length(row),
                }),
                None => Ok(sequence_length),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoded::EncodedTexts;

    fn dataset(lengths: &[usize]) -> EncodedDataset {
        let mut texts = EncodedTexts::new();
        for &length in lengths {
            texts.push((0..length as u32).map(|id| (id + 1, id % 2)), false);
        }
        EncodedDataset {
            texts,
            labels: (0..lengths.len()).collect(),
            class_names: Vec::new(),
        }
    }

    #[test]
    fn the_padding_decides_the_length() {
        let dataset = dataset(&[3, 5, 1]);
        let length = |padding| {
            collate(&dataset, &[0, 1], padding, 0)
                .unwrap()
                .sequence_length
        };
        assert_eq!(length(Padding::Longest), 5);
        assert_eq!(length(Padding::MultipleOf(4)), 8);
        assert_eq!(length(Padding::MultipleOf(5)), 5);
        assert_eq!(length(Padding::Fixed(7)), 7);
    }

    #[test]
    fn slots_are_counted() {
        let batch = collate(&dataset(&[3, 5, 1]), &[2, 1], Padding::Longest, 9).unwrap();
        assert_eq!(
            (batch.size(), batch.slots(), batch.padded_slots()),
            (2, 10, 4)
        );
        assert_eq!(batch.token_ids, [1, 9, 9, 9, 9, 1, 2, 3, 4, 5]);
        assert_eq!(batch.token_type_ids, [0, 0, 0, 0, 0, 0, 1, 0, 1, 0]);
        assert_eq!(batch.rows, [2, 1]);
        assert_eq!(batch.labels, [2, 1]);
    }

    #[test]
    fn what_cannot_be_padded_is_an_error() {
        let dataset = dataset(&[3, 5]);
        assert!(matches!(
            collate(&dataset, &[0, 1], Padding::Fixed(4), 0),
            Err(DataError::LongerThanFixedPadding {
                row: 1,
                sequence_length: 4,
                found: 5
            })
        ));
        assert!(matches!(
            collate(&dataset, &[0], Padding::MultipleOf(0), 0),
            Err(DataError::PaddingMultipleZero)
        ));
        assert!(matches!(
            collate(&dataset, &[2], Padding::Longest, 0),
            Err(DataError::RowOutOfRange { row: 2, rows: 2 })
        ));
    }

    #[test]
    fn padding_reads_as_the_words_of_a_config_file() {
        let padding = |text: &str| serde_json::from_str::<Padding>(text).unwrap();
        assert_eq!(padding("\"longest\""), Padding::default());
        assert_eq!(padding("{\"multiple_of\": 8}"), Padding::MultipleOf(8));
        assert_eq!(padding("{\"fixed\": 512}"), Padding::Fixed(512));
    }
}
