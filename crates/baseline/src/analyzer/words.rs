//! Matching of words by a pattern.

use std::ops::Range;

use regex::Regex;

use crate::error::BaselineError;

/// Word characters of Python: letters, numbers and the underscore, without marks.
const WORD: &str = r"\p{L}\p{N}_";
/// Whitespace of Python, which includes these separators.
const SPACE: &str = r"\s\x1c-\x1f";

/// Compiled word pattern.
#[derive(Debug, Clone)]
pub(super) struct WordPattern {
    regex: Regex,
    /// Index of the group that is the word; 0 for the whole match.
    group: usize,
}

impl WordPattern {
    pub(super) fn new(pattern: &str) -> Result<Self, BaselineError> {
        let translated = match shortest_run(pattern) {
            Some(shortest) => format!("[{WORD}]{{{shortest},}}"),
            None => with_classes_of_python(pattern),
        };
        let invalid = |expected: String| BaselineError::setting("token_pattern", pattern, expected);
        let regex = Regex::new(&translated)
            .map_err(|error| invalid(format!("a regular expression: {error}")))?;
        let expected = match (regex.captures_len(), regex.is_match("")) {
            (..=2, false) => None,
            (..=2, true) => Some("a pattern that does not match the empty text"),
            _ => Some("a pattern with one group at most"),
        };
        match expected {
            None => Ok(Self {
                group: regex.captures_len() - 1,
                regex,
            }),
            Some(expected) => Err(invalid(expected.to_owned())),
        }
    }

    /// Visits the byte ranges of the words of a text, in order.
    pub(super) fn find(&self, text: &str, mut visit: impl FnMut(Range<usize>)) {
        if self.group == 0 {
            self.regex
                .find_iter(text)
                .for_each(|word| visit(word.range()));
            return;
        }
        for captures in self.regex.captures_iter(text) {
            // As in Python, a group that did not participate in the match is an empty word.
            visit(captures.get(self.group).map_or(0..0, |word| word.range()));
        }
    }
}

/// Returns the minimum word length of patterns such as `\b\w\w+\b` and `\b\w+\b`; `None` for other
/// patterns. These match maximal runs of word characters, so they can be matched without `\b`,
/// which the `regex` crate defines differently.
fn shortest_run(pattern: &str) -> Option<usize> {
    let pattern = pattern.strip_prefix("(?u)").unwrap_or(pattern);
    let pattern = pattern.strip_prefix(r"\b")?.strip_suffix(r"+\b")?;
    let shortest = pattern.len() / 2;
    (shortest > 0 && pattern == r"\w".repeat(shortest)).then_some(shortest)
}

/// Replaces `\w`, `\W` and `\s` by their meaning in Python.
fn with_classes_of_python(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len() + 32);
    // Start of the content of the current bracket expression, if any.
    let mut brackets = None;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, brackets) {
            ('\\', _) => translate_escape(characters.next(), brackets.is_some(), &mut translated),
            ('[', None) => {
                translated.push('[');
                translated.extend(characters.next_if_eq(&'^'));
                brackets = Some(translated.len());
            }
            // An opening bracket in brackets is a literal in Python, but a nested class in `regex`.
            ('[', Some(_)) => translated.push_str(r"\["),
            (']', Some(start)) if translated.len() == start => translated.push_str(r"\]"),
            (']', Some(_)) => {
                translated.push(']');
                brackets = None;
            }
            (other, _) => translated.push(other),
        }
    }
    translated
}

fn translate_escape(escaped: Option<char>, in_brackets: bool, translated: &mut String) {
    match (escaped, in_brackets) {
        (Some('w'), false) => *translated += &format!("[{WORD}]"),
        (Some('w'), true) => *translated += WORD,
        (Some('W'), _) => *translated += &format!("[^{WORD}]"),
        (Some('s'), false) => *translated += &format!("[{SPACE}]"),
        (Some('s'), true) => *translated += SPACE,
        (Some('S'), _) => *translated += &format!("[^{SPACE}]"),
        (Some(other), _) => translated.extend(['\\', other]),
        (None, _) => translated.push('\\'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
        let mut words = Vec::new();
        let pattern = WordPattern::new(pattern).unwrap();
        pattern.find(text, |place| words.push(&text[place]));
        words
    }

    #[test]
    fn runs_of_word_characters_are_recognized() {
        assert_eq!(shortest_run(r"(?u)\b\w\w+\b"), Some(2));
        assert_eq!(shortest_run(r"\b\w+\b"), Some(1));
        for other in [r"\b+\b", r"\w+", r"\b\w\d+\b", r"\b\w\w\b", ""] {
            assert_eq!(shortest_run(other), None, "{other}");
        }
    }

    /// Result of `re.findall`.
    #[test]
    fn classes_are_those_of_python() {
        // The vowel sign is a mark, so in Python the word ends there.
        assert_eq!(words(r"\w+", "का x²_1"), ["क", "x²_1"]);
        assert_eq!(words(r"[\w']+", "don't का"), ["don't", "क"]);
        assert_eq!(words(r"[^\W_]+", "a_b"), ["a", "b"]);
        assert_eq!(words(r"\S+", "a\x1cb c"), ["a", "b", "c"]);
        assert_eq!(words(r"[[\]a]+", "x[a]"), ["[a]"]);
        assert_eq!(words(r"[]a]+", "x[a]"), ["a]"]);
        assert_eq!(words(r"\d\d", "12345"), ["12", "34"]);
    }

    #[test]
    fn a_group_is_the_word() {
        assert_eq!(words(r"#(\w+)", "#fire and #flood"), ["fire", "flood"]);
        assert_eq!(words(r"#(\w+)?", "#fire #"), ["fire", ""]);
    }

    #[test]
    fn impossible_patterns_are_refused() {
        for (pattern, message) in [
            (
                r"(\w)(\w)",
                r"token_pattern is (\w)(\w), expected a pattern with one group at most",
            ),
            (
                r"\w*",
                r"token_pattern is \w*, expected a pattern that does not match the empty text",
            ),
        ] {
            let error = WordPattern::new(pattern).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let error = WordPattern::new(r"(?<=a)b").unwrap_err().to_string();
        let start = "token_pattern is (?<=a)b, expected a regular expression: ";
        assert!(error.starts_with(start), "{error}");
    }
}
