//! Excerpts of input for error messages, which quote at most a line of it.

use std::borrow::Cow;
use std::fmt::Write;

/// Maximum number of characters quoted of one value.
const VALUE: usize = 120;
/// Maximum number of characters of the message of another library, which may quote a value.
const MESSAGE: usize = 160;
/// Maximum number of values listed.
const VALUES: usize = 20;
/// Maximum number of characters of each value of a list.
const LISTED_VALUE: usize = 40;
/// Number of characters kept at the end of what is cut, such as the position in a message.
const END: usize = 40;

/// Returns a value, with an ellipsis in place of its middle if it is long.
pub(crate) fn excerpt(value: &str) -> Cow<'_, str> {
    cut(value, VALUE)
}

/// Returns the message of another library, with an ellipsis in place of its middle if it is long.
pub(crate) fn shortened(message: &str) -> Cow<'_, str> {
    cut(message, MESSAGE)
}

/// Returns a list of quoted values: the first ones, and their number if they are many.
pub(crate) fn excerpts(values: &[String]) -> String {
    let mut list = String::from("[");
    for (place, value) in values.iter().take(VALUES).enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(list, "{comma}{:?}", cut(value, LISTED_VALUE));
    }
    if values.len() > VALUES {
        let _ = write!(list, ", … {} in all", values.len());
    }
    list + "]"
}

/// Returns the end of the message about an unknown column if the header, split at commas, has
/// another delimiter: one with which it names the column, or one in its only column.
pub(crate) fn suggested_delimiter(column: &str, available: &[String]) -> String {
    let header = available.join(",");
    let unquoted = |name: &str| name.trim_matches('"') == column;
    let delimiters = [('\t', "tabs"), (';', "semicolons"), ('|', "vertical bars")];
    let found = delimiters.into_iter().find(|&(delimiter, _)| {
        let in_only_column = available.len() == 1 && header.contains(delimiter);
        in_only_column || (header.contains(delimiter) && header.split(delimiter).any(unquoted))
    });
    found.map_or_else(String::new, |(delimiter, name)| {
        format!("; the header has {name}: is {delimiter:?} the delimiter?")
    })
}

fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= limit {
        return Cow::Borrowed(text);
    }
    let end = END.min(limit / 4);
    let start = text.chars().take(limit - end - 1);
    Cow::Owned(
        start
            .chain(['…'])
            .chain(text.chars().skip(length - end))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_keep_their_ends() {
        assert_eq!(excerpt("short"), "short");
        let long = format!("{}é{}", "a".repeat(5000), "b".repeat(5000));
        let cut = excerpt(&long);
        assert_eq!(cut.chars().count(), VALUE);
        assert!(cut.starts_with("aaa") && cut.contains("a…b") && cut.ends_with("bbb"));
        assert_eq!(shortened(&long).chars().count(), MESSAGE);
    }

    #[test]
    fn long_lists_are_counted() {
        let names =
            |count: usize| -> Vec<String> { (0..count).map(|name| format!("c{name}")).collect() };
        assert_eq!(excerpts(&names(2)), "[\"c0\", \"c1\"]");
        assert_eq!(excerpts(&[]), "[]");
        let many = excerpts(&names(4000));
        assert!(many.ends_with("\"c19\", … 4000 in all]"), "{many}");
        let long = excerpts(&["x".repeat(1_000_000)]);
        assert!(long.chars().count() < 50, "{long}");
    }

    #[test]
    fn another_delimiter_is_suggested_where_the_header_has_it() {
        let suggested = |column: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            suggested_delimiter(column, &names)
        };
        let tabs = "; the header has tabs: is '\\t' the delimiter?";
        assert_eq!(suggested("text", &["id\ttext\tlabel"]), tabs);
        assert_eq!(suggested("label", &["id\ttext", " raw\tlabel"]), tabs);
        assert_eq!(suggested("other", &["id\ttext"]), tabs);
        assert!(suggested("text", &["id;\"text\""]).contains("semicolons"));
        assert!(suggested("text", &["id|text"]).contains("vertical bars"));
        assert_eq!(suggested("text", &["id", "label"]), "");
        assert_eq!(suggested("text", &["id", "a;b"]), "");
    }
}
