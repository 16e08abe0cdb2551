//! Token masking for masked language modeling.

use finetune_random::{Purpose, generator};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::batch::{TokenBatch, collate_texts};
use crate::encoded::{EncodedRow, EncodedTexts};
use crate::error::DataError;
use crate::tokenizer::TextTokenizer;

/// Configuration of token masking; the defaults are BERT's (Devlin et al.,
/// <https://arxiv.org/abs/1810.04805>, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskingConfig {
    /// Probability of masking a token (or word), in `(0, 1]` (default: 0.15).
    pub mlm_probability: f64,
    /// Fraction of masked tokens replaced by the mask token, in `[0, 1]` (default: 0.8).
    pub mask_replace_prob: f64,
    /// Fraction of masked tokens replaced by a random token, in `[0, 1]` (default: 0.1). The
    /// remaining masked tokens are unchanged.
    pub random_replace_prob: f64,
    /// Whether to mask whole words (default: false). As in BERT's later checkpoints, the
    /// replacement is drawn separately for each token of a word.
    pub whole_word_mask: bool,
}

impl Default for MaskingConfig {
    fn default() -> Self {
        Self {
            mlm_probability: 0.15,
            mask_replace_prob: 0.8,
            random_replace_prob: 0.1,
            whole_word_mask: false,
        }
    }
}

impl MaskingConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] for the first value that is out of range.
    pub fn validate(&self) -> Result<(), DataError> {
        let refuse =
            |setting, found: f64, expected| Err(DataError::setting(setting, expected, found));
        let probability = self.mlm_probability;
        if !(probability > 0.0 && probability <= 1.0) {
            return refuse("mlm_probability", probability, "above 0 and at most 1");
        }
        for (setting, share) in [
            ("mask_share", self.mask_replace_prob),
            ("random_share", self.random_replace_prob),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return refuse(setting, share, "from 0 to 1");
            }
        }
        let both = self.mask_replace_prob + self.random_replace_prob;
        // 0.7 + 0.3 exceeds 1 slightly in floating point.
        if both > 1.0 + 1e-9 {
            return refuse("mask_share and random_share together", both, "at most 1");
        }
        Ok(())
    }
}

/// Masks tokens and collates the rows into batches.
///
/// The masks of a row depend only on the seed, the epoch and the row index: they are resampled
/// every epoch, and do not depend on the batch or the number of threads. Special tokens are never
/// masked and never used as replacements. Every row with at least one other token has at
/// least one masked token.
///
/// ```
/// use finetune_data::{EncodingConfig, MlmCollator, MaskingConfig, TextTokenizer};
///
/// let tokenizer = TextTokenizer::train_wordpiece(["to be or not to be"; 3], 100)?;
/// let texts = tokenizer.encode(&["to be or not"], &EncodingConfig::default())?;
/// let masker = MlmCollator::new(MaskingConfig::default(), &tokenizer, 42)?;
/// let batch = masker.mask(&texts, &[0], 0)?;
/// for (&position, &target) in batch.masked_positions.iter().zip(&batch.labels) {
///     assert_eq!(texts.row(0)?.token_ids[position], target);
/// }
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MlmCollator {
    config: MaskingConfig,
    mask_token_id: u32,
    /// Whether each token is special, by token id.
    special: Vec<bool>,
    /// Ids of the tokens used as random replacements.
    ordinary: Vec<u32>,
    seed: u64,
}

/// Batch with masked tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedBatch {
    /// Index of each row in the dataset.
    pub rows: Vec<usize>,
    /// Model inputs, after masking.
    pub tokens: TokenBatch,
    /// Ascending indices of the masked tokens among the `T` tokens.
    pub masked_positions: Vec<usize>,
    /// Original ids of the masked tokens.
    pub labels: Vec<u32>,
}

impl MlmCollator {
    /// Creates a masker for texts of the given tokenizer.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if a setting is out of range.
    /// - [`DataError::InvalidTokenizer`] if the vocabulary has no mask token, or if the vocabulary
    ///   has only special tokens.
    pub fn new(
        config: MaskingConfig,
        tokenizer: &TextTokenizer,
        seed: u64,
    ) -> Result<Self, DataError> {
        config.validate()?;
        let path = tokenizer.path();
        let mask_token_id = tokenizer
            .mask_token_id()
            .ok_or_else(|| DataError::missing_special_token(path, "mask_token"))?;
        let ids = 0..tokenizer.vocab_size() as u32;
        let special: Vec<bool> = ids.clone().map(|id| tokenizer.is_special(id)).collect();
        let ordinary: Vec<u32> = ids
            .filter(|&id| !special[id as usize] && tokenizer.id_to_token(id).is_some())
            .collect();
        if ordinary.is_empty() {
            return Err(DataError::empty_vocabulary(path));
        }
        Ok(Self {
            config,
            mask_token_id,
            special,
            ordinary,
            seed,
        })
    }

