//! Lowercasing, accents and whitespace.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::StripAccents;

/// Converts to lowercase and then strips accents, in the order of scikit-learn.
pub(super) fn preprocess(text: &str, lowercase: bool, accents: StripAccents) -> Cow<'_, str> {
    let text = match lowercase {
        true => Cow::Owned(text.to_lowercase()),
        false => Cow::Borrowed(text),
    };
    match accents {
        // ASCII text has no accents and no decompositions.
        _ if text.is_ascii() => text,
        StripAccents::None => text,
        StripAccents::Ascii => Cow::Owned(text.nfkd().filter(char::is_ascii).collect()),
        StripAccents::Unicode => {
            let is_base = |character: &char| canonical_combining_class(*character) == 0;
            Cow::Owned(text.nfkd().filter(is_base).collect())
        }
    }
}

/// Returns whether Python considers a character whitespace.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

/// Replaces runs of two or more whitespace characters by a space. A single one is unchanged.
pub(super) fn collapse_spaces(text: &str) -> Cow<'_, str> {
    let mut collapsed = String::new();
    let mut copied = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        if !is_space(character) {
            continue;
        }
        let mut spaces = 1;
        while characters.next_if(|(_, next)| is_space(*next)).is_some() {
            spaces += 1;
        }
        if spaces > 1 {
            collapsed.push_str(&text[copied..start]);
            collapsed.push(' ');
            copied = characters.peek().map_or(text.len(), |(next, _)| *next);
        }
    }
    match copied {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(collapsed + &text[copied..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_are_removed() {
        let text = "Crème BRÛLÉE ﬁ 漢 ½";
        let done = |accents| preprocess(text, true, accents).into_owned();
        assert_eq!(done(StripAccents::None), "crème brûlée ﬁ 漢 ½");
        assert_eq!(done(StripAccents::Ascii), "creme brulee fi  12");
        assert_eq!(done(StripAccents::Unicode), "creme brulee fi 漢 1⁄2");
        assert_eq!(preprocess("ÀB", false, StripAccents::Ascii), "AB");
    }

    #[test]
    fn only_runs_of_spaces_become_one() {
        for (text, expected) in [
            ("", ""),
            ("a\nb", "a\nb"),
            ("a \n b", "a b"),
            ("\u{3000}\x1fa\t\t", " a "),
            ("  ", " "),
        ] {
            assert_eq!(collapse_spaces(text), expected, "{text:?}");
        }
    }
}
