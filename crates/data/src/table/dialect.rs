//! Delimiter and quote of delimited text, as given in settings and on the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Delimited;
use crate::error::DataError;

/// Delimiter between the fields of a row, an ASCII character.
///
/// Its text is the character, or `tab` or `\t` for a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Delimiter(u8);

impl Delimiter {
    /// A comma.
    pub const COMMA: Self = Self(b',');
    /// A semicolon, as spreadsheets write it where the comma is in numbers.
    pub const SEMICOLON: Self = Self(b';');
    /// A tab.
    pub const TAB: Self = Self(b'\t');
    /// A vertical bar.
    pub const BAR: Self = Self(b'|');
}

impl FromStr for Delimiter {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        match text {
            "tab" | "\\t" => Ok(Self::TAB),
            _ => Ok(Self(character("delimiter", text)?)),
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TAB => formatter.write_str("tab"),
            Self(byte) => write!(formatter, "{}", char::from(byte)),
        }
    }
}

/// Character around fields that contain delimiters or line breaks.
///
/// Its text is the character, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quote(Option<u8>);

impl Quote {
    /// No quotes: each quote is part of a text.
    pub const NONE: Self = Self(None);
    /// A double quote.
    pub const DOUBLE: Self = Self(Some(b'"'));
    /// A single quote.
    pub const SINGLE: Self = Self(Some(b'\''));
}

impl FromStr for Quote {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        match text {
            "none" => Ok(Self::NONE),
            _ => Ok(Self(Some(character("quote", text)?))),
        }
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => formatter.write_str("none"),
            Some(byte) => write!(formatter, "{}", char::from(byte)),
        }
    }
}

impl TryFrom<String> for Delimiter {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<Delimiter> for String {
    fn from(delimiter: Delimiter) -> Self {
        delimiter.to_string()
    }
}

impl TryFrom<String> for Quote {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<Quote> for String {
    fn from(quote: Quote) -> Self {
        quote.to_string()
    }
}

impl Delimited {
    /// Returns the format with another delimiter.
    pub const fn with_delimiter(self, delimiter: Delimiter) -> Self {
        Self {
            delimiter: delimiter.0,
            ..self
        }
    }

    /// Returns the format with another quote, or without quotes.
    pub const fn with_quote(self, quote: Quote) -> Self {
        match quote.0 {
            None => Self {
                quoted: false,
                ..self
            },
            Some(quote) => Self {
                quoted: true,
                quote,
                ..self
            },
        }
    }

    /// Checks that the delimiter and the quote can be told apart from each other and from line
    /// breaks.
    pub(super) fn check(&self) -> Result<(), DataError> {
        for (setting, byte) in [("delimiter", self.delimiter), ("quote", self.quote)] {
            if !is_separator(byte) {
                return Err(wrong(setting, char::from(byte)));
            }
        }
        match self.quoted && self.delimiter == self.quote {
            true => {
                let quote = char::from(self.quote);
                let expected = format!("another character than the quote {quote:?}");
                Err(DataError::setting("delimiter", expected, "the same"))
            }
            false => Ok(()),
        }
    }
}

fn character(setting: &'static str, text: &str) -> Result<u8, DataError> {
    match *text.as_bytes() {
        [byte] if is_separator(byte) => Ok(byte),
        _ => Err(wrong(setting, text)),
    }
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'\0')
}

fn wrong(setting: &'static str, found: impl fmt::Debug) -> DataError {
    let expected = match setting {
        "quote" => "an ASCII character, or none",
        _ => "an ASCII character, or tab",
    };
    DataError::setting(setting, expected, format!("{found:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_names_where_they_are_hard_to_type() {
        for text in [",", ";", "|", "tab", ":", " "] {
            let delimiter: Delimiter = text.parse().unwrap();
            assert_eq!(delimiter.to_string(), text);
            let json = serde_json::to_string(&delimiter).unwrap();
            assert_eq!(serde_json::from_str::<Delimiter>(&json).unwrap(), delimiter);
        }
        for text in ["\t", "\\t"] {
            assert_eq!(text.parse::<Delimiter>().unwrap(), Delimiter::TAB);
        }
        for text in ["none", "'", "\""] {
            assert_eq!(text.parse::<Quote>().unwrap().to_string(), text);
        }
        for text in ["", ",,", "é", "\n", "\r"] {
            assert!(text.parse::<Delimiter>().is_err(), "{text:?}");
            assert!(text.parse::<Quote>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_delimiter_is_no_quote() {
        let layout = Delimited::csv().with_delimiter(Delimiter::SEMICOLON);
        assert_eq!((layout.delimiter, layout.quoted), (b';', true));
        assert!(layout.check().is_ok());
        assert!(!layout.with_quote(Quote::NONE).quoted);
        let semicolon = Quote(Some(b';'));
        assert!(layout.with_quote(semicolon).check().is_err());
        assert!(
            layout
                .with_quote(semicolon)
                .with_quote(Quote::NONE)
                .check()
                .is_ok()
        );
    }
}