    /// Collates the given rows into a batch, in the given order, and masks tokens.
    ///
    /// # Errors
    /// The errors of [`collate`](crate::collate), and
    /// - [`DataError::InvalidSetting`] if `whole_words` is set and the tokenizer does not mark word
    ///   starts.
    pub fn mask(
        &self,
        texts: &EncodedTexts,
        rows: &[usize],
        epoch: u64,
    ) -> Result<MaskedBatch, DataError> {
        if self.config.whole_word_mask && !texts.has_words() {
            let expected = "texts of a tokenizer that tells words apart";
            return Err(DataError::setting("whole_word_mask", expected, "others"));
        }
        let mut tokens = collate_texts(texts, rows)?;
        let (mut positions, mut targets) = (Vec::new(), Vec::new());
        for (place, &row) in rows.iter().enumerate() {
            let start = tokens.sequence_offsets[place];
            let encoded = texts.row(row)?;
            for (token, replacement) in self.choose(encoded, epoch, row) {
                let target = std::mem::replace(&mut tokens.token_ids[start + token], replacement);
                positions.push(start + token);
                targets.push(target);
            }
        }
        Ok(MaskedBatch {
            rows: rows.to_vec(),
            tokens,
            masked_positions: positions,
            labels: targets,
        })
    }

    /// Returns the ascending indices of the tokens to mask in a row, each with its replacement.
    fn choose(&self, row: EncodedRow<'_>, epoch: u64, number: usize) -> Vec<(usize, u32)> {
        let mut random = generator(self.seed, Purpose::Masking, epoch, number as u64);
        let units = self.units(row);
        let mut chosen: Vec<usize> = (0..units.len())
            .filter(|_| random.random_bool(self.config.mlm_probability))
            .collect();
        if chosen.is_empty() && !units.is_empty() {
            chosen.push(random.random_range(0..units.len()));
        }
        let tokens = chosen.into_iter().flat_map(|unit| units[unit].clone());
        tokens
            .map(|token| {
                let share: f64 = random.random();
                let replacement = if share < self.config.mask_replace_prob {
                    self.mask_token_id
                } else if share < self.config.mask_replace_prob + self.config.random_replace_prob {
                    self.ordinary[random.random_range(0..self.ordinary.len())]
                } else {
                    row.token_ids[token]
                };
                (token, replacement)
            })
            .collect()
    }

