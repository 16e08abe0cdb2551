//! Training of WordPiece vocabularies.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use rayon::prelude::*;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer,
};

use super::TextTokenizer;
use super::bert::{LONGEST_WORD, SPECIAL_TOKENS};
use super::class::BERT;
use super::settings::Settings;
use crate::error::DataError;

/// Maximum alphabet size in characters and minimum frequency of a token; both as in BERT training
/// with the `tokenizers` library.
const ALPHABET_LIMIT: usize = 1000;
const MINIMUM_FREQUENCY: u64 = 2;

/// Number of texts counted in parallel before the counts are merged.
const TEXTS_PER_ROUND: usize = 4096;

/// Placeholder for the file name in error messages about a trained tokenizer.
const TRAINED: &str = "new WordPiece tokenizer";

impl TextTokenizer {
    /// Trains an uncased WordPiece vocabulary of at most `vocab_size` tokens (fewer if the
    /// texts do not contain enough) with BERT's pipeline.
    ///
    /// The result does not depend on the order of the texts or the number of threads. Ids 0 to 4
    /// are `[PAD] [UNK] [CLS] [SEP] [MASK]`, followed by single characters, characters that
    /// continue a word (`##e`), and tokens in the order in which they were learned.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if `vocab_size` is below 7, or if the texts contain no
    ///   words.
    /// - [`DataError::Library`] if the `tokenizers` library fails.
    pub fn train_wordpiece<I>(texts: I, vocab_size: usize) -> Result<Self, DataError>
    where
        I: IntoIterator,
        I::Item: AsRef<str> + Sync,
    {
        let minimum = SPECIAL_TOKENS.len() + 2;
        if vocab_size < minimum {
            let expected = format!("at least {minimum} tokens");
            return Err(DataError::setting("vocab_size", expected, vocab_size));
        }
        let mut words = count_words(texts)?;
        // Each character may need two tokens: at the start of a word and within one.
        let alphabet = alphabet(&words, ALPHABET_LIMIT.min((vocab_size - 5) / 2));
        words.retain(|word, _| word.chars().all(|character| alphabet.contains(&character)));
        if words.is_empty() {
            return Err(DataError::setting("texts", "texts with words", "none"));
        }
        let vocabulary = learn(words, &alphabet, vocab_size)?;
        let path = Path::new(TRAINED);
        Self::bert(vocabulary, Settings::of_class(BERT, path), path)
    }
}

/// Counts the words after BERT's normalization and pre-tokenization.
fn count_words<I>(texts: I) -> Result<HashMap<String, u64>, DataError>
where
    I: IntoIterator,
    I::Item: AsRef<str> + Sync,
{
    let mut texts = texts.into_iter();
    let mut all: HashMap<String, u64> = HashMap::new();
    loop {
        let round: Vec<I::Item> = texts.by_ref().take(TEXTS_PER_ROUND).collect();
        if round.is_empty() {
            return Ok(all);
        }
        let parts: Vec<HashMap<String, u64>> = round
            .par_chunks(64)
            .map(|chunk| {
                let mut counts = HashMap::new();
                chunk
                    .iter()
                    .try_for_each(|text| add_words(text.as_ref(), &mut counts))?;
                Ok(counts)
            })
            .collect::<Result<_, tokenizers::Error>>()
            .map_err(|source| DataError::library(Path::new(TRAINED), source))?;
        for (word, count) in parts.into_iter().flatten() {
            *all.entry(word).or_default() += count;
        }
    }
}

