//! Settings of a [`TokenPredictor`](super::TokenPredictor).

use std::fmt;
use std::str::FromStr;

use finetune_data::BatchSize;
use finetune_eval::first_largest;
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::error::PredictError;

/// Settings of a token predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenPredictorConfig {
    /// Maximum tokens per row, special tokens included, at least 1 (default: as in training, or the
    /// maximum of tokenizer and encoder). Longer texts continue in another row, at a word.
    pub max_length: Option<usize>,
    /// How the tokens of a word decide on its class (default: [`Aggregation::First`]).
    pub aggregation: Aggregation,
    /// Maximum rows or tokens per batch, at least 1 (default: 64 rows).
    pub batch_size: BatchSize,
    /// Precision of the encoder's matrix products (default: f32).
    pub precision: Precision,
}

impl Default for TokenPredictorConfig {
    fn default() -> Self {
        Self {
            max_length: None,
            aggregation: Aggregation::default(),
            batch_size: BatchSize::Rows(64),
            precision: Precision::default(),
        }
    }
}

/// How the tokens of a word decide on its class, as `aggregation_strategy` of transformers' pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// The first token decides.
    #[default]
    First,
    /// The probabilities of the tokens are averaged.
    Average,
    /// The token with the highest probability decides.
    Max,
}

impl Aggregation {
    /// Returns the probabilities of a word from those of its tokens, of which there is at least one.
    pub(super) fn of(self, tokens: &[Vec<f64>]) -> Vec<f64> {
        let highest = |token: &Vec<f64>| token.iter().copied().fold(0.0, f64::max);
        match self {
            Self::First => tokens.first().cloned().unwrap_or_default(),
            Self::Max => {
                let highest: Vec<f64> = tokens.iter().map(highest).collect();
                tokens[first_largest(&highest)].clone()
            }
            Self::Average => {
                let classes = tokens.first().map_or(0, Vec::len);
                let mean = |class: usize| {
                    let sum: f64 = tokens.iter().map(|token| token[class]).sum();
                    sum / tokens.len() as f64
                };
                (0..classes).map(mean).collect()
            }
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Average => "average",
            Self::Max => "max",
        })
    }
}

/// Parses `first`, `average` or `max`.
impl FromStr for Aggregation {
    type Err = PredictError;

    fn from_str(text: &str) -> Result<Self, PredictError> {
        let all = [Self::First, Self::Average, Self::Max];
        let found = all.into_iter().find(|one| one.to_string() == text);
        found.ok_or_else(|| PredictError::setting("aggregation", text, "first, average or max"))
    }
}

impl TokenPredictorConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), PredictError> {
        let (BatchSize::Rows(batch_size) | BatchSize::Tokens(batch_size)) = self.batch_size;
        for (setting, value) in [
            ("max_length", self.max_length.unwrap_or(1)),
            ("batch_size", batch_size),
        ] {
            if value == 0 {
                return Err(PredictError::setting(setting, value, "at least 1"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_gets_what_its_tokens_agree_on() {
        let tokens = [
            vec![0.6, 0.3, 0.1],
            vec![0.0, 0.25, 0.75],
            vec![0.0, 1.0, 0.0],
        ];
        assert_eq!(Aggregation::First.of(&tokens[..2]), tokens[0]);
        assert_eq!(Aggregation::Max.of(&tokens[..2]), tokens[1]);
        assert_eq!(Aggregation::Average.of(&tokens[1..]), [0.0, 0.625, 0.375]);
        assert_eq!("max".parse::<Aggregation>().unwrap(), Aggregation::Max);
        assert!("simple".parse::<Aggregation>().is_err());
    }

    #[test]
    fn settings_have_defaults_and_ranges() {
        let config: TokenPredictorConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(config, TokenPredictorConfig::default());
        config.validate().unwrap();
        let none = TokenPredictorConfig {
            max_length: Some(0),
            ..config
        };
        assert_eq!(
            none.validate().unwrap_err().to_string(),
            "max_length is 0, expected at least 1"
        );
    }
}