    /// Returns the units of masking: tokens or whole words.
    fn units(&self, row: EncodedRow<'_>) -> Vec<std::ops::Range<usize>> {
        let mut units: Vec<std::ops::Range<usize>> = Vec::new();
        let marks = row.special_tokens_mask().zip(row.word_starts());
        for (token, (special, begins_word)) in marks.enumerate() {
            let id = row.token_ids[token] as usize;
            if special || self.special.get(id).copied().unwrap_or(true) {
                continue;
            }
            match units.last_mut() {
                Some(word) if self.config.whole_word_mask && !begins_word && word.end == token => {
                    word.end = token + 1;
                }
                _ => units.push(token..token + 1),
            }
        }
        units
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::EncodingConfig;

    fn tokenizer() -> TextTokenizer {
        let texts = ["unhappily the cats sat", "the unhappy cat", "happily sat"];
        TextTokenizer::train_wordpiece(texts.repeat(3), 32).unwrap()
    }

    fn texts(tokenizer: &TextTokenizer, rows: usize, words: usize) -> EncodedTexts {
        let text = |row: usize| {
            let words =
                (0..words).map(|word| ["unhappily", "the", "cats", "sat"][(row + word) % 4]);
            words.collect::<Vec<_>>().join(" ")
        };
        let texts: Vec<String> = (0..rows).map(text).collect();
        tokenizer
            .encode(&texts, &EncodingConfig::default())
            .unwrap()
    }

    fn whole_words() -> MaskingConfig {
        MaskingConfig {
            whole_word_mask: true,
            ..Default::default()
        }
    }

    /// Whether a count is within three standard errors of a fraction of `of`.
    fn assert_share(found: usize, of: usize, share: f64) {
        let error = (share * (1.0 - share) / of as f64).sqrt();
        let found = found as f64 / of as f64;
        assert!(
            (found - share).abs() < 3.0 * error,
            "{found} is not {share}"
        );
    }

    #[test]
    fn rates_are_those_of_the_config() {
        let tokenizer = tokenizer();
        let texts = texts(&tokenizer, 400, 120);
        let masker = MlmCollator::new(MaskingConfig::default(), &tokenizer, 1).unwrap();
        let rows: Vec<usize> = (0..texts.len()).collect();
        let batch = masker.mask(&texts, &rows, 0).unwrap();

        let maskable = texts.token_count() - 2 * texts.len();
        let guessed = batch.labels.len();
        assert_share(guessed, maskable, 0.15);
        let seen = |place: usize| batch.tokens.token_ids[batch.masked_positions[place]];
        let mask = tokenizer.mask_token_id().unwrap();
        let masked = (0..guessed).filter(|&place| seen(place) == mask).count();
        assert_share(masked, guessed, 0.8);
        let kept = (0..guessed).filter(|&place| seen(place) == batch.labels[place]);
        // A random replacement can equal the original token.
        let ordinary = masker.ordinary.len() as f64;
        assert_share(kept.count(), guessed, 0.1 + 0.1 / ordinary);
        let random =
            (0..guessed).filter(|&place| seen(place) != mask && seen(place) != batch.labels[place]);
        assert_share(random.count(), guessed, 0.1 - 0.1 / ordinary);
    }

    #[test]
    fn whole_words_are_never_split() {
        let tokenizer = tokenizer();
        let texts = texts(&tokenizer, 200, 60);
        let masker = MlmCollator::new(whole_words(), &tokenizer, 1).unwrap();
        let (mut words, mut masked) = (0, 0);
        for row in 0..texts.len() {
            let batch = masker.mask(&texts, &[row], 0).unwrap();
            let starts: Vec<bool> = texts.row(row).unwrap().word_starts().collect();
            let special: Vec<bool> = texts.row(row).unwrap().special_tokens_mask().collect();
            let guessed = |token: usize| batch.masked_positions.binary_search(&token).is_ok();
            for token in 1..starts.len() - 1 {
                assert!(!special[token] || !guessed(token));
                assert!(starts[token] || guessed(token) == guessed(token - 1));
            }
            words += starts.iter().filter(|&&start| start).count();
            masked += batch
                .masked_positions
                .iter()
                .filter(|&&token| starts[token])
                .count();
        }
        assert!(
            texts.token_count() - 2 * texts.len() > words,
            "words of several tokens"
        );
        assert_share(masked, words, 0.15);
    }

    #[test]
    fn a_row_is_masked_alike_in_any_batch_and_otherwise_in_another_epoch() {
        let tokenizer = tokenizer();
        let texts = texts(&tokenizer, 8, 40);
        let masker = MlmCollator::new(whole_words(), &tokenizer, 1).unwrap();
        let mask = |rows: &[usize], epoch| {
            let batch = masker.mask(&texts, rows, epoch).unwrap();
            let last = batch.tokens.sequence_offsets[rows.len() - 1];
            batch.tokens.token_ids[last..].to_vec()
        };
        assert_eq!(mask(&[5], 3), mask(&[1, 7, 5], 3));
        assert_ne!(mask(&[5], 3), mask(&[5], 4));
        let other = MlmCollator::new(whole_words(), &tokenizer, 2).unwrap();
        let other = other.mask(&texts, &[5], 3).unwrap();
        assert_ne!(mask(&[5], 3), other.tokens.token_ids);
    }

    #[test]
    fn short_rows_have_one_masked_token_and_empty_ones_none() {
        let tokenizer = tokenizer();
        let texts = tokenizer
            .encode(&["a", "", "[SEP] a [MASK]"], &EncodingConfig::default())
            .unwrap();
        let masker = MlmCollator::new(MaskingConfig::default(), &tokenizer, 1).unwrap();
        for epoch in 0..50 {
            let batch = masker.mask(&texts, &[0, 1, 2], epoch).unwrap();
            let third = batch.tokens.sequence_offsets[2];
            assert_eq!(batch.masked_positions, [1, third + 2]);
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        let tokenizer = tokenizer();
        let with = |change: fn(&mut MaskingConfig)| {
            let mut config = MaskingConfig::default();
            change(&mut config);
            MlmCollator::new(config, &tokenizer, 1)
                .unwrap_err()
                .to_string()
        };
        assert!(with(|config| config.mlm_probability = 0.0).contains("probability"));
        assert!(with(|config| config.mlm_probability = f64::NAN).contains("probability"));
        assert!(with(|config| config.mask_replace_prob = 1.1).contains("mask_share"));
        assert!(with(|config| config.random_replace_prob = 0.3).contains("together"));
    }

    #[test]
    fn words_must_be_known_to_be_masked() {
        let tokenizer = tokenizer();
        let texts = EncodedTexts::from_token_ids([[7, 8, 9]]);
        let masker = MlmCollator::new(whole_words(), &tokenizer, 1).unwrap();
        let error = masker.mask(&texts, &[0], 0).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::InvalidSetting {
                    setting: "whole_word_mask",
                    ..
                }
            ),
            "{error}"
        );
    }
}
