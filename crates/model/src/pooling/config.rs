//! Configuration of the pooling.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::encoder::EncoderConfig;
use crate::error::ModelError;
use crate::limits::check_matrix;

/// Pooling: the layers and the combination of their tokens into one vector.
///
/// ```
/// use finetune_model::{LayerSelection, Pooling, TokenPooling};
///
/// // The mean over the real tokens of the last four layers side by side.
/// let pooling: Pooling = serde_json::from_str(
///     r#"{"layers": {"concat_last": 4}, "tokens": "mean"}"#,
/// )?;
/// assert_eq!(pooling.layers, LayerSelection::ConcatLast(4));
/// assert_eq!(pooling.tokens, TokenPooling::Mean);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pooling {
    /// Layers whose hidden states are pooled (default: the last).
    pub layers: LayerSelection,
    /// Pooling over the tokens of a row (default: first token).
    pub tokens: TokenPooling,
}

/// Selection of hidden states: 0 is the output of the embeddings, `i` that of layer `i` (from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerSelection {
    /// Last layer.
    #[default]
    Last,
    /// Hidden states with this number, in `0..=L`; the layers above are not computed.
    Single(usize),
    /// Concatenation of the last `n` layers, in `1..=L`: `n * D` wide ([Devlin et al.
    /// 2018](https://arxiv.org/abs/1810.04805), table 7).
    ConcatLast(usize),
    /// Mean of the last `n` layers, in `1..=L`.
    MeanLast(usize),
}

/// Pooling over the tokens of a row, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenPooling {
    /// First token (`[CLS]` in BERT).
    #[default]
    Cls,
    /// First token through a dense layer and tanh:
    /// [`BertPooler`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py).
    Pooler,
    /// Mean of the tokens; 0 for a row without tokens.
    Mean,
    /// Maximum of the tokens per column; 0 for a row without tokens.
    Max,
    /// Sum of the tokens divided by the square root of their number; 0 for a row without tokens.
    MeanSqrtLen,
    /// Mean of the tokens with their positions from 1 as weights; 0 for a row without tokens.
    WeightedMean,
    /// Last token; 0 for a row without tokens.
    LastToken,
}

impl Pooling {
    /// Returns the pooling that takes the last layer's first token.
    pub fn cls() -> Self {
        Self::default()
    }

    /// Returns the pooling that takes the last layer's first token through a dense layer and tanh.
    pub fn pooler() -> Self {
        Self {
            tokens: TokenPooling::Pooler,
            ..Self::default()
        }
    }

    /// Returns the pooling that takes the mean over the last layer's tokens.
    pub fn mean() -> Self {
        Self {
            tokens: TokenPooling::Mean,
            ..Self::default()
        }
    }

    /// Returns the width of the pooled vector, `W`, for hidden states of width `D`.
    pub fn width(&self, hidden_size: usize) -> usize {
        match self.layers {
            LayerSelection::ConcatLast(count) => hidden_size.saturating_mul(count),
            _ => hidden_size,
        }
    }

    /// Returns the numbers of the pooled hidden states.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the encoder has too few layers.
    pub(super) fn range(&self, layers: usize) -> Result<RangeInclusive<usize>, ModelError> {
        let invalid =
            |found: usize, expected: String| ModelError::config("pooling.layers", found, expected);
        match self.layers {
            LayerSelection::Last => Ok(layers..=layers),
            LayerSelection::Single(number) if number <= layers => Ok(number..=number),
            LayerSelection::Single(number) => Err(invalid(number, format!("at most {layers}"))),
            LayerSelection::ConcatLast(count) | LayerSelection::MeanLast(count) => {
                match (1..=layers).contains(&count) {
                    true => Ok(layers + 1 - count..=layers),
                    false => Err(invalid(count, format!("in 1..={layers}"))),
                }
            }
        }
    }

    /// Checks that the hidden states of an encoder can be pooled.
    ///
    /// # Errors
    /// - The errors of [`Pooling::init`].
    pub(crate) fn validate(&self, encoder: &EncoderConfig) -> Result<(), ModelError> {
        self.range(encoder.num_hidden_layers)?;
        let hidden = encoder.hidden_size;
        if self.tokens != TokenPooling::Pooler {
            return Ok(());
        }
        let (valid, expected) = (
            self.width(hidden) == hidden,
            "another one on concatenated layers",
        );
        ModelError::check(valid, "pooling.tokens", "pooler", expected)?;
        check_matrix("pooling.tokens", hidden, hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_that_are_not_there_are_refused() {
        let encoder = EncoderConfig {
            num_hidden_layers: 3,
            ..Default::default()
        };
        for layers in [
            LayerSelection::Single(4),
            LayerSelection::ConcatLast(0),
            LayerSelection::ConcatLast(usize::MAX),
            LayerSelection::MeanLast(4),
        ] {
            let pooling = Pooling {
                layers,
                ..Default::default()
            };
            let message = pooling.validate(&encoder).unwrap_err();
            assert!(message.to_string().contains("pooling.layers"), "{message}");
        }
        let wide = Pooling {
            layers: LayerSelection::ConcatLast(2),
            tokens: TokenPooling::Pooler,
        };
        assert!(wide.validate(&encoder).is_err());
    }
}
