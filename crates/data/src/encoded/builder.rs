//! Builder of the flat token arrays.

use super::texts::EncodedTexts;

/// Flag: the tokenizer added the token.
pub(super) const SPECIAL: u8 = 1;
/// Flag: the token begins a word.
pub(super) const WORD: u8 = 2;
/// Factor of the token type in the flags.
pub(super) const FIRST_TYPE: u8 = 4;
/// Flag: text was truncated from the row, or continues in another row.
pub(super) const TRUNCATED: u8 = 1;

/// Builder of encoded rows, one token at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodedTextsBuilder {
    pub(super) token_ids: Vec<u32>,
    pub(super) token_flags: Vec<u8>,
    /// End of each row.
    pub(super) row_ends: Vec<u64>,
    pub(super) row_flags: Vec<u8>,
    /// Index of the text of each row, counted from the first text of the builder.
    pub(super) text_of_row: Vec<u32>,
    pub(super) offsets: Option<Vec<[u32; 2]>>,
    pub(super) texts: usize,
    pub(super) words: bool,
}

impl EncodedTextsBuilder {
    /// Creates an empty builder. `offsets` and `words` set whether offsets and word starts are
    /// stored.
    pub(crate) fn new(offsets: bool, words: bool) -> Self {
        Self {
            token_ids: Vec::new(),
            token_flags: Vec::new(),
            row_ends: Vec::new(),
            row_flags: Vec::new(),
            text_of_row: Vec::new(),
            offsets: offsets.then(Vec::new),
            texts: 0,
            words,
        }
    }

    /// Adds a token to the current row. `token_type` is at most 63.
    pub(crate) fn push_token(
        &mut self,
        id: u32,
        token_type: u8,
        special: bool,
        begins_word: bool,
        offsets: [u32; 2],
    ) {
        self.token_ids.push(id);
        let flags = if special { SPECIAL } else { 0 } | if begins_word { WORD } else { 0 };
        self.token_flags.push((token_type * FIRST_TYPE) | flags);
        if let Some(all) = &mut self.offsets {
            all.push(offsets);
        }
    }

    /// Ends the current row.
    pub(crate) fn end_row(&mut self, truncated: bool) {
        self.row_ends.push(self.token_ids.len() as u64);
        self.row_flags.push(if truncated { TRUNCATED } else { 0 });
        self.text_of_row.push(self.texts as u32);
    }

    /// Ends the current text; the next row belongs to another text.
    pub(crate) fn end_text(&mut self) {
        self.texts += 1;
    }

    /// Returns the number of rows so far.
    pub(crate) fn len(&self) -> usize {
        self.row_flags.len()
    }

    /// Appends the rows of another builder, whose texts follow those of this one.
    pub(crate) fn append(&mut self, other: &Self) {
        let (start, first) = (self.token_ids.len() as u64, self.texts as u32);
        self.token_ids.extend_from_slice(&other.token_ids);
        self.token_flags.extend_from_slice(&other.token_flags);
        self.row_ends
            .extend(other.row_ends.iter().map(|end| start + end));
        self.row_flags.extend_from_slice(&other.row_flags);
        self.text_of_row
            .extend(other.text_of_row.iter().map(|text| first + text));
        if let (Some(offsets), Some(others)) = (&mut self.offsets, &other.offsets) {
            offsets.extend_from_slice(others);
        }
        self.texts += other.texts;
    }

    /// Returns the rows as arrays in memory.
    pub(crate) fn finish(self) -> EncodedTexts {
        let starts = std::iter::once(0).chain(self.row_ends);
        let several = self.texts != self.row_flags.len();
        EncodedTexts {
            token_ids: self.token_ids.into(),
            token_flags: self.token_flags.into(),
            row_starts: starts.collect::<Vec<u64>>().into(),
            row_flags: self.row_flags.into(),
            text_of_row: several.then(|| self.text_of_row.into()),
            offsets: self.offsets.map(Into::into),
            texts: self.texts,
            words: self.words,
        }
    }
}
