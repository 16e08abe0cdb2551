//! Character-level cleaning: special characters, whitespace and case.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::patterns::compiled;

/// Combining marks, such as accents.
static MARK: LazyLock<Regex> = LazyLock::new(|| compiled(r"^\p{M}$"));

/// Replaces each character that is not a letter, digit, whitespace, combining mark or in `keep`.
pub(super) fn replace_special<'a>(text: &'a str, keep: &str, with: &str) -> Cow<'a, str> {
    let stays = |character: char| {
        character.is_alphanumeric()
            || character.is_whitespace()
            || keep.contains(character)
            || is_mark(character)
    };
    let Some(first) = text.find(|character| !stays(character)) else {
        return Cow::Borrowed(text);
    };
    let mut replaced = String::with_capacity(text.len());
    replaced.push_str(&text[..first]);
    for character in text[first..].chars() {
        if stays(character) {
            replaced.push(character);
        } else {
            replaced.push_str(with);
        }
    }
    Cow::Owned(replaced)
}

fn is_mark(character: char) -> bool {
    !character.is_ascii() && MARK.is_match(character.encode_utf8(&mut [0; 4]))
}

/// Collapses each run of whitespace to one space and trims the ends.
pub(super) fn single_spaces(text: &str) -> Cow<'_, str> {
    // Pieces between single spaces are neither empty nor contain whitespace.
    let tidy = text
        .split(' ')
        .all(|piece| !piece.is_empty() && !piece.contains(char::is_whitespace));
    if tidy || text.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut spaced = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    Cow::Owned(spaced)
}

/// Converts to lowercase.
pub(super) fn lowercase(text: &str) -> Cow<'_, str> {
    let is_lower = |character: char| character.to_lowercase().eq([character]);
    if text.chars().all(is_lower) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_spaces_and_what_is_kept_stay() {
        for (text, keep, with, expected) in [
            ("It's 13,000\tat 5% #fire_", "", "", "Its 13000\tat 5 fire"),
            ("It's 13,000!", "'!", " ", "It's 13 000!"),
            ("naïve 漢字 ١٢ е\u{301}", "", "", "naïve 漢字 ١٢ е\u{301}"),
            ("\u{1F525}—\u{200B}", "", "", ""),
        ] {
            assert_eq!(replace_special(text, keep, with), expected, "{text}");
        }
        assert!(matches!(replace_special("plain", "", ""), Cow::Borrowed(_)));
    }

    #[test]
    fn white_space_is_one_space() {
        for (text, expected) in [
            (" a  b\t\nc\u{A0}d\r\n", "a b c d"),
            ("\u{3000}", ""),
            ("a\tb", "a b"),
            ("a ", "a"),
        ] {
            assert_eq!(single_spaces(text), expected, "{text:?}");
        }
        assert!(matches!(single_spaces("a b"), Cow::Borrowed(_)));
        assert!(matches!(single_spaces(""), Cow::Borrowed(_)));
    }

    #[test]
    fn lower_case_in_any_script() {
        assert_eq!(lowercase("ÀÉ ΟΔΟΣ ÄB"), "àé οδος äb");
        assert!(matches!(lowercase("ß 漢 1"), Cow::Borrowed(_)));
    }
}
