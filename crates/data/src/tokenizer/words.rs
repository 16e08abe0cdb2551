//! Encoding of sentences whose words are known: a row never ends within a word, and the first token of
//! each word is marked.

use rayon::prelude::*;

use super::TextTokenizer;
use super::config::{EncodingConfig, Offsets, Truncation};
use super::encoding::write_special;
use super::special_tokens::SpecialTokens;
use super::text_tokens::TextTokens;
use crate::encoded::{EncodedTexts, EncodedTextsBuilder};
use crate::error::DataError;

/// Number of sentences per parallel task.
const SENTENCES_PER_TASK: usize = 64;

impl TextTokenizer {
    /// Tokenizes sentences word by word, in parallel, as Hugging Face tokenizers with
    /// `is_split_into_words=True` and, for byte-level BPE, `add_prefix_space=True`: the tokens of a
    /// word do not depend on the others. [`EncodedRow::word_starts`](crate::EncodedRow::word_starts)
    /// tells the first token of each word.
    ///
    /// A row has as many whole words as fit into `max_length`. What follows is left out with
    /// [`Truncation::Head`], and continues in the next row with
    /// [`Truncation::SlidingWindow`] of stride 0.
    ///
    /// ```
    /// use finetune_data::{EncodingConfig, TextTokenizer};
    ///
    /// // A vocabulary of two letters.
    /// let tokenizer = TextTokenizer::train_wordpiece(["ab ba"], 9)?;
    /// let encoded = tokenizer.encode_words(&[["a", "b", "abba"]], &EncodingConfig::new(6))?;
    /// let row = encoded.row(0)?;
    /// // [CLS] a b [SEP]: the four tokens of the last word do not fit.
    /// assert_eq!(row.word_starts().collect::<Vec<_>>(), [false, true, true, false]);
    /// assert!(encoded.is_truncated(0)?);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if the special tokens and one token do not fit, or for another
    ///   truncation.
    /// - [`DataError::InvalidExample`] if a word has no tokens: the tokenizer drops its characters.
    /// - [`DataError::Encode`] if the tokenizer fails on a word.
    pub fn encode_words<L, W>(
        &self,
        sentences: &[L],
        config: &EncodingConfig,
    ) -> Result<EncodedTexts, DataError>
    where
        L: AsRef<[W]> + Sync,
        W: AsRef<str> + Sync,
    {
        let words = |sentence: &L| -> Vec<String> {
            let words = sentence.as_ref().iter();
            words.map(|word| word.as_ref().to_string()).collect()
        };
        let sentences: Vec<Vec<String>> = sentences.iter().map(words).collect();
        Ok(self.encode_sentences(&sentences, config)?.finish())
    }

    /// Tokenizes the words of each sentence.
    pub(crate) fn encode_sentences(
        &self,
        sentences: &[Vec<String>],
        config: &EncodingConfig,
    ) -> Result<EncodedTextsBuilder, DataError> {
        let encoder = WordEncoder::new(self, config)?;
        let starts: Vec<usize> = (0..sentences.len()).step_by(SENTENCES_PER_TASK).collect();
        let parts: Vec<Result<EncodedTextsBuilder, DataError>> = starts
            .into_par_iter()
            .map(|start| {
                let end = sentences.len().min(start + SENTENCES_PER_TASK);
                encoder.encode(&sentences[start..end], start)
            })
            .collect();
        let mut encoded = EncodedTextsBuilder::new(false, true);
        for part in parts {
            encoded.append(&part?);
        }
        Ok(encoded)
    }

    /// Returns whether a word has tokens. Tokenizers drop some characters, such as those of control.
    ///
    /// # Errors
    /// - [`DataError::Encode`] if the tokenizer fails on the word.
    pub fn has_tokens(&self, word: &str) -> Result<bool, DataError> {
        let mut tokens = TextTokens::default();
        self.read_word(word, &mut tokens)
            .map_err(|source| self.failed_on(0, source))?;
        Ok(tokens.len() > 0)
    }

    fn read_word(&self, word: &str, tokens: &mut TextTokens) -> Result<(), tokenizers::Error> {
        // The space is part of the tokens of byte-level BPE, except of special ones, and of no others.
        let space = match self.tokenizer.get_added_vocabulary().is_special_token(word) {
            true => "",
            false => " ",
        };
        let word = format!("{space}{word}");
        tokens.read(&self.tokenizer, &word, None, Offsets::None)
    }

    fn failed_on(&self, sentence: usize, source: tokenizers::Error) -> DataError {
        DataError::Encode {
            path: self.path.clone(),
            text: sentence + 1,
            source,
        }
    }
}

struct WordEncoder<'a> {
    tokenizer: &'a TextTokenizer,
    special_tokens: &'a SpecialTokens,
    /// Tokens of a row that are not special tokens.
    room: usize,
    /// Whether a sentence that does not fit continues in another row.
    continues: bool,
}

