//! Division of texts into sentences.

use std::ops::Range;

/// Returns the bytes of each sentence of a text, without surrounding whitespace. A sentence ends at
/// a line break, and at whitespace after `.`, `!`, `?` or `…` and any closing quotation marks or
/// brackets.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut add = |end: usize| {
        let sentence = text[start..end].trim();
        if !sentence.is_empty() {
            let begin = end - text[start..end].trim_start().len();
            sentences.push(begin..begin + sentence.len());
        }
        start = end;
    };
    let mut has_ended = false;
    for (at, character) in text.char_indices() {
        if matches!(character, '\n' | '\r') || has_ended && character.is_whitespace() {
            add(at);
        }
        has_ended = match character {
            '.' | '!' | '?' | '…' => true,
            '"' | '\'' | '”' | '’' | '»' | ')' | ']' => has_ended,
            _ => false,
        };
    }
    add(text.len());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_punctuation_before_whitespace_and_at_line_breaks() {
        let split = |text: &'static str| -> Vec<&str> {
            sentences(text)
                .into_iter()
                .map(|range| &text[range])
                .collect()
        };
        for (text, expected) in [
            ("One. Two! Three?", &["One.", "Two!", "Three?"][..]),
            (
                "Version 2.0 is out... At last",
                &["Version 2.0 is out...", "At last"],
            ),
            (
                "(He said \"no.\") Then…  he left",
                &["(He said \"no.\")", "Then…", "he left"],
            ),
            (
                " A title\r\n\r\nA line\tgoes on ",
                &["A title", "A line\tgoes on"],
            ),
            ("quote \" is no end", &["quote \" is no end"]),
            (" \n. ", &["."]),
            ("", &[]),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }
}
