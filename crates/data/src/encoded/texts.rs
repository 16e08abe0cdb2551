//! Tokenised texts as flat arrays.

use std::ops::Range;

use finetune_storage::Array;

use super::builder::{EncodedTextsBuilder, FIRST_TYPE, SPECIAL, TRUNCATED, WORD};
use crate::error::DataError;

/// Token ids of many texts, end to end in one array, with what belongs to each token and each row.
///
/// Five bytes a token and no allocation a row: a million news articles take a third of a gigabyte.
/// The arrays are in memory, or in a mapped file; then each access may find the file damaged.
#[derive(Debug, Clone)]
pub struct EncodedTexts {
    pub(super) token_ids: Array<u32>,
    /// What else is known of a token, in bits.
    pub(super) token_flags: Array<u8>,
    /// Row `i` is `row_starts[i]..row_starts[i + 1]`.
    pub(super) row_starts: Array<u64>,
    pub(super) row_flags: Array<u8>,
    /// The text that each row is of, where a text may have several rows.
    pub(super) text_of_row: Option<Array<u32>>,
    /// Where in its text each token is.
    pub(super) offsets: Option<Array<[u32; 2]>>,
    /// The texts, not rows.
    pub(super) texts: usize,
    /// Whether it is known which tokens begin a word.
    pub(super) words: bool,
}

/// A row of tokens, special tokens included, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedRow<'a> {
    /// The ids.
    pub token_ids: &'a [u32],
    flags: &'a [u8],
    offsets: Option<&'a [[u32; 2]]>,
}

impl<'a> EncodedRow<'a> {
    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.token_ids.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.token_ids.is_empty()
    }

    /// The type of each token: which text of a pair it is of, in models that tell them apart.
    pub fn token_type_ids(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.flags.iter().map(|flags| u32::from(flags / FIRST_TYPE))
    }

    /// Whether each token was put there by the tokenizer, such as `[CLS]`.
    pub fn special_tokens_mask(&self) -> impl Iterator<Item = bool> + use<'a> {
        self.flags.iter().map(|flags| flags & SPECIAL != 0)
    }

    /// Whether each token begins a word; meaningful if [`EncodedTexts::has_words`].
    pub fn word_starts(&self) -> impl Iterator<Item = bool> + use<'a> {
        self.flags.iter().map(|flags| flags & WORD != 0)
    }

    /// Where each token is in its text, `[0, 0]` for special tokens; `None` if that was not kept.
    pub fn offsets(&self) -> Option<&'a [[u32; 2]]> {
        self.offsets
    }
}

impl EncodedTexts {
    /// Rows of token ids alone, as from a tokenizer of one's own: type 0, nothing truncated, one
    /// row a text, no token special.
    ///
    /// ```
    /// let texts = finetune_data::EncodedTexts::from_token_ids([vec![101, 7, 102], vec![101, 102]]);
    /// assert_eq!(texts.row(1)?.token_ids, [101, 102]);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    pub fn from_token_ids<R: AsRef<[u32]>>(rows: impl IntoIterator<Item = R>) -> Self {
        let mut builder = EncodedTextsBuilder::new(false, false);
        for row in rows {
            for &id in row.as_ref() {
                builder.push_token(id, 0, false, false, [0, 0]);
            }
            builder.end_row(false);
            builder.end_text();
        }
        builder.finish()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.row_flags.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of texts; below that of rows if long texts were cut into windows.
    pub fn text_count(&self) -> usize {
        self.texts
    }

    /// The text that a row is of.
    ///
    /// # Errors
    /// As [`Self::row`].
    pub fn text_of_row(&self, row: usize) -> Result<usize, DataError> {
        self.check(row)?;
        match &self.text_of_row {
            Some(texts) => Ok(texts.get(row..row + 1)?[0] as usize),
            None => Ok(row),
        }
    }

    /// A row.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Storage`] if a mapped file no longer holds what
    /// was written.
    pub fn row(&self, row: usize) -> Result<EncodedRow<'_>, DataError> {
        let tokens = self.tokens_of(row)?;
        let offsets = match &self.offsets {
            Some(offsets) => Some(offsets.get(tokens.clone())?),
            None => None,
        };
        Ok(EncodedRow {
            token_ids: self.token_ids.get(tokens.clone())?,
            flags: self.token_flags.get(tokens)?,
            offsets,
        })
    }

    /// The tokens of a row, special tokens included.
    ///
    /// # Errors
    /// As [`Self::row`].
    pub fn length(&self, row: usize) -> Result<usize, DataError> {
        Ok(self.tokens_of(row)?.len())
    }

    /// The tokens of each row, special tokens included.
    ///
    /// # Errors
    /// [`DataError::Storage`].
    pub fn lengths(&self) -> Result<Vec<usize>, DataError> {
        let starts = self.row_starts.all()?;
        Ok(starts
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as usize)
            .collect())
    }

    /// The tokens of all rows.
    pub fn token_count(&self) -> usize {
        self.token_ids.len()
    }

    /// The highest token id, `None` without rows: it must be below the rows of the embedding.
    ///
    /// # Errors
    /// [`DataError::Storage`].
    pub fn highest_token_id(&self) -> Result<Option<u32>, DataError> {
        Ok(self.token_ids.all()?.iter().copied().max())
    }

    /// Whether text was left out of a row, or goes on in another.
    ///
    /// # Errors
    /// As [`Self::row`].
    pub fn is_truncated(&self, row: usize) -> Result<bool, DataError> {
        self.check(row)?;
        Ok(self.row_flags.get(row..row + 1)?[0] & TRUNCATED != 0)
    }

    /// The rows whose text was longer than the maximum length.
    ///
    /// # Errors
    /// [`DataError::Storage`].
    pub fn truncated_count(&self) -> Result<usize, DataError> {
        let flags = self.row_flags.all()?.iter();
        Ok(flags.filter(|&flags| flags & TRUNCATED != 0).count())
    }

    /// Whether it is known which tokens begin a word.
    pub fn has_words(&self) -> bool {
        self.words
    }

    fn tokens_of(&self, row: usize) -> Result<Range<usize>, DataError> {
        self.check(row)?;
        let ends = self.row_starts.get(row..row + 2)?;
        Ok(ends[0] as usize..ends[1] as usize)
    }

    fn check(&self, row: usize) -> Result<(), DataError> {
        if row >= self.len() {
            return Err(DataError::RowOutOfRange {
                row,
                rows: self.len(),
            });
        }
        Ok(())
    }
}

/// Equal if the rows are, wherever they are kept. A damaged file equals nothing.
impl PartialEq for EncodedTexts {
    fn eq(&self, other: &Self) -> bool {
        let row = |texts: &Self, row: usize| {
            Some((texts.text_of_row(row).ok()?, texts.is_truncated(row).ok()?))
        };
        (self.len(), self.texts, self.words) == (other.len(), other.texts, other.words)
            && (0..self.len()).all(|index| match (self.row(index), other.row(index)) {
                (Ok(left), Ok(right)) => {
                    left == right
                        && row(self, index).is_some_and(|of| Some(of) == row(other, index))
                }
                _ => false,
            })
    }
}