fn add_words(text: &str, counts: &mut HashMap<String, u64>) -> Result<(), tokenizers::Error> {
    let mut normalized = NormalizedString::from(text);
    BertNormalizer::default().normalize(&mut normalized)?;
    let mut words = PreTokenizedString::from(normalized);
    BertPreTokenizer.pre_tokenize(&mut words)?;
    for (word, _, _) in words.get_splits(OffsetReferential::Original, OffsetType::None) {
        // Longer words become the unknown token anyway, so they are not counted.
        if word.chars().count() <= LONGEST_WORD {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    Ok(())
}

/// Returns the most frequent characters; ties are resolved by code point order.
fn alphabet(words: &HashMap<String, u64>, limit: usize) -> BTreeSet<char> {
    let mut counts: HashMap<char, u64> = HashMap::new();
    for (word, count) in words {
        for character in word.chars() {
            *counts.entry(character).or_default() += count;
        }
    }
    let mut characters: Vec<(Reverse<u64>, char)> = counts
        .into_iter()
        .map(|(character, count)| (Reverse(count), character))
        .collect();
    characters.sort_unstable();
    characters
        .into_iter()
        .take(limit)
        .map(|(_, character)| character)
        .collect()
}

/// Learns merges until the vocabulary is full.
///
/// By default, the trainer of the library numbers the `##` characters in the order of a randomly
/// seeded hash map, and breaks ties between merges by these numbers. Two runs could then assign
/// different ids, and could learn different tokens if a full vocabulary ends in a tie. Passing the
/// whole alphabet as special tokens fixes the numbering, so nothing depends on the map.
fn learn(
    words: HashMap<String, u64>,
    alphabet: &BTreeSet<char>,
    vocab_size: usize,
) -> Result<HashMap<String, u32>, DataError> {
    let within: BTreeSet<char> = words.keys().flat_map(|word| word.chars().skip(1)).collect();
    let fixed: Vec<AddedToken> = SPECIAL_TOKENS
        .into_iter()
        .map(str::to_owned)
        .chain(alphabet.iter().map(char::to_string))
        .chain(within.iter().map(|character| format!("##{character}")))
        .map(|token| AddedToken::from(token, true))
        .collect();
    let trainer = BpeTrainer::builder()
        .vocab_size(vocab_size)
        .min_frequency(MINIMUM_FREQUENCY)
        .special_tokens(fixed)
        .continuing_subword_prefix("##".to_owned())
        .show_progress(false)
        .build();
    let words = words
        .into_iter()
        .map(|(word, count)| (word.into(), count))
        .collect();
    let mut merges = BPE::default();
    trainer
        .do_train(&words, &mut merges)
        .map_err(|source| DataError::library(Path::new(TRAINED), source))?;
    Ok(merges.get_vocab())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many words with equal counts, so that every merge is a tie.
    fn texts() -> Vec<String> {
        let syllables = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki"];
        (0..512)
            .map(|text: usize| {
                let syllable = |place: u32| syllables[text / 8usize.pow(place) % 8];
                format!(
                    "{}{}{} {}",
                    syllable(0),
                    syllable(1),
                    syllable(2),
                    syllable(1)
                )
            })
            .collect()
    }

    fn vocabulary(tokenizer: &TextTokenizer) -> Vec<String> {
        (0..tokenizer.vocab_size() as u32)
            .map(|id| tokenizer.id_to_token(id).unwrap())
            .collect()
    }

    #[test]
    fn training_twice_gives_the_same_ids() {
        let first = vocabulary(&TextTokenizer::train_wordpiece(texts(), 80).unwrap());
        assert_eq!(first.len(), 80);
        let reversed: Vec<String> = texts().into_iter().rev().collect();
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let again = pool
                .install(|| TextTokenizer::train_wordpiece(&reversed, 80))
                .unwrap();
            assert_eq!(vocabulary(&again), first);
        }
    }

    #[test]
    fn the_order_of_ids_is_fixed() {
        let tokenizer = TextTokenizer::train_wordpiece(["aba ab", "ab"], 100).unwrap();
        assert_eq!(
            vocabulary(&tokenizer),
            [
                "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b", "ab"
            ]
        );
    }

    #[test]
    fn the_vocabulary_never_exceeds_its_size() {
        for size in [7, 8, 13, 20, 40] {
            let trained = TextTokenizer::train_wordpiece(texts(), size);
            match trained {
                Ok(tokenizer) => assert!(tokenizer.vocab_size() <= size),
                Err(error) => assert!(
                    matches!(
                        error,
                        DataError::InvalidSetting {
                            setting: "texts",
                            ..
                        }
                    ),
                    "{error}"
                ),
            }
        }
    }

    #[test]
    fn what_cannot_be_learned_from_is_an_error() {
        assert!(matches!(
            TextTokenizer::train_wordpiece(["a"], 6),
            Err(DataError::InvalidSetting {
                setting: "vocab_size",
                ..
            })
        ));
        assert!(matches!(
            TextTokenizer::train_wordpiece([" ", ""], 100),
            Err(DataError::InvalidSetting {
                setting: "texts",
                ..
            })
        ));
    }
}
