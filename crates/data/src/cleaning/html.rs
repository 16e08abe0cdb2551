//! Removal of HTML tags and decoding of entities.

use std::borrow::Cow;
use std::sync::LazyLock;

use html_escape::decode_html_entities;
use regex::{Captures, Regex};

use super::patterns::compiled;

/// Matches comments, declarations, scripts and styles with their content, and tags.
///
/// A tag name follows `<` directly, and quoted attribute values may contain any character. Thus "a
/// < b", "<3" and "<ann@example.org>" are text.
static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"(?is)<!--.*?-->|<[!?][a-z][^<>]*>|<script\b[^<>]*>.*?</script\s*>|<style\b[^<>]*>.*?</style\s*>|</?([a-z][a-z0-9:-]*)(?:\s(?:[^<>"']|"[^"<>]*"|'[^'<>]*')*)?/?>"#,
    )
});

/// Elements that are separated from the surrounding text by a space.
const BLOCKS: &str = "address article aside blockquote br dd div dl dt figcaption figure footer \
    form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table td th tr ul";

/// Removes markup and decodes entities.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    let plain = if text.contains('<') {
        MARKUP.replace_all(text, |tag: &Captures<'_>| match tag.get(1) {
            Some(name) if is_block(name.as_str()) => " ",
            Some(_) => "",
            None => " ",
        })
    } else {
        Cow::Borrowed(text)
    };
    // Entities are decoded once: `&amp;lt;` becomes `&lt;`.
    match plain {
        Cow::Borrowed(text) => decode_html_entities(text),
        Cow::Owned(text) => Cow::Owned(decode_html_entities(&text).into_owned()),
    }
}

fn is_block(name: &str) -> bool {
    BLOCKS
        .split(' ')
        .any(|block| block.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_lines_stay_apart() {
        for (text, expected) in [
            ("Good.<br /><br />Really", "Good.  Really"),
            ("<p>one</p><P CLASS='x'>two</p>", " one  two "),
            ("<b>bold</b>ly", "boldly"),
            (
                r#"<a href="x?a>b" title='y'>link</a>"#,
                r#"<a href="x?a>b" title='y'>link"#,
            ),
            (r#"<a href="http://a.bc/d">link</a>"#, "link"),
            ("<img src=x/>", ""),
            ("a<!-- b <i> -->c", "a c"),
            (
                "<script>if (a < b) {}</script>d<style >p { }</style>",
                " d ",
            ),
            ("<!DOCTYPE html><?xml version='1'?>e", "  e"),
        ] {
            assert_eq!(strip(text), expected, "{text}");
        }
    }

    #[test]
    fn what_begins_no_tag_stays() {
        for text in [
            "a < b and c > d",
            "a <b",
            "I <3 you > me",
            "<ann@example.org>",
            "<https://a.bc>",
            "x<-y",
            "<",
            "<>",
            "<<",
            "no markup",
        ] {
            assert!(
                matches!(strip(text), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn entities_are_decoded_once() {
        for (text, expected) in [
            ("R&amp;D &lt;b&gt;", "R&D <b>"),
            ("&amp;lt;", "&lt;"),
            ("&#39;&#x27;&quot;&nbsp;&eacute;&euro;", "''\"\u{A0}é€"),
            ("&#128293;", "\u{1F525}"),
            (
                "AT&T; Q&A &; &# &#; &#xZ; &nosuch;",
                "AT&T; Q&A &; &# &#; &#xZ; &nosuch;",
            ),
            (
                "&#55296;&#1114112;&#99999999999999999999;",
                "&#55296;&#1114112;&#99999999999999999999;",
            ),
            ("a&#0;b", "a&#0;b"),
        ] {
            assert_eq!(strip(text), expected, "{text}");
        }
    }
}
