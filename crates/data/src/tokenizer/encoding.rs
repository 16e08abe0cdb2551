//! Parallel encoding of texts into rows of token ids.

use rayon::prelude::*;

use super::TextTokenizer;
use super::config::{EncodingConfig, Offsets, Truncation};
use super::special_tokens::{SpecialToken, SpecialTokens};
use super::text_tokens::TextTokens;
use super::truncation::{Cutter, Kept, KeptTokens};
use crate::encoded::{EncodedTexts, EncodedTextsBuilder};
use crate::error::DataError;

/// Number of texts per parallel task: balances the load and still uses all cores for small
/// datasets.
const TEXTS_PER_TASK: usize = 64;

impl TextTokenizer {
    /// Tokenizes texts, in parallel; row `i` of the result is text `i`. With
    /// [`Truncation::SlidingWindow`](super::Truncation::SlidingWindow), a long text has several consecutive
    /// rows.
    ///
    /// A row has at most `max_length` tokens, including special tokens. The text of a special
    /// token, such as `[SEP]`, becomes that token, as in Hugging Face tokenizers, but does not
    /// count as special in [`EncodedRow::special_tokens_mask`](crate::EncodedRow).
    ///
    /// ```
    /// use finetune_data::{EncodingConfig, TextTokenizer, Truncation};
    ///
    /// let tokenizer = TextTokenizer::train_wordpiece(["to be or not to be"; 3], 100)?;
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
    /// - [`DataError::InvalidSetting`] if the special tokens and one token do not fit, or if the
    ///   head of head-tail truncation leaves no room for a tail, or if the stride is not below the
    ///   window size.
    /// - [`DataError::Encode`] if the tokenizer fails on a text, for example because its vocabulary
    ///   lacks its unknown token, or if [`Truncation::Head`] truncates a text although
    ///   `truncation_side` of the tokenizer is left.
    pub fn encode<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        config: &EncodingConfig,
    ) -> Result<EncodedTexts, DataError> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        Ok(self.encode_rows(&texts, None, config)?.finish())
    }

    /// Tokenizes pairs of texts into one row each, like [`Self::encode`].
    ///
    /// [`PairTruncation`](super::PairTruncation) defines how many tokens of each text are kept, and
    /// [`Truncation`](super::Truncation) defines which: the head, the tail, or both ends of each
    /// text. Sliding windows move over one text and repeat the other.
    ///
    /// ```
    /// use finetune_data::{EncodingConfig, TextTokenizer};
    ///
    /// let tokenizer = TextTokenizer::train_wordpiece(["to be or not to be"; 3], 100)?;
    /// let pairs = [("to be", "or not to be")];
    /// let encoded = tokenizer.encode_pairs(&pairs, &EncodingConfig::new(8))?;
    /// let types: Vec<u32> = encoded.row(0)?.token_type_ids().collect();
    /// assert_eq!(types, [0, 0, 0, 0, 1, 1, 1, 1]); // [CLS] to be [SEP] or not to [SEP]
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Self::encode`], and
    /// - [`DataError::InvalidTokenizer`] if the tokenizer has no template for pairs.
    /// - [`DataError::InvalidSetting`] for sliding windows with
    ///   [`LongestFirst`](super::PairTruncation::LongestFirst).
    /// - [`DataError::UntruncatedTextTooLong`] if only one text may be truncated and the other leaves no
    ///   room for it.
    pub fn encode_pairs<A: AsRef<str> + Sync, B: AsRef<str> + Sync>(
        &self,
        pairs: &[(A, B)],
        config: &EncodingConfig,
    ) -> Result<EncodedTexts, DataError> {
        let firsts: Vec<&str> = pairs.iter().map(|(first, _)| first.as_ref()).collect();
        let seconds: Vec<&str> = pairs.iter().map(|(_, second)| second.as_ref()).collect();
        Ok(self.encode_rows(&firsts, Some(&seconds), config)?.finish())
    }

    /// Tokenizes texts, or pairs if `seconds` is given, which has the same length as `texts`.
    pub(crate) fn encode_rows(
        &self,
        texts: &[&str],
        seconds: Option<&[&str]>,
        config: &EncodingConfig,
    ) -> Result<EncodedTextsBuilder, DataError> {
        let special_tokens = match seconds {
            None => self.special_tokens.clone(),
            Some(_) => self.pair_special_tokens()?,
        };
        let encoder = Encoder {
            tokenizer: self,
            cutter: Cutter::new(config, special_tokens.len(), seconds.is_some())?,
            special_tokens,
            offsets: config.offsets,
            refuses_truncation: self.truncates_left && config.truncation == Truncation::Head,
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

/// Encoder of rows.
struct Encoder<'a> {
    tokenizer: &'a TextTokenizer,
    special_tokens: SpecialTokens,
    cutter: Cutter,
    offsets: Offsets,
    /// Whether a truncated text is an error.
    refuses_truncation: bool,
}

impl Encoder<'_> {
    fn builder(&self) -> EncodedTextsBuilder {
        // Without a pre-tokenizer, the tokenizer treats the whole text as one word.
        let words = self.tokenizer.tokenizer.get_pre_tokenizer().is_some();
        EncodedTextsBuilder::new(self.offsets != Offsets::None, words)
    }

    /// Encodes texts; `start` is the index of the first one.
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

    /// Writes one row.
    fn write(
        &self,
        [first, second]: [&TextTokens; 2],
        kept: Kept,
        encoded: &mut EncodedTextsBuilder,
    ) -> Result<(), tokenizers::Error> {
        if kept.truncated && self.refuses_truncation {
            let problem = "truncation: expected tail or another that is not head, as \
                           \"truncation_side\" of tokenizer_config.json is left, found head";
            return Err(problem.into());
        }
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

pub(super) fn write_special(tokens: &[SpecialToken], encoded: &mut EncodedTextsBuilder) {
    for &(id, token_type) in tokens {
        encoded.push_token(id, token_type, true, false, [0, 0]);
    }
}
