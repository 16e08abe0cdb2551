//! Entities as ranges of words, and ranges of characters as ranges of words.

use std::ops::Range;

use super::scheme::parts;

/// Entity in a sentence: a range of words with a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordSpan {
    /// First word.
    pub start: usize,
    /// Word after the last one.
    pub end: usize,
    /// Type, such as `PER`.
    pub label: String,
}

/// Returns the entities of tags that follow a scheme.
pub(super) fn spans(tags: &[impl AsRef<str>]) -> Vec<WordSpan> {
    let mut found: Vec<WordSpan> = Vec::new();
    let mut open = false;
    for (word, tag) in tags.iter().enumerate() {
        let (prefix, label) = parts(tag.as_ref());
        let begins = matches!(prefix, "B" | "S" | "U");
        match found.last_mut() {
            _ if prefix == "O" => {}
            Some(last) if open && !begins && last.label == label => last.end = word + 1,
            _ => found.push(WordSpan {
                start: word,
                end: word + 1,
                label: label.to_string(),
            }),
        }
        open = !matches!(prefix, "O" | "E" | "L" | "S" | "U");
    }
    found
}

/// Range of characters with a type.
#[derive(Debug, Clone)]
pub(super) struct CharacterSpan {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) label: String,
}

/// Returns the ranges of words that ranges of characters cover, in the order of the words; spaces at
/// the ends of a range do not count.
///
/// # Errors
/// What is wrong with the first invalid range.
pub(super) fn on_words(
    text: &str,
    words: &[Range<usize>],
    mut spans: Vec<CharacterSpan>,
) -> Result<Vec<WordSpan>, String> {
    // Byte offset of each character, and the end.
    let offsets: Vec<usize> = text.char_indices().map(|(offset, _)| offset).collect();
    let byte = |character: usize| match character == offsets.len() {
        true => Some(text.len()),
        false => offsets.get(character).copied(),
    };
    spans.sort_by_key(|span| span.start);
    let mut found: Vec<WordSpan> = Vec::new();
    for CharacterSpan { start, end, label } in spans {
        let shown = format!("the span {start}..{end} ({label})");
        let (Some(first), Some(last)) = (byte(start), byte(end)) else {
            let characters = offsets.len();
            return Err(format!("{shown} is outside the {characters} characters"));
        };
        let Some(covered) = text.get(first..last).filter(|text| !text.trim().is_empty()) else {
            return Err(format!("{shown} has no word"));
        };
        let first = first + (covered.len() - covered.trim_start().len());
        let last = first + covered.trim().len();
        let (Some(start), Some(end)) = (
            words.iter().position(|word| word.start == first),
            words.iter().position(|word| word.end == last),
        ) else {
            return Err(format!("{shown} begins or ends within a word"));
        };
        if found.last().is_some_and(|before| before.end > start) {
            return Err(format!("{shown} overlaps another one"));
        }
        let end = end + 1;
        found.push(WordSpan { start, end, label });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::split_words;
    use super::*;

    fn covered(text: &str, spans: &[(usize, usize)]) -> Result<Vec<(usize, usize)>, String> {
        let spans = spans.iter().map(|&(start, end)| CharacterSpan {
            start,
            end,
            label: "X".to_string(),
        });
        let found = on_words(text, &split_words(text), spans.collect())?;
        Ok(found
            .into_iter()
            .map(|span| (span.start, span.end))
            .collect())
    }

    #[test]
    fn characters_are_those_of_python() {
        // Four characters in front of the name, six bytes.
        let text = "Ää: Ana Öz.";
        assert_eq!(covered(text, &[(4, 10)]), Ok(vec![(2, 4)]));
        assert_eq!(covered(text, &[(3, 8), (0, 2)]), Ok(vec![(0, 1), (2, 3)]));
    }

    #[test]
    fn impossible_spans_are_named() {
        for (spans, problem) in [
            (
                &[(4, 20)][..],
                "the span 4..20 (X) is outside the 11 characters",
            ),
            (&[(4, 4)], "the span 4..4 (X) has no word"),
            (&[(7, 3)], "the span 7..3 (X) has no word"),
            (&[(3, 4)], "the span 3..4 (X) has no word"),
            (&[(5, 7)], "the span 5..7 (X) begins or ends within a word"),
            (
                &[(4, 10), (8, 11)],
                "the span 8..11 (X) overlaps another one",
            ),
        ] {
            assert_eq!(covered("Ää: Ana Öz.", spans).unwrap_err(), problem);
        }
    }
}
