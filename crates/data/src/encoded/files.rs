//! Storage of encoded texts in array files.

use std::path::Path;

use finetune_storage::{Array, ArrayFile, ArrayFileWriter, ArrayHandle};
use serde::{Deserialize, Serialize};

use super::builder::EncodedTextsBuilder;
use super::texts::EncodedTexts;
use crate::error::DataError;

/// Metadata that the arrays do not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextsMetadata {
    pub(super) texts: usize,
    pub(super) words: bool,
    several_rows: bool,
    offsets: bool,
}

/// Writer of encoded texts, chunk by chunk.
pub(super) struct TextsWriter {
    token_ids: ArrayHandle<u32>,
    token_flags: ArrayHandle<u8>,
    row_starts: ArrayHandle<u64>,
    row_flags: ArrayHandle<u8>,
    text_of_row: ArrayHandle<u32>,
    offsets: ArrayHandle<[u32; 2]>,
    /// Number of tokens so far.
    tokens: u64,
    rows: usize,
    texts: usize,
    words: bool,
    kept_offsets: bool,
}

impl TextsWriter {
    /// Begins the arrays; their names begin with `prefix`.
    pub(super) fn begin(file: &mut ArrayFileWriter, prefix: &str) -> Result<Self, DataError> {
        let name = |name: &str| format!("{prefix}{name}");
        let writer = Self {
            token_ids: file.array(&name("token_ids"))?,
            token_flags: file.array(&name("token_flags"))?,
            row_starts: file.array(&name("row_starts"))?,
            row_flags: file.array(&name("row_flags"))?,
            text_of_row: file.array(&name("text_of_row"))?,
            offsets: file.array(&name("offsets"))?,
            tokens: 0,
            rows: 0,
            texts: 0,
            words: true,
            kept_offsets: false,
        };
        file.write(&writer.row_starts, &[0])?;
        Ok(writer)
    }

    /// Appends the rows of a chunk.
    pub(super) fn write(
        &mut self,
        file: &mut ArrayFileWriter,
        chunk: &EncodedTextsBuilder,
    ) -> Result<(), DataError> {
        file.write(&self.token_ids, &chunk.token_ids)?;
        file.write(&self.token_flags, &chunk.token_flags)?;
        let starts: Vec<u64> = chunk.row_ends.iter().map(|end| self.tokens + end).collect();
        file.write(&self.row_starts, &starts)?;
        file.write(&self.row_flags, &chunk.row_flags)?;
        let first = self.texts as u32;
        let texts: Vec<u32> = chunk.text_of_row.iter().map(|text| first + text).collect();
        file.write(&self.text_of_row, &texts)?;
        if let Some(offsets) = &chunk.offsets {
            file.write(&self.offsets, offsets)?;
            self.kept_offsets = true;
        }
        self.tokens += chunk.token_ids.len() as u64;
        self.rows += chunk.len();
        self.texts += chunk.texts;
        self.words &= chunk.words;
        Ok(())
    }

    pub(super) fn metadata(&self) -> TextsMetadata {
        TextsMetadata {
            texts: self.texts,
            words: self.words,
            several_rows: self.texts != self.rows,
            offsets: self.kept_offsets,
        }
    }
}

/// Maps the arrays written by a [`TextsWriter`].
pub(super) fn open_texts(
    file: &ArrayFile,
    prefix: &str,
    metadata: TextsMetadata,
) -> Result<EncodedTexts, DataError> {
    let name = |name: &str| format!("{prefix}{name}");
    let texts = EncodedTexts {
        token_ids: file.array(&name("token_ids"))?,
        token_flags: file.array(&name("token_flags"))?,
        row_starts: file.array(&name("row_starts"))?,
        row_flags: file.array(&name("row_flags"))?,
        text_of_row: match metadata.several_rows {
            true => Some(file.array(&name("text_of_row"))?),
            false => None,
        },
        offsets: match metadata.offsets {
            true => Some(file.array(&name("offsets"))?),
            false => None,
        },
        texts: metadata.texts,
        words: metadata.words,
    };
    check_lengths(file.path(), &texts)?;
    Ok(texts)
}

/// Checks that the lengths of the arrays are consistent.
fn check_lengths(path: &Path, texts: &EncodedTexts) -> Result<(), DataError> {
    let (rows, tokens) = (texts.row_flags.len(), texts.token_ids.len());
    let fits = texts.row_starts.len() == rows + 1
        && texts.token_flags.len() == tokens
        && texts.offsets.as_ref().map_or(tokens, Array::len) == tokens
        && texts.text_of_row.as_ref().map_or(texts.texts, Array::len) == rows;
    match fits {
        true => Ok(()),
        false => Err(mismatch(path)),
    }
}

/// Returns the error of arrays that do not belong together.
pub(super) fn mismatch(path: &Path) -> DataError {
    DataError::file(path, "the arrays are not of one data set")
}
