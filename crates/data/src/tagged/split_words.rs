//! Words of running text.

use std::ops::Range;

/// Returns the words of a text as byte ranges: runs of letters, digits and marks. Punctuation and
/// symbols are words of one character each, and so are Chinese characters, as in BERT's basic
/// tokenizer.
///
/// ```
/// use finetune_data::tagged::split_words;
///
/// let text = "Dr. Ngũgĩ's 2 books";
/// let words: Vec<&str> = split_words(text).into_iter().map(|word| &text[word]).collect();
/// assert_eq!(words, ["Dr", ".", "Ngũgĩ", "'", "s", "2", "books"]);
/// ```
pub fn split_words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut in_run = false;
    for (start, character) in text.char_indices() {
        let end = start + character.len_utf8();
        let joins = (character.is_alphanumeric() || is_mark(character)) && !is_ideograph(character);
        match words.last_mut() {
            Some(word) if in_run && joins => word.end = end,
            _ if character.is_whitespace() || character.is_control() => {}
            _ => words.push(start..end),
        }
        in_run = joins;
    }
    words
}

/// Returns whether a character combines with the one before it. The standard library has no such
/// class; these blocks contain nothing else.
fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{93c}' | '\u{94d}' | '\u{9cd}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}')
}

/// Returns whether a character is a Chinese one, which BERT's tokenizers split from others.
fn is_ideograph(character: char) -> bool {
    matches!(character,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2a6df}'
        | '\u{2a700}'..='\u{2ceaf}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_and_single_characters() {
        let words = |text: &str| {
            let words = split_words(text).into_iter();
            words
                .map(|word| text[word].to_string())
                .collect::<Vec<_>>()
                .join("|")
        };
        assert_eq!(words("  well-known,\tU.S. "), "well|-|known|,|U|.|S|.");
        assert_eq!(words("東京x 1,5€"), "東|京|x|1|,|5|€");
        assert_eq!(words("Cafe\u{301}s"), "Cafe\u{301}s");
        assert_eq!(words(" \n"), "");
    }
}
