//! Escaping of text in Markdown.

use crate::report::control_characters::visible;

/// Characters that may start markup within a line.
const MARKUP: [char; 15] = [
    '\\', '`', '*', '_', '[', ']', '<', '>', '&', '#', '|', '~', '$', '!', '^',
];

/// Returns the text as one line without markup, with `<br>` for line breaks.
pub(super) fn inline(text: &str) -> String {
    let text = visible(text);
    let mut escaped = String::with_capacity(text.len());
    // Outer spaces would be dropped, or turn a line into code.
    for c in text.trim().chars() {
        match c {
            '\n' => escaped.push_str("<br>"),
            _ if MARKUP.contains(&c) => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escape_beginning(escaped)
}

/// Escapes what would start a list or definition, or underline a heading, at the start of a line.
fn escape_beginning(mut line: String) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = line[digits..].chars();
    let (mark, next) = (rest.next(), rest.next());
    let at_end = next.is_none_or(char::is_whitespace);
    match mark {
        Some('.' | ')') if digits > 0 && at_end => line.insert(digits, '\\'),
        // Numbers may have a sign.
        Some('-' | '+') if digits == 0 && !next.is_some_and(|c| c.is_ascii_digit()) => {
            line.insert(0, '\\');
        }
        Some('=' | ':') if digits == 0 => line.insert(0, '\\'),
        _ => {}
    }
    line
}

/// Returns the text as inline code.
pub(super) fn code(text: &str) -> String {
    let text = visible(text).replace('\n', " ");
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    // A space separates backticks at the ends; Markdown removes one on each side.
    let (before, after) = match (text.starts_with('`'), text.ends_with('`')) {
        (false, false) => ("", ""),
        _ => (" ", " "),
    };
    format!("{fence}{before}{text}{after}{fence}")
}

/// Returns the text as a code block.
pub(super) fn fenced(text: &str) -> String {
    let text = visible(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Returns the length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(inline("a_b *c* <d> [e](f)"), r"a\_b \*c\* \<d\> \[e\](f)");
        assert_eq!(inline("|\r\n&amp;"), r"\|<br>\&amp;");
    }

    #[test]
    fn beginnings_are_escaped() {
        for (text, escaped) in [
            ("- a", r"\- a"),
            ("12. a", r"12\. a"),
            ("1) a", r"1\) a"),
            ("===", r"\==="),
            (": a", r"\: a"),
            ("12.", r"12\."),
            ("---", r"\---"),
            ("+", r"\+"),
            ("0.5", "0.5"),
            ("-0.5", "-0.5"),
            ("  a - b", "a - b"),
        ] {
            assert_eq!(inline(text), escaped);
        }
    }

    #[test]
    fn code_keeps_its_backticks() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(fenced("```\n````\n"), "`````text\n```\n````\n`````");
    }
}
