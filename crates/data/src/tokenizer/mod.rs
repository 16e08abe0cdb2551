//! Text to token ids.
//!
//! The work is done by the `tokenizers` crate, which is also what Hugging Face's fast tokenizers
//! run on: ids are equal by construction, and the parity tests hold us to that.

mod bert;
mod loading;
mod saving;
mod special_tokens;
mod training;

use std::fmt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, Value};
use tokenizers::Tokenizer;

use self::special_tokens::SpecialTokens;
use crate::encoded::EncodedTexts;
use crate::error::DataError;

/// The texts that one task tokenises: enough to share the work out evenly, few enough that a
/// small data set still goes to all cores.
const TEXTS_PER_TASK: usize = 64;

/// A tokenizer as a classifier needs it: one text in, special tokens around it, the end cut off
/// when it is too long.
///
/// ```
/// use finetune_data::TextTokenizer;
///
/// let tokenizer = TextTokenizer::train_word_piece(["to be or not to be"; 3], 100)?;
/// let encoded = tokenizer.encode(&["To be!", ""], 16)?;
///
/// let (token_ids, token_type_ids) = encoded.row(0);
/// assert_eq!(token_ids.first().copied(), tokenizer.token_to_id("[CLS]"));
/// assert_eq!(token_ids.last().copied(), tokenizer.token_to_id("[SEP]"));
/// assert_eq!(token_type_ids, [0; 5]); // [CLS] to be [UNK] [SEP]
/// assert_eq!(encoded.length(1), 2); // an empty text is its special tokens
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// Where it came from, for messages.
    path: PathBuf,
    special_tokens: SpecialTokens,
    pad_token_id: u32,
    vocabulary_size: usize,
    /// The content of `tokenizer_config.json`.
    config: Map<String, Value>,
}

impl fmt::Debug for TextTokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TextTokenizer")
            .field("path", &self.path)
            .field("vocabulary_size", &self.vocabulary_size)
            .field("pad_token_id", &self.pad_token_id)
            .finish_non_exhaustive()
    }
}

impl TextTokenizer {
    /// Wraps a tokenizer whose own truncation and padding are switched off: a `tokenizer.json`
    /// carries those of the program that saved it, and here they are ours.
    fn new(
        mut tokenizer: Tokenizer,
        path: &Path,
        pad_token: &str,
        config: Map<String, Value>,
    ) -> Result<Self, DataError> {
        let failed = |source| DataError::Tokenizer {
            path: path.to_path_buf(),
            source,
        };
        tokenizer.with_truncation(None).map_err(failed)?;
        tokenizer.with_padding(None);
        let highest = tokenizer.get_vocab(true).into_values().max();
        let Some(highest) = highest else {
            return Err(DataError::EmptyVocabulary {
                path: path.to_path_buf(),
            });
        };
        let Some(pad_token_id) = tokenizer.token_to_id(pad_token) else {
            return Err(DataError::MissingSpecialToken {
                path: path.to_path_buf(),
                token: pad_token.to_owned(),
            });
        };
        Ok(Self {
            special_tokens: SpecialTokens::of(&tokenizer, path)?,
            tokenizer,
            path: path.to_path_buf(),
            pad_token_id,
            vocabulary_size: highest as usize + 1,
            config,
        })
    }

    /// The highest token id and one: the rows that an embedding table needs at least.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    /// The id of the token that fills padding.
    pub fn pad_token_id(&self) -> u32 {
        self.pad_token_id
    }

    /// The id of a token, `None` if the vocabulary lacks it.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// The token of an id, `None` if the vocabulary lacks it.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    /// The special tokens put around each text, in number.
    pub fn special_token_count(&self) -> usize {
        self.special_tokens.len()
    }

