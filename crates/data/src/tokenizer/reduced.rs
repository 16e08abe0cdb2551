//! Smaller vocabularies of the most frequent tokens of a larger one.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;
use tokenizers::ModelWrapper;

use super::TextTokenizer;
use super::class::BERT;
use super::settings::{SPECIAL_TOKEN_KEYS, Settings};
use crate::error::DataError;

/// Texts tokenized at once.
const TEXTS_PER_ROUND: usize = 1024;

/// Prefix of tokens that continue a word.
const CONTINUING: &str = "##";

/// Keys of `tokenizer_config.json` that say how BERT's tokenizer normalizes texts.
const NORMALIZATION: [&str; 4] = [
    "do_lower_case",
    "strip_accents",
    "tokenize_chinese_chars",
    "model_max_length",
];

impl TextTokenizer {
    /// Returns a WordPiece tokenizer with the special tokens, the characters and the most frequent other
    /// tokens of this one in some texts, at most `vocab_size` in all, for a student that is smaller than
    /// its teacher. A word whose token is left out is tokenized as several shorter ones; all of them are
    /// tokens of this tokenizer, too.
    ///
    /// ```
    /// use finetune_data::TextTokenizer;
    ///
    /// let texts = ["a sunny day", "a sunny sea", "a day"];
    /// let large = TextTokenizer::train_wordpiece(texts, 60)?;
    /// let small = large.with_most_frequent_tokens(["a sunny day"], 25)?;
    /// assert!(small.vocab_size() <= 25);
    /// assert!(small.token_to_id("sunny").is_some() && small.token_to_id("sea").is_none());
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if this is no WordPiece tokenizer, or if there is no room for the
    ///   special tokens and the characters of the texts.
    /// - [`DataError::Library`] if the `tokenizers` library fails.
    pub fn with_most_frequent_tokens<I>(
        &self,
        texts: I,
        vocab_size: usize,
    ) -> Result<Self, DataError>
    where
        I: IntoIterator,
        I::Item: AsRef<str> + Sync,
    {
        if !matches!(self.tokenizer.get_model(), ModelWrapper::WordPiece(_)) {
            let found = self.path.display();
            return Err(DataError::setting(
                "tokenizer",
                "a WordPiece tokenizer",
                found,
            ));
        }
        let counts = self.count_tokens(texts)?;
        let mut kept: BTreeSet<u32> = self.special_token_ids.iter().copied().collect();
        for id in counts.keys() {
            kept.extend(self.characters(*id));
        }
        if kept.len() > vocab_size {
            let expected = format!(
                "at least {} tokens, special ones and characters",
                kept.len()
            );
            return Err(DataError::setting("vocab_size", expected, vocab_size));
        }
        let mut others: Vec<(Reverse<u64>, u32)> = counts
            .into_iter()
            .filter(|(id, _)| !kept.contains(id))
            .map(|(id, count)| (Reverse(count), id))
            .collect();
        others.sort_unstable();
        let room = vocab_size - kept.len();
        kept.extend(others.into_iter().take(room).map(|(_, id)| id));
        let tokens = kept.into_iter().filter_map(|id| self.id_to_token(id));
        let vocabulary: HashMap<String, u32> = tokens.zip(0..).collect();
        let mut settings = Settings::of_class(BERT, &self.path);
        settings.config = self.settings.config.clone();
        let named = |key: &str| SPECIAL_TOKEN_KEYS.contains(&key) || NORMALIZATION.contains(&key);
        settings.config.retain(|key, _| named(key));
        let reduced = Self::bert(vocabulary, settings, &self.path)?;
        match normalization(&reduced) == normalization(self) {
            true => Ok(reduced),
            false => {
                let expected = "a tokenizer whose tokenizer_config.json says how it normalizes";
                let found = self.path.display();
                Err(DataError::setting("tokenizer", expected, found))
            }
        }
    }

    /// Counts the tokens of texts.
    fn count_tokens<I>(&self, texts: I) -> Result<HashMap<u32, u64>, DataError>
    where
        I: IntoIterator,
        I::Item: AsRef<str> + Sync,
    {
        let mut texts = texts.into_iter();
        let mut counts = HashMap::new();
        loop {
            let round: Vec<I::Item> = texts.by_ref().take(TEXTS_PER_ROUND).collect();
            if round.is_empty() {
                return Ok(counts);
            }
            let encoded = round
                .par_iter()
                .map(|text| self.tokenizer.encode_fast(text.as_ref(), false))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|source| DataError::library(&self.path, source))?;
            for id in encoded.iter().flat_map(|encoding| encoding.get_ids()) {
                *counts.entry(*id).or_default() += 1;
            }
        }
    }

    /// Returns the tokens of the characters of a token, as the word would need them without it.
    fn characters(&self, id: u32) -> Vec<u32> {
        let token = self.id_to_token(id).unwrap_or_default();
        let (continues, word) = match token.strip_prefix(CONTINUING) {
            Some(word) => (true, word),
            None => (false, &token[..]),
        };
        let pieces =
            word.chars()
                .enumerate()
                .map(|(place, character)| match continues || place > 0 {
                    true => format!("{CONTINUING}{character}"),
                    false => character.to_string(),
                });
        pieces
            .filter_map(|piece| self.token_to_id(&piece))
            .collect()
    }
}

/// Returns how texts are normalized and divided into words.
fn normalization(tokenizer: &TextTokenizer) -> [Option<serde_json::Value>; 2] {
    let tokenizer = &tokenizer.tokenizer;
    let normalizer = tokenizer.get_normalizer();
    let words = tokenizer.get_pre_tokenizer();
    [
        normalizer.and_then(|part| serde_json::to_value(part).ok()),
        words.and_then(|part| serde_json::to_value(part).ok()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::EncodingConfig;

    #[test]
    fn every_word_has_tokens_that_the_larger_vocabulary_has_too() {
        let texts = ["the cat sat on the mat", "the cat", "a mat on a hat", "sat"];
        let large = TextTokenizer::train_wordpiece(texts, 60).unwrap();
        let small = large.with_most_frequent_tokens(texts, 22).unwrap();
        assert_eq!(small.vocab_size(), 22);
        let unknown = small.token_to_id("[UNK]").unwrap();
        let encoded = small.encode(&texts, &EncodingConfig::new(32)).unwrap();
        for row in 0..texts.len() {
            for id in encoded.row(row).unwrap().token_ids {
                assert_ne!(*id, unknown);
                let token = small.id_to_token(*id).unwrap();
                assert!(large.token_to_id(&token).is_some(), "{token}");
            }
        }
        let error = large.with_most_frequent_tokens(texts, 10).unwrap_err();
        assert!(
            error.to_string().contains("special ones and characters"),
            "{error}"
        );
    }
}
