//! Tokens of one text, before special tokens and truncation.

use tokenizers::{
    Encoding, Model, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Token,
    Tokenizer, TruncationDirection,
};

use super::config::Offsets;

/// Tokens of one text. The memory is reused for the next text.
#[derive(Debug, Default)]
pub(super) struct TextTokens {
    pub(super) ids: Vec<u32>,
    /// Whether each token is the first of its word.
    pub(super) begins_word: Vec<bool>,
    places: Option<Places>,
}

/// Offsets of the tokens of a text.
#[derive(Debug)]
struct Places {
    /// Offsets of the untruncated text.
    offsets: Vec<[u32; 2]>,
    /// Encoding with the spaces that byte-level BPE includes in its tokens.
    untrimmed: Encoding,
}

impl TextTokens {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Tokenizes a text, up to `limit` tokens from one end (including the rest of the last word).
    ///
    /// The stages are those of [`Tokenizer::encode_fast`] and [`Tokenizer::encode`] without
    /// unneeded copies. Word starts are determined without computing offsets.
    pub(super) fn read(
        &mut self,
        tokenizer: &Tokenizer,
        text: &str,
        limit: Option<(usize, TruncationDirection)>,
        offsets: Offsets,
    ) -> Result<(), tokenizers::Error> {
        let mut words = tokenizer
            .get_added_vocabulary()
            .extract_and_normalize(tokenizer.get_normalizer(), text);
        if let Some(splitter) = tokenizer.get_pre_tokenizer() {
            splitter.pre_tokenize(&mut words)?;
        }
        tokenizer
            .get_model()
            .tokenize_in_pretokenized(&mut words, limit)?;
        self.ids.clear();
        self.begins_word.clear();
        for (_, _, tokens) in words.get_splits(OffsetReferential::Original, OffsetType::None) {
            for (place, token) in tokens.iter().flatten().enumerate() {
                self.ids.push(token.id);
                self.begins_word.push(place == 0);
            }
        }
        self.places = match offsets {
            Offsets::None => None,
            Offsets::Bytes => Some(Places::of(tokenizer, words, OffsetType::Byte)?),
            Offsets::Characters => Some(Places::of(tokenizer, words, OffsetType::Char)?),
        };
        Ok(())
    }

    /// Returns the offsets of a token; `[0, 0]` if offsets were not requested. `first` is true for
    /// the first token of the text in its row.
    ///
    /// If RoBERTa's post-processor adds a prefix space, it does not trim one leading space from the
    /// first token of a row, even if the row begins inside a text and the space is part of the
    /// text. The offsets match those of Hugging Face.
    pub(super) fn offsets(
        &self,
        tokenizer: &Tokenizer,
        token: usize,
        first: bool,
    ) -> Result<[u32; 2], tokenizers::Error> {
        match &self.places {
            None => Ok([0, 0]),
            Some(places) if first && token > 0 => {
                let alone = Token::new(
                    self.ids[token],
                    places.untrimmed.get_tokens()[token].clone(),
                    places.untrimmed.get_offsets()[token],
                );
                let alone = Encoding::from_tokens(vec![alone], 0);
                let trimmed = tokenizer.post_process(alone, None, false)?;
                Ok(trimmed.get_offsets().first().map_or([0, 0], to_u32))
            }
            Some(places) => Ok(places.offsets[token]),
        }
    }
}

impl Places {
    fn of(
        tokenizer: &Tokenizer,
        words: PreTokenizedString,
        unit: OffsetType,
    ) -> Result<Self, tokenizers::Error> {
        let untrimmed = words.into_encoding(None, 0, unit)?;
        let trimmed = tokenizer.post_process(untrimmed.clone(), None, false)?;
        Ok(Self {
            offsets: trimmed.get_offsets().iter().map(to_u32).collect(),
            untrimmed,
        })
    }
}

/// No text in a table row exceeds 4 GiB.
fn to_u32(&(start, end): &(usize, usize)) -> [u32; 2] {
    [start, end].map(|offset| u32::try_from(offset).unwrap_or(u32::MAX))
}
