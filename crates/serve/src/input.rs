//! Inputs of a model.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Text or text pair: one row of a batch.
///
/// In JSON it is a string, or an object with `text` and, for a pair, `text_pair`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Input {
    /// Text.
    Text(String),
    /// Text or text pair with named fields.
    Parts(InputParts),
}

/// Text or text pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputParts {
    /// Text, or first text of a pair.
    pub text: String,
    /// Second text of a pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = true)]
    pub text_pair: Option<String>,
}

impl Input {
    /// Creates a pair.
    pub fn pair(text: impl Into<String>, text_pair: impl Into<String>) -> Self {
        Self::Parts(InputParts {
            text: text.into(),
            text_pair: Some(text_pair.into()),
        })
    }

    /// Returns the text, or the first text of a pair.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => &parts.text,
        }
    }

    /// Returns the second text of a pair.
    pub fn text_pair(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Parts(parts) => parts.text_pair.as_deref(),
        }
    }

    /// Returns whether the input is a pair.
    pub fn is_pair(&self) -> bool {
        self.text_pair().is_some()
    }

    /// Returns the length of the longer text in characters.
    pub(crate) fn longest_text_chars(&self) -> usize {
        let second = self.text_pair().unwrap_or_default();
        self.text().chars().count().max(second.chars().count())
    }

    /// Returns the total length in bytes, an estimate of the cost.
    pub(crate) fn bytes(&self) -> usize {
        self.text().len() + self.text_pair().unwrap_or_default().len()
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

/// Manual implementation: errors of untagged enums do not say what was expected.
impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an object with text and text_pair")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Input, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Input, E> {
        Ok(Input::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Input, A::Error> {
        InputParts::deserialize(MapAccessDeserializer::new(map)).map(Input::Parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back() {
        for (json, text, pair) in [
            (r#""a""#, "a", None),
            (r#"{"text":"a"}"#, "a", None),
            (r#"{"text":"a","text_pair":"b"}"#, "a", Some("b")),
        ] {
            let input: Input = serde_json::from_str(json).unwrap();
            assert_eq!((input.text(), input.text_pair()), (text, pair));
            assert_eq!(serde_json::to_string(&input).unwrap(), json);
        }
        let null: Input = serde_json::from_str(r#"{"text":"a","text_pair":null}"#).unwrap();
        assert!(!null.is_pair());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, message) in [
            ("1", "a text or an object with text and text_pair"),
            ("{}", "missing field `text`"),
            (r#"{"text":"a","other":1}"#, "unknown field `other`"),
        ] {
            let error = serde_json::from_str::<Input>(json).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn lengths_are_in_characters_and_in_bytes() {
        let pair = Input::pair("né", "abc");
        assert_eq!((pair.longest_text_chars(), pair.bytes()), (3, 6));
    }
}
