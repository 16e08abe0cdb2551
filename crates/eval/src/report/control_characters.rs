//! Replacement of characters that a page cannot show.

use std::borrow::Cow;

/// Replaces control characters by visible ones, and all kinds of line breaks by `\n`. HTML forbids
/// control characters, and some of them would break a line in Markdown.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c.is_control() && c != '\n') {
        return Cow::Borrowed(text);
    }
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    Cow::Owned(unix.chars().map(visible_character).collect())
}

fn visible_character(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        // The control pictures have the order of the control characters.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        _ if c.is_control() => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(visible("a\0b\x1b[1m\x7f\u{9b}"), "a␀b␛[1m␡\u{fffd}");
        assert_eq!(visible("1\r\n2\r3\n4\t5"), "1\n2\n3\n4\t5");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["", "plain", "größer 🚀 שלום\n", "\u{202e}reversed"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
    }
}