    /// Tokenises texts on all cores; row `i` of the result is text `i`, whatever the number of
    /// threads.
    ///
    /// A row has at most `max_length` tokens, special tokens included: a longer text keeps its
    /// first tokens. The text of a special token, such as `[SEP]`, becomes that token, as with
    /// Hugging Face's tokenizers.
    ///
    /// # Errors
    /// [`DataError::MaxLengthTooSmall`] if the special tokens and one token do not fit, and
    /// [`DataError::Encode`] if the tokenizer fails on a text (a vocabulary without its unknown
    /// token does).
    pub fn encode<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        max_length: usize,
    ) -> Result<EncodedTexts, DataError> {
        let minimum = self.special_tokens.len() + 1;
        if max_length < minimum {
            return Err(DataError::MaxLengthTooSmall {
                minimum,
                found: max_length,
            });
        }
        let room = max_length - self.special_tokens.len();
        let parts: Vec<Result<EncodedTexts, DataError>> = texts
            .par_chunks(TEXTS_PER_TASK)
            .enumerate()
            .map(|(task, chunk)| self.encode_chunk(chunk, task * TEXTS_PER_TASK, room))
            .collect();
        let mut encoded = EncodedTexts::new();
        for part in parts {
            encoded.append(&part?);
        }
        Ok(encoded)
    }

    fn encode_chunk<S: AsRef<str>>(
        &self,
        texts: &[S],
        first: usize,
        room: usize,
    ) -> Result<EncodedTexts, DataError> {
        let mut encoded = EncodedTexts::new();
        for (position, text) in texts.iter().enumerate() {
            let encoding = self
                .tokenizer
                .encode_fast(text.as_ref(), false)
                .map_err(|source| DataError::Encode {
                    path: self.path.clone(),
                    text: first + position + 1,
                    source,
                })?;
            let ids = encoding.get_ids();
            let kept = &ids[..ids.len().min(room)];
            encoded.push(self.special_tokens.around(kept), kept.len() < ids.len());
        }
        Ok(encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> TextTokenizer {
        let texts = ["the cat sat on the mat", "the dog sat on the cat"];
        TextTokenizer::train_word_piece(texts.repeat(3), 60).unwrap()
    }

    #[test]
    fn long_texts_keep_their_first_tokens_and_both_special_tokens() {
        let tokenizer = tokenizer();
        let full = tokenizer.encode(&["the cat sat on the mat"], 512).unwrap();
        let cut = tokenizer
            .encode(&["the cat sat on the mat", "the"], 5)
            .unwrap();
        assert_eq!(cut.length(0), 5);
        assert_eq!(cut.row(0).0[..4], full.row(0).0[..4]);
        assert_eq!(cut.row(0).0.last(), full.row(0).0.last());
        assert_eq!((full.truncated_count(), cut.truncated_count()), (0, 1));
    }

    #[test]
    fn a_text_that_just_fits_is_not_truncated() {
        let encoded = tokenizer().encode(&["the cat sat"], 5).unwrap();
        assert_eq!((encoded.length(0), encoded.truncated_count()), (5, 0));
    }

    #[test]
    fn the_special_tokens_and_one_token_must_fit() {
        let tokenizer = tokenizer();
        assert!(tokenizer.encode(&["the"], 3).is_ok());
        assert!(matches!(
            tokenizer.encode(&["the"], 2),
            Err(DataError::MaxLengthTooSmall {
                minimum: 3,
                found: 2
            })
        ));
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let tokenizer = tokenizer();
        let texts: Vec<String> = (0..1000)
            .map(|row| "the cat sat ".repeat(row % 9))
            .collect();
        let encode = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| tokenizer.encode(&texts, 16)).unwrap()
        };
        let one = encode(1);
        assert_eq!(one.len(), 1000);
        assert_eq!(one, encode(4));
    }

    #[test]
    fn the_vocabulary_ends_with_its_highest_id() {
        let tokenizer = tokenizer();
        let last = tokenizer.vocabulary_size() as u32 - 1;
        assert!(tokenizer.id_to_token(last).is_some());
        assert!(tokenizer.id_to_token(last + 1).is_none());
        assert_eq!(
            tokenizer.token_to_id("[PAD]"),
            Some(tokenizer.pad_token_id())
        );
    }
}
