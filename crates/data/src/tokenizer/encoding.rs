//! Texts to rows of token ids, on all cores.

use rayon::prelude::*;

use super::TextTokenizer;
use super::config::{EncodingConfig, Offsets};
use super::special_tokens::{SpecialToken, SpecialTokens};
use super::text_tokens::TextTokens;
use super::truncation::{Cutter, Kept, KeptTokens};
use crate::encoded::{EncodedTexts, EncodedTextsBuilder};
use crate::error::DataError;

/// The texts that one task tokenises: enough to share the work out evenly, few enough that a
/// small data set still goes to all cores.
const TEXTS_PER_TASK: usize = 64;

impl TextTokenizer {
    /// Tokenises texts on all cores; row `i` of the result is text `i`, whatever the number of
    /// threads. With [`Truncation::Windows`](super::Truncation::Windows) a long text has several
    /// rows, one after the other.
    ///
    /// A row has at most `max_length` tokens, special tokens included. The text of a special
    /// token, such as `[SEP]`, becomes that token, as with Hugging Face's tokenizers; it does not
    /// count as special in [`EncodedRow::special_tokens_mask`](crate::EncodedRow).
    ///
    /// ```
    /// use finetune_data::{EncodingConfig, TextTokenizer, Truncation};
    ///
    /// let tokenizer = TextTokenizer::train_word_piece(["to be or not to be"; 3], 100)?;
    /// let config = EncodingConfig {
    ///     truncation: Truncation::HeadTail { head: 1 },
    ///     ..EncodingConfig::new(5)
    /// };
    /// let encoded = tokenizer.encode(&["to be or not", "be"], &config)?;
    /// let tokens = |row| -> Result<Vec<_>, finetune_data::DataError> {
    ///     let ids = encoded.row(row)?.token_ids.iter();
    ///     Ok(ids.filter_map(|&id| tokenizer.id_to_token(id)).collect())
    /// };
    /// assert_eq!(tokens(0)?, ["[CLS]", "to", "or", "not", "[SEP]"]);
    /// assert_eq!(tokens(1)?, ["[CLS]", "be", "[SEP]"]);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::MaxLengthTooSmall`] if the special tokens and one token do not fit,
    /// [`DataError::HeadTooLong`] and [`DataError::StrideTooLong`] if the truncation does not;
    /// [`DataError::Encode`] if the tokenizer fails on a text (a vocabulary without its unknown
    /// token does).
    pub fn encode<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        config: &EncodingConfig,
    ) -> Result<EncodedTexts, DataError> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        Ok(self.encode_rows(&texts, None, config)?.finish())
    }

    /// Tokenises pairs of texts, each into one row, as [`Self::encode`] does texts.
    ///
    /// A pair that is too long is cut as
    /// [`PairTruncation`](super::PairTruncation) says, and what is kept of each of its texts is
    /// what [`Truncation`](super::Truncation) says: of both their heads, their tails, or their
    /// first `head` tokens and their last. Windows go over one text and repeat the other.
    ///
    /// ```
    /// use finetune_data::{EncodingConfig, TextTokenizer};
    ///
    /// let tokenizer = TextTokenizer::train_word_piece(["to be or not to be"; 3], 100)?;
    /// let pairs = [("to be", "or not to be")];
    /// let encoded = tokenizer.encode_pairs(&pairs, &EncodingConfig::new(8))?;
    /// let types: Vec<u32> = encoded.row(0)?.token_type_ids().collect();
    /// assert_eq!(types, [0, 0, 0, 0, 1, 1, 1, 1]); // [CLS] to be [SEP] or not to [SEP]
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::encode`]; [`DataError::UnsupportedTemplate`] if the tokenizer has no rule for
    /// pairs, [`DataError::WindowsOverBothTexts`] for windows with
    /// [`LongestFirst`](super::PairTruncation::LongestFirst), [`DataError::UncutTextTooLong`] if
    /// only one text may be cut and the other leaves no room for it.
    pub fn encode_pairs<A: AsRef<str> + Sync, B: AsRef<str> + Sync>(
        &self,
        pairs: &[(A, B)],
        config: &EncodingConfig,
    ) -> Result<EncodedTexts, DataError> {
        let firsts: Vec<&str> = pairs.iter().map(|(first, _)| first.as_ref()).collect();
        let seconds: Vec<&str> = pairs.iter().map(|(_, second)| second.as_ref()).collect();
        Ok(self.encode_rows(&firsts, Some(&seconds), config)?.finish())
    }

    /// Tokenises texts, or pairs if there are `seconds`, as many as `texts`.
    pub(crate) fn encode_rows(
        &self,
        texts: &[&str],
        seconds: Option<&[&str]>,
        config: &EncodingConfig,
    ) -> Result<EncodedTextsBuilder, DataError> {
        let special_tokens = match seconds {
            None => self.special_tokens.clone(),
            Some(_) => SpecialTokens::of_pair(&self.tokenizer, &self.path)?,
        };
        let encoder = Encoder {
            tokenizer: self,
            cutter: Cutter::new(config, special_tokens.len(), seconds.is_some())?,
            special_tokens,
            offsets: config.offsets,
        };
        let starts: Vec<usize> = (0..texts.len()).step_by(TEXTS_PER_TASK).collect();
        let parts: Vec<Result<EncodedTextsBuilder, DataError>> = starts
            .into_par_iter()
            .map(|start| {
                let places = start..texts.len().min(start + TEXTS_PER_TASK);
                let texts = &texts[places.clone()];
                match seconds {
                    None => encoder.encode(texts, start),
                    Some(seconds) => encoder.encode_pairs(texts, &seconds[places], start),
                }
            })
            .collect();
        let mut encoded = encoder.builder();
        for part in parts {
            encoded.append(&part?);
        }
        Ok(encoded)
    }
}

/// All that it takes to write the rows of a text.
struct Encoder<'a> {
    tokenizer: &'a TextTokenizer,
    special_tokens: SpecialTokens,
    cutter: Cutter,
    offsets: Offsets,
}

impl Encoder<'_> {
    fn builder(&self) -> EncodedTextsBuilder {
        // Without a pre-tokeniser the whole text is one word to the tokenizer.
        let words = self.tokenizer.tokenizer.get_pre_tokenizer().is_some();
        EncodedTextsBuilder::new(self.offsets != Offsets::None, words)
    }

    /// The rows of texts of which the first has the position `start`.
    fn encode(&self, texts: &[&str], start: usize) -> Result<EncodedTextsBuilder, DataError> {
        let (mut encoded, mut tokens) = (self.builder(), TextTokens::default());
        let (tokenizer, limit) = (&self.tokenizer.tokenizer, self.cutter.limit());
        for (position, text) in (start + 1..).zip(texts) {
            tokens
                .read(tokenizer, text, limit, self.offsets)
                .and_then(|()| {
                    let second = TextTokens::default();
                    self.cutter.rows(tokens.len(), |kept| {
                        self.write([&tokens, &second], kept, &mut encoded)
                    })
                })
                .map_err(|source| self.failed(position, source))?;
            encoded.end_text();
        }
        Ok(encoded)
    }

    fn encode_pairs(
        &self,
        firsts: &[&str],
        seconds: &[&str],
        start: usize,
    ) -> Result<EncodedTextsBuilder, DataError> {
        let mut encoded = self.builder();
        let (mut first, mut second) = (TextTokens::default(), TextTokens::default());
        let tokenizer = &self.tokenizer.tokenizer;
        for (position, (first_text, second_text)) in (start + 1..).zip(firsts.iter().zip(seconds)) {
            first
                .read(tokenizer, first_text, None, self.offsets)
                .and_then(|()| second.read(tokenizer, second_text, None, self.offsets))
                .map_err(|source| self.failed(position, source))?;
            let lengths = [first.len(), second.len()];
            self.cutter.pair_rows(position, lengths, |kept| {
                self.write([&first, &second], kept, &mut encoded)
                    .map_err(|source| self.failed(position, source))
            })?;
            encoded.end_text();
        }
        Ok(encoded)
    }

    /// One row.
    fn write(
        &self,
        [first, second]: [&TextTokens; 2],
        kept: Kept,
        encoded: &mut EncodedTextsBuilder,
    ) -> Result<(), tokenizers::Error> {
        write_special(&self.special_tokens.before, encoded);
        let first_type = self.special_tokens.first_type;
        self.write_text(first, kept.first, first_type, encoded)?;
        if let Some(rule) = &self.special_tokens.second {
            write_special(&rule.between, encoded);
            self.write_text(second, kept.second, rule.token_type, encoded)?;
        }
        write_special(&self.special_tokens.after, encoded);
        encoded.end_row(kept.truncated);
        Ok(())
    }

    fn write_text(
        &self,
        text: &TextTokens,
        [head, tail]: KeptTokens,
        token_type: u8,
        encoded: &mut EncodedTextsBuilder,
    ) -> Result<(), tokenizers::Error> {
        let mut first = true;
        for token in head.chain(tail) {
            let offsets = text.offsets(&self.tokenizer.tokenizer, token, first)?;
            let (id, begins_word) = (text.ids[token], text.begins_word[token]);
            encoded.push_token(id, token_type, false, begins_word, offsets);
            first = false;
        }
        Ok(())
    }

    fn failed(&self, text: usize, source: tokenizers::Error) -> DataError {
        DataError::Encode {
            path: self.tokenizer.path.clone(),
            text,
            source,
        }
    }
}

fn write_special(tokens: &[SpecialToken], encoded: &mut EncodedTextsBuilder) {
    for &(id, token_type) in tokens {
        encoded.push_token(id, token_type, true, false, [0, 0]);
    }
}
