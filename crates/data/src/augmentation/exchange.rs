//! Exchange of names and pronouns in one row.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{FEMALE_NAMES, MALE_NAMES, other_person};
use super::{AugmentationConfig, WordList};
use crate::dataset::Example;

/// Exchange of the words in some lists.
pub(super) struct Exchange {
    /// Names of women and of men, in the order in which they are chosen; empty without that list.
    names: [Vec<String>; 2],
    exchanges_pronouns: bool,
}

/// A word of a text, or what is between two words.
struct Token<'a> {
    text: &'a str,
    is_word: bool,
}

impl Exchange {
    pub(super) fn new(config: &AugmentationConfig) -> Self {
        let has = |list| config.word_lists.contains(&list);
        let names = |own: &[String], built_in: &[&str]| match (has(WordList::Names), own) {
            (false, _) => Vec::new(),
            (true, []) => built_in.iter().map(ToString::to_string).collect(),
            (true, own) => own.to_vec(),
        };
        Self {
            names: [
                names(&config.female_names, &FEMALE_NAMES),
                names(&config.male_names, &MALE_NAMES),
            ],
            exchanges_pronouns: has(WordList::Pronouns),
        }
    }

    /// Returns a copy of a row with other names, chosen by `draw`, and other pronouns.
    pub(super) fn apply(&self, example: &Example, draw: u64) -> Example {
        let texts = std::iter::once(example.text.as_str()).chain(example.text_pair.as_deref());
        let renamed = self.new_names(texts, draw);
        let other = |text: &str| self.exchanged(text, &renamed);
        Example {
            text: other(&example.text),
            text_pair: example.text_pair.as_deref().map(other),
            label: example.label.clone(),
        }
    }

    /// Returns the new name of each name in the texts, both in lower case. Different names have
    /// different new ones, none of which is in the texts.
    fn new_names<'a>(
        &'a self,
        texts: impl Iterator<Item = &'a str>,
        draw: u64,
    ) -> BTreeMap<String, &'a str> {
        let words: Vec<&str> = texts.flat_map(words_of).collect();
        let mut taken: BTreeSet<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let mut renamed = BTreeMap::new();
        for word in words {
            let key = word.to_lowercase();
            let Some(gender) = self.gender(word).filter(|_| !renamed.contains_key(&key)) else {
                continue;
            };
            let list = match self.exchanges_pronouns {
                true => &self.names[1 - gender],
                false => &self.names[gender],
            };
            let start = (draw % list.len().max(1) as u64) as usize;
            let mut candidates = list[start..].iter().chain(&list[..start]);
            if let Some(name) = candidates.find(|name| !taken.contains(&name.to_lowercase())) {
                taken.insert(name.to_lowercase());
                renamed.insert(key, name.as_str());
            }
        }
        renamed
    }

    /// Returns the list that a capitalized word is in: 0 for women, 1 for men.
    fn gender(&self, word: &str) -> Option<usize> {
        let is_name = |name: &String| name == word || (is_shouted(word) && shouted(name) == word);
        self.names.iter().position(|list| list.iter().any(is_name))
    }

    fn exchanged(&self, text: &str, renamed: &BTreeMap<String, &str>) -> String {
        let tokens = tokens_of(text);
        let mut result = String::with_capacity(text.len());
        for (at, token) in tokens.iter().enumerate() {
            let new = match token.is_word {
                true => self.replacement(&tokens, at, renamed),
                false => None,
            };
            match new {
                Some(new) => result.push_str(&new),
                None => result.push_str(token.text),
            }
        }
        result
    }

    fn replacement(
        &self,
        tokens: &[Token],
        at: usize,
        renamed: &BTreeMap<String, &str>,
    ) -> Option<String> {
        let word = tokens[at].text;
        let lower = word.to_lowercase();
        if self.gender(word).is_some() {
            return Some(in_case_of(word, renamed.get(&lower)?));
        }
        if !self.exchanges_pronouns {
            return None;
        }
        let next = match tokens.get(at + 1..at + 3) {
            Some([gap, next]) if gap.text.trim().is_empty() => Some(next.text.to_lowercase()),
            _ => None,
        };
        let other = other_person(&lower, next.as_deref())?;
        Some(in_case_of(word, other))
    }
}

/// Returns the words of a text and what is between them; together they are the text. A word is a
/// longest run of letters and digits.
fn tokens_of(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token> = Vec::new();
    let (mut start, mut inside) = (0, None);
    for (place, letter) in text.char_indices() {
        let is_word = letter.is_alphanumeric();
        if let Some(inside) = inside
            && inside != is_word
        {
            tokens.push(Token {
                text: &text[start..place],
                is_word: inside,
            });
            start = place;
        }
        inside = Some(is_word);
    }
    tokens.extend(inside.map(|is_word| Token {
        text: &text[start..],
        is_word,
    }));
    tokens
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let words = tokens_of(text).into_iter().filter(|token| token.is_word);
    words.map(|token| token.text)
}

fn shouted(word: &str) -> String {
    word.to_uppercase()
}

fn is_shouted(word: &str) -> bool {
    word.chars().count() > 1 && word.chars().all(char::is_uppercase)
}

/// Returns `new` in the case of `word`: all letters in upper case, the first one, or as it is.
fn in_case_of(word: &str, new: &str) -> String {
    let mut letters = new.chars();
    match letters.next() {
        _ if is_shouted(word) => shouted(new),
        Some(first) if word.starts_with(char::is_uppercase) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => new.to_string(),
    }
}