impl<'a> WordEncoder<'a> {
    fn new(tokenizer: &'a TextTokenizer, config: &EncodingConfig) -> Result<Self, DataError> {
        let special_tokens = &tokenizer.special_tokens;
        let (max_length, least) = (config.max_length, special_tokens.len() + 1);
        if max_length < least {
            let expected = format!("at least {least} tokens");
            return Err(DataError::setting("max_length", expected, max_length));
        }
        let continues = match config.truncation {
            Truncation::Head => false,
            Truncation::SlidingWindow { stride: 0 } => true,
            other => {
                let expected = "head or sliding-window-0 for a class per word";
                return Err(DataError::setting("truncation", expected, other));
            }
        };
        Ok(Self {
            tokenizer,
            special_tokens,
            room: max_length - special_tokens.len(),
            continues,
        })
    }

    /// Encodes sentences; `first` is the index of the first one.
    fn encode(
        &self,
        sentences: &[Vec<String>],
        first: usize,
    ) -> Result<EncodedTextsBuilder, DataError> {
        let mut encoded = EncodedTextsBuilder::new(false, true);
        let mut tokens = TextTokens::default();
        for (sentence, words) in (first..).zip(sentences) {
            let mut ids = Vec::with_capacity(words.len());
            for word in words {
                self.tokenizer
                    .read_word(word, &mut tokens)
                    .map_err(|source| self.tokenizer.failed_on(sentence, source))?;
                if tokens.len() == 0 {
                    let found = format!("none in {word:?}");
                    return Err(DataError::example(sentence, "tokens in each word", found));
                }
                ids.push(std::mem::take(&mut tokens.ids));
            }
            self.rows(&ids, &mut encoded);
            encoded.end_text();
        }
        Ok(encoded)
    }

    /// Writes the rows of a sentence from the tokens of its words.
    fn rows(&self, words: &[Vec<u32>], encoded: &mut EncodedTextsBuilder) {
        let mut rest = words;
        loop {
            let mut room = self.room;
            let fits = |word: &&Vec<u32>| match room.checked_sub(word.len()) {
                Some(left) => {
                    room = left;
                    true
                }
                None => false,
            };
            let (row, after) = rest.split_at(rest.iter().take_while(fits).count());
            write_special(&self.special_tokens.before, encoded);
            for word in row {
                self.word(word, encoded);
            }
            // A word that is too long for a row of its own would never fit: its first tokens stand
            // for it.
            let (cut, after) = match (row, after) {
                ([], [word, after @ ..]) => (&word[..self.room], after),
                _ => (&[][..], after),
            };
            self.word(cut, encoded);
            write_special(&self.special_tokens.after, encoded);
            encoded.end_row(row.len() < words.len() || !cut.is_empty());
            rest = after;
            if rest.is_empty() || !self.continues {
                return;
            }
        }
    }

    fn word(&self, ids: &[u32], encoded: &mut EncodedTextsBuilder) {
        let token_type = self.special_tokens.first_type;
        for (place, id) in ids.iter().enumerate() {
            encoded.push_token(*id, token_type, false, place == 0, [0, 0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> TextTokenizer {
        // No merges: a token for each letter.
        TextTokenizer::train_wordpiece(["ab ba"], 9).unwrap()
    }

    /// Returns the number of words and of tokens in each row.
    fn rows(words: &[&str], config: &EncodingConfig) -> Vec<(usize, usize)> {
        let encoded = tokenizer().encode_words(&[words], config).unwrap();
        let row = |row| {
            let row = encoded.row(row).unwrap();
            (
                row.word_starts().filter(|begins| *begins).count(),
                row.len(),
            )
        };
        (0..encoded.len()).map(row).collect()
    }

    #[test]
    fn rows_have_whole_words() {
        let words = ["a", "b", "ab", "a"];
        let windows = |max_length| EncodingConfig {
            truncation: Truncation::SlidingWindow { stride: 0 },
            ..EncodingConfig::new(max_length)
        };
        assert_eq!(rows(&words, &EncodingConfig::new(16)), [(4, 7)]);
        assert_eq!(rows(&words, &EncodingConfig::new(5)), [(2, 4)]);
        assert_eq!(rows(&words, &windows(5)), [(2, 4), (2, 5)]);
        // A word that never fits is cut.
        assert_eq!(rows(&words, &windows(3)), [(1, 3); 4]);
        assert_eq!(rows(&[], &windows(5)), [(0, 2)]);
    }

    #[test]
    fn a_word_without_tokens_is_named() {
        let tokenizer = tokenizer();
        assert!(tokenizer.has_tokens("ab").unwrap());
        assert!(!tokenizer.has_tokens("\u{200d}").unwrap());
        let sentences = [vec!["a"], vec!["ab", "\u{200d}"]];
        let config = EncodingConfig::default();
        let error = tokenizer.encode_words(&sentences, &config).unwrap_err();
        assert!(
            matches!(error, DataError::InvalidExample { row: 1, .. }),
            "{error}"
        );
    }

    #[test]
    fn settings_for_texts_alone_are_refused() {
        for (truncation, max_length) in [
            (Truncation::Tail, 16),
            (Truncation::SlidingWindow { stride: 2 }, 16),
            (Truncation::Head, 2),
        ] {
            let config = EncodingConfig {
                truncation,
                ..EncodingConfig::new(max_length)
            };
            let found = tokenizer().encode_words(&[["a"]], &config);
            assert!(matches!(found, Err(DataError::InvalidSetting { .. })));
        }
    }
}
