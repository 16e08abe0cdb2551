//! Configuration of tokenization.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// Configuration of tokenization: maximum length, truncation, pair encoding and offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodingConfig {
    /// Maximum number of tokens per row, including special tokens (default: 512).
    pub max_length: usize,
    /// Truncation of longer texts (default: [`Truncation::Head`]).
    pub truncation: Truncation,
    /// Which text of a pair to truncate (default: [`PairTruncation::LongestFirst`]).
    pub pair_truncation: PairTruncation,
    /// Whether the texts of a pair are encoded jointly or separately (default:
    /// [`PairEncoding::CrossEncoder`]).
    pub pair_encoding: PairEncoding,
    /// Whether and in which unit to store token offsets (default: [`Offsets::None`]).
    pub offsets: Offsets,
}

/// Truncation strategy for texts that exceed the maximum length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Truncation {
    /// Keep the first tokens.
    #[default]
    Head,
    /// Keep the last tokens.
    Tail,
    /// Keep the first `head` tokens and fill the row with the last tokens. Sun et al., "How to
    /// Fine-Tune BERT for Text Classification?", <https://arxiv.org/abs/1905.05583>, found 128 and
    /// 382 to work best.
    HeadTail {
        /// Number of first tokens to keep, excluding special tokens.
        head: usize,
    },
    /// Sliding windows: keep all tokens, in several rows.
    SlidingWindow {
        /// Number of tokens that a window shares with the previous one.
        stride: usize,
    },
}

/// Which text of a pair to truncate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairTruncation {
    /// Truncate the longer text until both have equal length, then both.
    #[default]
    LongestFirst,
    /// Truncate only the first text.
    OnlyFirst,
    /// Truncate only the second text.
    OnlySecond,
}

/// Encoding of text pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairEncoding {
    /// Both texts in one row, for a cross-encoder.
    #[default]
    CrossEncoder,
    /// One row per text, for a bi-encoder.
    BiEncoder,
}

/// Storage of the position of each token in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offsets {
    /// Do not store offsets.
    #[default]
    None,
    /// Byte offsets, as in Rust strings.
    Bytes,
    /// Character offsets, as in Python and Hugging Face tokenizers.
    Characters,
}

impl Default for EncodingConfig {
    fn default() -> Self {
        Self {
            max_length: 512,
            truncation: Truncation::default(),
            pair_truncation: PairTruncation::default(),
            pair_encoding: PairEncoding::default(),
            offsets: Offsets::default(),
        }
    }
}

impl EncodingConfig {
    /// Creates a configuration with the given maximum length and defaults otherwise.
    pub fn new(max_length: usize) -> Self {
        Self {
            max_length,
            ..Self::default()
        }
    }
}

/// Parses `head`, `tail`, `head-tail-128` or `sliding-window-64`, as used on the command line.
impl FromStr for Truncation {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let number = |prefix: &str| text.strip_prefix(prefix)?.parse().ok();
        match (text, number("head-tail-"), number("sliding-window-")) {
            ("head", ..) => Ok(Self::Head),
            ("tail", ..) => Ok(Self::Tail),
            (_, Some(head), _) => Ok(Self::HeadTail { head }),
            (_, _, Some(stride)) => Ok(Self::SlidingWindow { stride }),
            _ => {
                let expected = "head, tail, head-tail-N or sliding-window-N";
                Err(DataError::setting(
                    "truncation",
                    expected,
                    format!("{text:?}"),
                ))
            }
        }
    }
}

impl fmt::Display for Truncation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => formatter.write_str("head"),
            Self::Tail => formatter.write_str("tail"),
            Self::HeadTail { head } => write!(formatter, "head-tail-{head}"),
            Self::SlidingWindow { stride } => write!(formatter, "sliding-window-{stride}"),
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
            Truncation::SlidingWindow { stride: 0 },
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
            "sliding-window-x",
            "sliding-window",
        ] {
            let message = wrong.parse::<Truncation>().unwrap_err().to_string();
            assert!(message.contains("sliding-window-N"), "{message}");
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
