//! Tokenized texts in flat arrays.

use std::ops::Range;

use finetune_storage::Array;

use super::builder::{EncodedTextsBuilder, FIRST_TYPE, SPECIAL, TRUNCATED, WORD};
use crate::error::DataError;

/// Token ids of many texts in one flat array, with flags for each token and each row.
///
/// Memory use is five bytes per token without an allocation per row: a million news articles take a
/// third of a gigabyte. The arrays are in memory or in a mapped file; reading a mapped file can
/// fail if it is corrupted.
#[derive(Debug, Clone)]
pub struct EncodedTexts {
    pub(super) token_ids: Array<u32>,
    /// Flags of each token, as bits.
    pub(super) token_flags: Array<u8>,
    /// Row `i` consists of the tokens `row_starts[i]..row_starts[i + 1]`.
    pub(super) row_starts: Array<u64>,
    pub(super) row_flags: Array<u8>,
    /// Index of the text of each row, if texts may have several rows.
    pub(super) text_of_row: Option<Array<u32>>,
    /// Offsets of each token in its text.
    pub(super) offsets: Option<Array<[u32; 2]>>,
    /// Number of texts, which may differ from the number of rows.
    pub(super) texts: usize,
    /// Whether word starts are known.
    pub(super) words: bool,
}

/// A row of tokens, including special tokens, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedRow<'a> {
    /// Token ids.
    pub token_ids: &'a [u32],
    flags: &'a [u8],
    offsets: Option<&'a [[u32; 2]]>,
}

impl<'a> EncodedRow<'a> {
    /// Returns the number of tokens.
    pub fn len(&self) -> usize {
        self.token_ids.len()
    }

    /// Returns whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.token_ids.is_empty()
    }

    /// Returns the token type ids, which distinguish the texts of a pair in models that use them.
    pub fn token_type_ids(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.flags.iter().map(|flags| u32::from(flags / FIRST_TYPE))
    }

    /// Returns for each token whether the tokenizer added it, such as `[CLS]`.
    pub fn special_tokens_mask(&self) -> impl Iterator<Item = bool> + use<'a> {
        self.flags.iter().map(|flags| flags & SPECIAL != 0)
    }

    /// Returns for each token whether it begins a word; valid if [`EncodedTexts::has_words`].
    pub fn word_starts(&self) -> impl Iterator<Item = bool> + use<'a> {
        self.flags.iter().map(|flags| flags & WORD != 0)
    }

    /// Returns the offsets of each token in its text, `[0, 0]` for special tokens; `None` if
    /// offsets were not stored.
    pub fn offsets(&self) -> Option<&'a [[u32; 2]]> {
        self.offsets
    }
}

impl EncodedTexts {
    /// Creates rows from token ids, for example from your own tokenizer. Token types are 0, each
    /// text has one row, and no token is special or truncated.
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

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.row_flags.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of texts; smaller than the number of rows if long texts were split into
    /// sliding windows.
    pub fn text_count(&self) -> usize {
        self.texts
    }

    /// Returns the index of the text of a row.
    ///
    /// # Errors
    /// The same errors as [`Self::row`].
    pub fn text_of_row(&self, row: usize) -> Result<usize, DataError> {
        self.check(row)?;
        match &self.text_of_row {
            Some(texts) => Ok(texts.get(row..row + 1)?[0] as usize),
            None => Ok(row),
        }
    }

    /// Returns a row.
    ///
    /// # Errors
    /// - [`DataError::RowOutOfRange`] if the index is out of range.
    /// - [`DataError::Storage`] if a mapped file is corrupted.
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

    /// Returns the number of tokens of a row, including special tokens.
    ///
    /// # Errors
    /// The same errors as [`Self::row`].
    pub fn length(&self, row: usize) -> Result<usize, DataError> {
        Ok(self.tokens_of(row)?.len())
    }

    /// Returns the number of tokens of each row, including special tokens.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if a mapped file is corrupted.
    pub fn lengths(&self) -> Result<Vec<usize>, DataError> {
        let starts = self.row_starts.all()?;
        Ok(starts
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as usize)
            .collect())
    }

    /// Returns the total number of tokens.
    pub fn token_count(&self) -> usize {
        self.token_ids.len()
    }

    /// Returns whether text was truncated from a row, or continues in another row.
    ///
    /// # Errors
    /// The same errors as [`Self::row`].
    pub fn is_truncated(&self, row: usize) -> Result<bool, DataError> {
        self.check(row)?;
        Ok(self.row_flags.get(row..row + 1)?[0] & TRUNCATED != 0)
    }

    /// Returns the number of rows whose text exceeded the maximum length.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if a mapped file is corrupted.
    pub fn truncated_count(&self) -> Result<usize, DataError> {
        let flags = self.row_flags.all()?.iter();
        Ok(flags.filter(|&flags| flags & TRUNCATED != 0).count())
    }

    /// Returns the number of words that begin in a row.
    pub(crate) fn words_of(&self, row: usize) -> Result<usize, DataError> {
        Ok(self
            .row(row)?
            .word_starts()
            .filter(|begins| *begins)
            .count())
    }

    /// Returns the number of words of the text of a row in the rows before it.
    ///
    /// # Errors
    /// The same errors as [`Self::row`].
    pub fn words_before(&self, row: usize) -> Result<usize, DataError> {
        let (text, mut words) = (self.text_of_row(row)?, 0);
        for before in (0..row).rev() {
            if self.text_of_row(before)? != text {
                break;
            }
            words += self.words_of(before)?;
        }
        Ok(words)
    }

    /// Returns whether word starts are known.
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
            let rows = self.len();
            return Err(DataError::RowOutOfRange { row, rows });
        }
        Ok(())
    }
}

/// Compares the rows, in memory or mapped. A corrupted file equals nothing.
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
