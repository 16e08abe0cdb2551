//! The shape of an encoder.

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// Sizes and rates of an [`Encoder`](crate::Encoder), under the names of `config.json`.
///
/// The defaults are those of
/// [`BertConfig`](https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/models/bert/configuration_bert.py):
/// BERT base, uncased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderConfig {
    /// Rows of the word embedding table, `V`.
    pub vocab_size: usize,
    /// Width of the hidden states, `D`; a multiple of `num_attention_heads`.
    pub hidden_size: usize,
    /// Number of Transformer layers, `L`.
    pub num_hidden_layers: usize,
    /// Number of attention heads, `H`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer between its two linear maps.
    pub intermediate_size: usize,
    /// Share of hidden values dropped in training, in `[0, 1)`.
    pub hidden_dropout_prob: f64,
    /// Share of attention probabilities dropped in training, in `[0, 1)`.
    pub attention_probs_dropout_prob: f64,
    /// Rows of the position table: the longest sequence.
    pub max_position_embeddings: usize,
    /// Rows of the token type table.
    pub type_vocab_size: usize,
    /// Added to the variance in layer normalisation.
    pub layer_norm_eps: f64,
    /// Standard deviation of newly initialised weights.
    pub initializer_range: f64,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30_522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            initializer_range: 0.02,
        }
    }
}

impl EncoderConfig {
    /// Whether an encoder can be made of it.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] names the first field that is out of its range.
    pub fn validate(&self) -> Result<(), ModelError> {
        for (field, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            if size == 0 {
                return Err(invalid(field, size, "at least 1"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let expected = format!(
                "a multiple of num_attention_heads {}",
                self.num_attention_heads
            );
            return Err(invalid("hidden_size", self.hidden_size, &expected));
        }
        for (field, share) in [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            (
                "attention_probs_dropout_prob",
                self.attention_probs_dropout_prob,
            ),
        ] {
            if !(0.0..1.0).contains(&share) {
                return Err(invalid(field, share, "in [0, 1)"));
            }
        }
        for (field, number) in [
            ("layer_norm_eps", self.layer_norm_eps),
            ("initializer_range", self.initializer_range),
        ] {
            if !(number > 0.0 && number.is_finite()) {
                return Err(invalid(field, number, "above 0"));
            }
        }
        Ok(())
    }
}

fn invalid(field: &'static str, found: impl ToString, expected: &str) -> ModelError {
    ModelError::InvalidConfig {
        field,
        found: found.to_string(),
        expected: expected.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        EncoderConfig::default().validate().unwrap();
    }

    #[test]
    fn impossible_values_are_named() {
        let base = EncoderConfig::default;
        for (config, field) in [
            (
                EncoderConfig {
                    vocab_size: 0,
                    ..base()
                },
                "vocab_size",
            ),
            (
                EncoderConfig {
                    num_attention_heads: 7,
                    ..base()
                },
                "hidden_size",
            ),
            (
                EncoderConfig {
                    num_attention_heads: 0,
                    ..base()
                },
                "num_attention_heads",
            ),
            (
                EncoderConfig {
                    hidden_dropout_prob: 1.0,
                    ..base()
                },
                "hidden_dropout_prob",
            ),
            (
                EncoderConfig {
                    layer_norm_eps: f64::NAN,
                    ..base()
                },
                "layer_norm_eps",
            ),
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
        }
    }
}
