//! Extraction of terms from texts: preprocessing, tokenization and n-grams, as in scikit-learn's
//! [`build_analyzer`](https://github.com/scikit-learn/scikit-learn/blob/1.9.1/sklearn/feature_extraction/text.py).

mod config;
mod preprocess;
mod words;

use std::ops::Range;

use rustc_hash::FxHashSet;

pub use config::{AnalyzerConfig, AnalyzerKind, StripAccents};
use preprocess::{collapse_spaces, is_space, preprocess};
use words::WordPattern;

use crate::error::BaselineError;

/// Analyzer that extracts terms from texts.
#[derive(Debug, Clone)]
pub struct Analyzer {
    config: AnalyzerConfig,
    words: WordPattern,
    stop_words: FxHashSet<String>,
}

/// Buffers that are reused between texts.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Byte ranges of the words.
    words: Vec<Range<usize>>,
    /// Byte offset of each character, and the end of the last one.
    characters: Vec<usize>,
    /// A term of several words, or a padded word.
    joined: String,
}

impl Analyzer {
    /// Creates an analyzer.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] if a value is out of range.
    pub fn new(config: &AnalyzerConfig) -> Result<Self, BaselineError> {
        config.validate()?;
        Ok(Self {
            words: WordPattern::new(&config.token_pattern)?,
            stop_words: config.stop_words.iter().cloned().collect(),
            config: config.clone(),
        })
    }

    /// Returns the terms of a text, shorter n-grams first; for character n-grams within words, in
    /// the order of the words.
    pub fn terms(&self, text: &str) -> Vec<String> {
        let mut terms = Vec::new();
        self.visit_terms(text, &mut Scratch::default(), |term| {
            terms.push(term.to_owned());
        });
        terms
    }

    /// Calls `visit` for each term, without copying it; otherwise like [`Self::terms`].
    pub(crate) fn visit_terms(
        &self,
        text: &str,
        scratch: &mut Scratch,
        mut visit: impl FnMut(&str),
    ) {
        let text = preprocess(text, self.config.lowercase, self.config.strip_accents);
        match self.config.kind {
            AnalyzerKind::Word => self.visit_words(&text, scratch, &mut visit),
            AnalyzerKind::Char => {
                let text = collapse_spaces(&text);
                list_characters(&text, &mut scratch.characters);
                self.visit_ngrams(&text, &scratch.characters, false, &mut visit);
            }
            AnalyzerKind::CharWb => {
                for word in text.split(is_space).filter(|word| !word.is_empty()) {
                    scratch.joined.clear();
                    scratch.joined.extend([" ", word, " "]);
                    list_characters(&scratch.joined, &mut scratch.characters);
                    self.visit_ngrams(&scratch.joined, &scratch.characters, true, &mut visit);
                }
            }
        }
    }

    fn visit_words(&self, text: &str, scratch: &mut Scratch, visit: &mut impl FnMut(&str)) {
        let Scratch { words, joined, .. } = scratch;
        words.clear();
        self.words.find(text, |place| {
            if self.stop_words.is_empty() || !self.stop_words.contains(&text[place.clone()]) {
                words.push(place);
            }
        });
        let (least, greatest) = self.config.ngram_range;
        for length in least..=greatest.min(words.len()) {
            for places in words.windows(length) {
                if let [place] = places {
                    visit(&text[place.clone()]);
                    continue;
                }
                joined.clear();
                for (position, place) in places.iter().enumerate() {
                    joined.push_str(if position > 0 { " " } else { "" });
                    joined.push_str(&text[place.clone()]);
                }
                visit(joined);
            }
        }
    }

    /// Visits all character n-grams. A text that is shorter than any of them is visited as a whole
    /// if it is `padded`.
    fn visit_ngrams(
        &self,
        text: &str,
        characters: &[usize],
        padded: bool,
        visit: &mut impl FnMut(&str),
    ) {
        let (least, greatest) = self.config.ngram_range;
        let count = characters.len() - 1;
        if padded && least > count {
            visit(text);
        }
        for length in least..=greatest.min(count) {
            for start in 0..=count - length {
                visit(&text[characters[start]..characters[start + length]]);
            }
        }
    }
}

/// Lists the byte offset of each character, followed by the length.
fn list_characters(text: &str, characters: &mut Vec<usize>) {
    characters.clear();
    characters.extend(text.char_indices().map(|(start, _)| start));
    characters.push(text.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(analyzer: AnalyzerKind, ngram_range: (usize, usize), text: &str) -> Vec<String> {
        let config = AnalyzerConfig {
            kind: analyzer,
            ngram_range,
            ..AnalyzerConfig::default()
        };
        Analyzer::new(&config).unwrap().terms(text)
    }

    #[test]
    fn words_of_one_character_are_none() {
        assert_eq!(
            terms(AnalyzerKind::Word, (1, 1), "A fire, a 2nd é!"),
            ["fire", "2nd"]
        );
    }

    #[test]
    fn terms_of_words_are_joined_by_a_space() {
        let expected = ["one two", "two three", "one two three"];
        assert_eq!(
            terms(AnalyzerKind::Word, (2, 3), "one,two  three"),
            expected
        );
        assert!(terms(AnalyzerKind::Word, (2, 3), "one").is_empty());
    }

    #[test]
    fn stop_words_go_before_words_are_joined() {
        let config = AnalyzerConfig {
            stop_words: vec!["of".into()],
            ngram_range: (2, 2),
            ..AnalyzerConfig::default()
        };
        let analyzer = Analyzer::new(&config).unwrap();
        assert_eq!(analyzer.terms("Fear of fire"), ["fear fire"]);
    }

    #[test]
    fn characters_are_no_bytes() {
        assert_eq!(
            terms(AnalyzerKind::Char, (2, 2), "é漢\n\nb"),
            ["é漢", "漢 ", " b"]
        );
        assert!(terms(AnalyzerKind::Char, (2, 2), "é").is_empty());
    }

    #[test]
    fn characters_within_words_have_spaces_around_them() {
        let expected = [" ab", "ab ", " ab ", " c "];
        assert_eq!(terms(AnalyzerKind::CharWb, (3, 9), "ab\nc"), expected);
    }

    #[test]
    fn impossible_settings_are_refused() {
        for ngram_range in [(0, 1), (2, 1)] {
            let config = AnalyzerConfig {
                ngram_range,
                ..AnalyzerConfig::default()
            };
            let error = Analyzer::new(&config).unwrap_err().to_string();
            assert!(error.starts_with("ngram_range is "), "{error}");
        }
        let config = AnalyzerConfig {
            kind: AnalyzerKind::Char,
            stop_words: vec!["of".into()],
            ..AnalyzerConfig::default()
        };
        assert_eq!(
            Analyzer::new(&config).unwrap_err().to_string(),
            "stop_words is a list of 1 words, expected an empty list, for terms of characters"
        );
    }
}
