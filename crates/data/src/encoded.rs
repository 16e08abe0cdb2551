//! Tokenised texts as flat arrays.

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::tokenizer::TextTokenizer;

/// Token ids and token type ids of many texts, end to end in one array each.
///
/// Four bytes a token and no allocation a row: a million news articles take half a gigabyte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedTexts {
    token_ids: Vec<u32>,
    token_type_ids: Vec<u32>,
    /// Row `i` is `offsets[i]..offsets[i + 1]`.
    offsets: Vec<usize>,
    truncated: Vec<bool>,
}

impl Default for EncodedTexts {
    fn default() -> Self {
        Self::new()
    }
}

impl EncodedTexts {
    /// No rows.
    pub fn new() -> Self {
        Self {
            token_ids: Vec::new(),
            token_type_ids: Vec::new(),
            offsets: vec![0],
            truncated: Vec::new(),
        }
    }

    /// Adds a row: its token ids, special tokens included, each with its token type, and whether
    /// the text was longer than that.
    pub fn push(&mut self, tokens: impl IntoIterator<Item = (u32, u32)>, truncated: bool) {
        for (id, token_type) in tokens {
            self.token_ids.push(id);
            self.token_type_ids.push(token_type);
        }
        self.offsets.push(self.token_ids.len());
        self.truncated.push(truncated);
    }

    /// Adds all rows of another.
    pub fn append(&mut self, other: &EncodedTexts) {
        let start = self.token_ids.len();
        self.token_ids.extend_from_slice(&other.token_ids);
        self.token_type_ids.extend_from_slice(&other.token_type_ids);
        self.offsets
            .extend(other.offsets[1..].iter().map(|offset| start + offset));
        self.truncated.extend_from_slice(&other.truncated);
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.truncated.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.truncated.is_empty()
    }

    /// The token ids and the token type ids of a row, without padding.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> (&[u32], &[u32]) {
        let tokens = self.offsets[row]..self.offsets[row + 1];
        (
            &self.token_ids[tokens.clone()],
            &self.token_type_ids[tokens],
        )
    }

    /// The tokens of a row, special tokens included.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn length(&self, row: usize) -> usize {
        self.offsets[row + 1] - self.offsets[row]
    }

    /// The tokens of each row, special tokens included.
    pub fn lengths(&self) -> Vec<usize> {
        self.offsets
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect()
    }

    /// The tokens of all rows.
    pub fn token_count(&self) -> usize {
        self.token_ids.len()
    }

    /// The highest token id, `None` without rows: it must be below the rows of the embedding.
    pub fn highest_token_id(&self) -> Option<u32> {
        self.token_ids.iter().copied().max()
    }

    /// The rows whose text was longer than the maximum length.
    pub fn truncated_count(&self) -> usize {
        self.truncated
            .iter()
            .filter(|&&truncated| truncated)
            .count()
    }
}

/// A data set ready for batching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedDataset {
    /// The tokenised texts, in the order of the data set.
    pub texts: EncodedTexts,
    /// The class of each row.
    pub labels: Vec<usize>,
    /// The names of the classes.
    pub class_names: Vec<String>,
}

impl EncodedDataset {
    /// Tokenises all texts of a data set on all cores.
    ///
    /// `max_length` counts tokens, special tokens included; longer texts lose their end.
    ///
    /// # Errors
    /// As [`TextTokenizer::encode`].
    pub fn new(
        dataset: &Dataset,
        tokenizer: &TextTokenizer,
        max_length: usize,
    ) -> Result<Self, DataError> {
        let texts: Vec<&str> = dataset
            .examples
            .iter()
            .map(|example| example.text.as_str())
            .collect();
        Ok(Self {
            texts: tokenizer.encode(&texts, max_length)?,
            labels: dataset
                .examples
                .iter()
                .map(|example| example.label)
                .collect(),
            class_names: dataset.class_names.clone(),
        })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_tokens_when_arrays_are_joined() {
        let mut first = EncodedTexts::new();
        first.push([(1, 0), (2, 0)], false);
        first.push([], false);
        let mut second = EncodedTexts::new();
        second.push([(3, 0), (4, 1), (5, 1)], true);
        first.append(&second);

        assert_eq!(first.len(), 3);
        assert_eq!(first.lengths(), [2, 0, 3]);
        assert_eq!(first.length(2), 3);
        assert_eq!(first.row(0), (&[1, 2][..], &[0, 0][..]));
        assert_eq!(first.row(1), (&[][..], &[][..]));
        assert_eq!(first.row(2), (&[3, 4, 5][..], &[0, 1, 1][..]));
        assert_eq!(first.truncated_count(), 1);
        assert_eq!(first.token_count(), 5);
        assert_eq!(first.highest_token_id(), Some(5));
    }
}
