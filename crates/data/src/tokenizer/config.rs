//! How a text becomes a row of tokens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// Length, truncation, and what is kept beside the token ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodingConfig {
    /// The most tokens of a row, special tokens included; 512.
    pub max_length: usize,
    /// What is kept of a longer text; its head.
    pub truncation: Truncation,
    /// Which text of a pair is cut; the longer one.
    pub pair_truncation: PairTruncation,
    /// Whether the two texts of a pair make one row or two; one.
    pub pairs: PairEncoding,
    /// Whether each token's place in its text is kept; no.
    pub offsets: Offsets,
}

/// What is kept of a text that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Truncation {
    /// Its first tokens.
    #[default]
    Head,
    /// Its last tokens.
    Tail,
    /// Its first `head` tokens and as many of its last as fit: 128 and 382 did best in Sun et
    /// al., "How to Fine-Tune BERT for Text Classification?", <https://arxiv.org/abs/1905.05583>.
    HeadTail {
        /// The first tokens kept, special tokens not counted.
        head: usize,
    },
    /// All of it, in several rows.
    Windows {
        /// The tokens that a row has in common with the one before it.
        stride: usize,
    },
}

/// Which text of a pair is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairTruncation {
    /// The longer one, until both are equally long; then both.
    #[default]
    LongestFirst,
    /// The first only.
    OnlyFirst,
    /// The second only.
    OnlySecond,
}

/// Whether the two texts of a pair make one row or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairEncoding {
    /// One row with both texts: a cross-encoder sees how they relate.
    #[default]
    Joint,
    /// A row each: a bi-encoder makes one vector of each text.
    Separate,
}

/// A token's place in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offsets {
    /// Not kept.
    #[default]
    None,
    /// In bytes, as Rust slices its strings.
    Bytes,
    /// In characters, as Python does, and so Hugging Face.
    Characters,
}

impl Default for EncodingConfig {
    fn default() -> Self {
        Self {
            max_length: 512,
            truncation: Truncation::default(),
            pair_truncation: PairTruncation::default(),
            pairs: PairEncoding::default(),
            offsets: Offsets::default(),
        }
    }
}

impl EncodingConfig {
    /// The first `max_length` tokens of a text and nothing beside them.
    pub fn new(max_length: usize) -> Self {
        Self {
            max_length,
            ..Self::default()
        }
    }
}

/// As on a command line: `head`, `tail`, `head-tail-128`, `windows-64`.
impl FromStr for Truncation {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let number = |prefix: &str| text.strip_prefix(prefix)?.parse().ok();
        match (text, number("head-tail-"), number("windows-")) {
            ("head", ..) => Ok(Self::Head),
            ("tail", ..) => Ok(Self::Tail),
            (_, Some(head), _) => Ok(Self::HeadTail { head }),
            (_, _, Some(stride)) => Ok(Self::Windows { stride }),
            _ => Err(DataError::UnknownTruncation {
                found: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Truncation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => formatter.write_str("head"),
            Self::Tail => formatter.write_str("tail"),
            Self::HeadTail { head } => write!(formatter, "head-tail-{head}"),
            Self::Windows { stride } => write!(formatter, "windows-{stride}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back() {
        for truncation in [
            Truncation::Head,
            Truncation::Tail,
            Truncation::HeadTail { head: 128 },
            Truncation::Windows { stride: 0 },
        ] {
            assert_eq!(
                truncation.to_string().parse::<Truncation>().unwrap(),
                truncation
            );
        }
        for wrong in [
            "",
            "Head",
            "head-tail",
            "head-tail--1",
            "windows-x",
            "windows",
        ] {
            let message = wrong.parse::<Truncation>().unwrap_err().to_string();
            assert!(message.contains("windows-N"), "{message}");
        }
    }

    #[test]
    fn configs_have_defaults_and_refuse_other_keys() {
        let config: EncodingConfig = serde_json::from_str(
            "{\"max_length\": 128, \"truncation\": {\"head_tail\": {\"head\": 5}}}",
        )
        .unwrap();
        let expected = EncodingConfig {
            truncation: Truncation::HeadTail { head: 5 },
            ..EncodingConfig::new(128)
        };
        assert_eq!(config, expected);
        assert!(serde_json::from_str::<EncodingConfig>("{\"length\": 1}").is_err());
    }
}
