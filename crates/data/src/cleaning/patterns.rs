//! Pattern-based cleaning: URLs, mentions and emoji.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

static URL: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"(?i)\b(?:(?:https?|ftp)://|www\.)[^\s<>"“”]+"#));

/// Adjacent mentions are one match, and so is a mention with a server (`@name@server`).
static MENTION: LazyLock<Regex> = LazyLock::new(|| compiled("(?:@[A-Za-z0-9_]+)+"));

/// An emoji: a character with emoji presentation by default or by variation selector, or from a
/// symbol block (which excludes `©`, `™` and digits); then skin tones, keycaps and joined emoji.
static EMOJI: LazyLock<Regex> = LazyLock::new(|| {
    let picture = r"(?:\p{Emoji_Presentation}|\p{Emoji}\x{FE0F}|[\p{Extended_Pictographic}&&[\x{2600}-\x{27BF}\x{1F000}-\x{1FAFF}]])[\x{FE0F}\x{20E3}\p{Emoji_Modifier}]*";
    compiled(&format!(
        r"(?:\p{{Regional_Indicator}}{{2}}|{picture}(?:\x{{200D}}(?:{picture}|\p{{Extended_Pictographic}}))*)"
    ))
});

/// Compiles a built-in regular expression.
pub(super) fn compiled(pattern: &str) -> Regex {
    #[allow(
        clippy::expect_used,
        reason = "the pattern is a constant, and a test compiles each"
    )]
    Regex::new(pattern).expect("a valid regular expression")
}

/// Replaces URLs.
pub(super) fn replace_urls<'a>(text: &'a str, with: &str) -> Cow<'a, str> {
    let found = URL.find_iter(text).filter_map(|url| {
        let kept = without_punctuation(url.as_str());
        // "www." followed by a space is not a URL.
        let host = kept
            .split_once("://")
            .map_or(kept.get(4..), |(_, host)| Some(host));
        let is_address = host.is_some_and(|host| host.contains(char::is_alphanumeric));
        is_address.then(|| url.start()..url.start() + kept.len())
    });
    replace(text, found, with)
}

/// Strips trailing sentence punctuation from a URL. A closing bracket is kept if it is opened
/// inside the URL.
fn without_punctuation(mut url: &str) -> &str {
    while let Some(last) = url.chars().next_back() {
        let opening = match last {
            ')' => Some('('),
            ']' => Some('['),
            '}' => Some('{'),
            _ => None,
        };
        let ends_sentence = match opening {
            Some(opening) => url.matches(last).count() > url.matches(opening).count(),
            None => ".,;:!?'*…’»".contains(last),
        };
        if !ends_sentence {
            break;
        }
        url = &url[..url.len() - last.len_utf8()];
    }
    url
}

/// Replaces mentions.
pub(super) fn replace_mentions<'a>(text: &'a str, with: &str) -> Cow<'a, str> {
    let found = MENTION
        .find_iter(text)
        .map(|mention| mention.range())
        .filter(|range| !continues_a_word(&text[..range.start]));
    replace(text, found, with)
}

/// Returns whether an `@` after this text is part of an email address or a path. An email address
/// has no `.` directly before the `@`, but a reply often begins with `.@name`.
fn continues_a_word(before: &str) -> bool {
    let name = before.trim_end_matches(['+', '-', '%']);
    let joined = name.len() < before.len();
    match name.chars().next_back() {
        Some('/') => !joined,
        Some(last) => last.is_alphanumeric() || last == '_',
        None => false,
    }
}

/// Replaces emoji.
pub(super) fn replace_emoji<'a>(text: &'a str, with: &str) -> Cow<'a, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    replace(text, EMOJI.find_iter(text).map(|emoji| emoji.range()), with)
}

/// Replaces ranges of a text, given in order.
fn replace<'a>(
    text: &'a str,
    parts: impl Iterator<Item = Range<usize>>,
    with: &str,
) -> Cow<'a, str> {
    let mut replaced = String::new();
    let mut done = 0;
    for part in parts {
        replaced.push_str(&text[done..part.start]);
        replaced.push_str(with);
        done = part.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    replaced.push_str(&text[done..]);
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_before_the_punctuation_of_the_sentence() {
        for (text, expected) in [
            ("see http://t.co/Ab1, then", "see U, then"),
            ("(https://a.bc/d_(e)).", "(U)."),
            ("HTTP://A.BC/?q=1&r=%20#s!", "U!"),
            ("www.a.bc: ftp://d.ef/", "U: U"),
            ("\"http://a.bc\" <http://d.ef>", "\"U\" <U>"),
            ("http://t.co/Ab…", "U…"),
            ("http://a.bc/x_ http://a.bc/-", "U U"),
            ("http://a.bc/d?e=[1]", "U"),
            ("http://münchen.de/straße", "U"),
        ] {
            assert_eq!(replace_urls(text, "U"), expected, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_stays() {
        for text in [
            "http",
            "http://",
            "http://.",
            "www.",
            "https:...",
            "a.bc",
            "xhttp://a.bc",
        ] {
            assert!(
                matches!(replace_urls(text, "U"), Cow::Borrowed(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn mentions_go_and_addresses_of_letters_stay() {
        for (text, expected) in [
            ("@ann hi @B_2!", " hi !"),
            (".@ann (@bob),@c \"@d\"", ". (), \"\""),
            ("RT @ann: -@bob", "RT : -"),
            (
                "ann@example.org a.b+c-@d e_@f",
                "ann@example.org a.b+c-@d e_@f",
            ),
            ("medium.com/@ann é@ann", "medium.com/@ann é@ann"),
            ("5 @ noon, @", "5 @ noon, @"),
            ("@ann@bob", ""),
        ] {
            assert_eq!(replace_mentions(text, ""), expected, "{text}");
        }
    }

    #[test]
    fn an_emoji_is_one_picture() {
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
        for (text, expected) in [
            ("hot \u{1F525}\u{1F525}!", "hot EE!"),
            (family, "E"),
            ("\u{1F44D}\u{1F3FD} ok", "E ok"),
            ("\u{2764}\u{FE0F} \u{2764} \u{1F1E9}\u{1F1EA}", "E E E"),
            ("\u{1F937}\u{200D}\u{2642}\u{FE0F}", "E"),
            ("1\u{FE0F}\u{20E3} of 12", "E of 12"),
            ("© 2020 ™ 5# * é 漢", "© 2020 ™ 5# * é 漢"),
        ] {
            assert_eq!(replace_emoji(text, "E"), expected, "{text}");
        }
    }
}
