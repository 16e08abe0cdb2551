//! Pooling: from the hidden states of a text's tokens to one vector. Tokens that neither the
//! pooling nor a later layer uses are not computed.

use std::ops::RangeInclusive;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::bounds::check_matrix;
use crate::encoder::{AttentionMask, Encoder, EncoderConfig, EncoderInput};
use crate::{DropoutStream, ModelError, parts};

/// Pooling: the layers and the combination of their tokens into one vector.
///
/// ```
/// use finetune_model::{LayerChoice, Pooling, TokenPooling};
///
/// // The mean over the real tokens of the last four layers side by side.
/// let pooling: Pooling = serde_json::from_str(
///     r#"{"layers": {"concatenate_last": 4}, "tokens": "mean"}"#,
/// )?;
/// assert_eq!(pooling.layers, LayerChoice::ConcatenateLast(4));
/// assert_eq!(pooling.tokens, TokenPooling::Mean);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pooling {
    /// Layers whose hidden states are pooled (default: the last).
    pub layers: LayerChoice,
    /// Pooling over the tokens of a row (default: first token).
    pub tokens: TokenPooling,
}

/// Selection of hidden states: 0 is the output of the embeddings, `i` that of layer `i` (from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerChoice {
    /// Last layer.
    #[default]
    Last,
    /// Hidden states with this number, in `0..=L`; the layers above are not computed.
    Single(usize),
    /// Concatenation of the last `n` layers, in `1..=L`: `n * D` wide ([Devlin et al.
    /// 2018](https://arxiv.org/abs/1810.04805), table 7).
    ConcatenateLast(usize),
    /// Mean of the last `n` layers, in `1..=L`.
    MeanOfLast(usize),
}

/// Pooling over the tokens of a row, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenPooling {
    /// First token (`[CLS]`).
    #[default]
    First,
    /// First token through a dense layer and tanh:
    /// [`BertPooler`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py).
    Pooler,
    /// Mean of the tokens; 0 for a row without tokens.
    Mean,
    /// Maximum of the tokens per column; 0 for a row without tokens.
    Max,
}

impl Pooling {
    /// Returns the pooling that takes the last layer's first token.
    pub fn first_token() -> Self {
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
            LayerChoice::ConcatenateLast(count) => hidden_size.saturating_mul(count),
            _ => hidden_size,
        }
    }

    /// Returns the numbers of the pooled hidden states.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the encoder has too few layers.
    fn range(&self, layers: usize) -> Result<RangeInclusive<usize>, ModelError> {
        let invalid = |found: usize, expected: String| ModelError::InvalidConfig {
            field: "pooling.layers",
            found: found.to_string(),
            expected,
        };
        match self.layers {
            LayerChoice::Last => Ok(layers..=layers),
            LayerChoice::Single(number) if number <= layers => Ok(number..=number),
            LayerChoice::Single(number) => Err(invalid(number, format!("at most {layers}"))),
            LayerChoice::ConcatenateLast(count) | LayerChoice::MeanOfLast(count) => {
                match (1..=layers).contains(&count) {
                    true => Ok(layers + 1 - count..=layers),
                    false => Err(invalid(count, format!("in 1..={layers}"))),
                }
            }
        }
    }

    /// Creates a pooler whose parameters are zero until a checkpoint or
    /// [`initialize`](crate::initialize) sets them.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the encoder has too few layers, or the dense layer is
    ///   combined with concatenated layers.
    pub fn init(&self, encoder: &EncoderConfig, device: &Device) -> Result<Pooler, ModelError> {
        self.validate(encoder)?;
        let hidden = encoder.hidden_size;
        let dense = self.tokens == TokenPooling::Pooler;
        Ok(Pooler {
            dense: dense.then(|| parts::linear(hidden, hidden, device)),
            pooling: *self,
            range: self.range(encoder.num_hidden_layers)?,
        })
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
        if self.width(hidden) != hidden {
            return Err(ModelError::InvalidConfig {
                field: "pooling.tokens",
                found: "pooler".to_string(),
                expected: "first, mean or max on concatenated layers".to_string(),
            });
        }
        check_matrix("pooling.tokens", hidden, hidden)
    }
}

/// Pooling layer.
#[derive(Module, Debug)]
pub struct Pooler {
    /// Dense layer followed by tanh, `[D, D]`, for [`TokenPooling::Pooler`].
    pub dense: Option<Linear>,
    #[module(skip)]
    pooling: Pooling,
    #[module(skip)]
    range: RangeInclusive<usize>,
}

impl Pooler {
    /// Runs the layers of an encoder that the pooling needs, and pools their output: one vector per
    /// row of the batch. Without `dropout` the result is deterministic.
    ///
    /// # Shapes
    /// - output: `[B, W]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn run(
        &self,
        encoder: &Encoder,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        let embedded = encoder.embed(input, dropout);
        self.project(self.gather_from(encoder, 0, embedded, &input.mask, dropout))
    }

    /// Runs the layers above hidden states `number` and applies the pooling without the dense
    /// layer.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`
    /// - output: `[B, W]`
    pub(crate) fn gather_from(
        &self,
        encoder: &Encoder,
        number: usize,
        rows: Tensor<2>,
        mask: &AttentionMask,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        let run = match self.pooling.tokens {
            TokenPooling::First | TokenPooling::Pooler => Encoder::first_tokens_from,
            TokenPooling::Mean | TokenPooling::Max => Encoder::states_from,
        };
        let states = run(encoder, number, rows, mask, dropout, self.states());
        self.gather(states, mask)
    }

    /// Returns the pooled vectors, and all tokens of the last pooled hidden states.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`
    /// - outputs: `[B, W]` and `[T, D]`
    pub(crate) fn gather_with_tokens(
        &self,
        encoder: &Encoder,
        number: usize,
        rows: Tensor<2>,
        mask: &AttentionMask,
        dropout: Option<DropoutStream>,
    ) -> (Tensor<2>, Tensor<2>) {
        let mut states = encoder.states_from(number, rows, mask, dropout, self.states());
        // `states_from` returns at least the first of what is wanted.
        let last = states[states.len() - 1].clone();
        if let TokenPooling::First | TokenPooling::Pooler = self.pooling.tokens {
            let all = states.into_iter();
            states = all.map(|state| mask.first_tokens(state)).collect();
        }
        (self.gather(states, mask), last)
    }

    /// Returns the numbers of the pooled hidden states.
    pub(crate) fn states(&self) -> RangeInclusive<usize> {
        self.range.clone()
    }

    /// Pools hidden states, without the dense layer.
    ///
    /// # Shapes
    /// - each of `states`: `[T, D]`, or `[B, D]` of the first tokens if no others are used
    /// - output: `[B, W]`
    fn gather(&self, states: Vec<Tensor<2>>, mask: &AttentionMask) -> Tensor<2> {
        match self.pooling.layers {
            LayerChoice::MeanOfLast(_) => self.pool_tokens(mean(states), mask),
            _ => {
                let pooled = states.into_iter().map(|rows| self.pool_tokens(rows, mask));
                Tensor::cat(pooled.collect(), 1)
            }
        }
    }

    /// Applies dense layer and tanh, if the pooling has them.
    ///
    /// # Shapes
    /// - `pooled`, output: `[B, W]`
    pub(crate) fn project(&self, pooled: Tensor<2>) -> Tensor<2> {
        match &self.dense {
            Some(dense) => parts::apply_linear(dense, pooled).tanh(),
            None => pooled,
        }
    }

    /// Pools the tokens of each row.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`, or `[B, D]` of the first tokens if no others are used
    /// - output: `[B, D]`
    fn pool_tokens(&self, rows: Tensor<2>, mask: &AttentionMask) -> Tensor<2> {
        match self.pooling.tokens {
            TokenPooling::First | TokenPooling::Pooler => rows,
            TokenPooling::Mean => mean_of_tokens(rows, mask),
            TokenPooling::Max => largest_of_tokens(rows, mask),
        }
    }
}

/// Returns the mean of several hidden states.
///
/// # Shapes
/// - each of `states`, output: `[T, D]` or `[B, D]`
fn mean(states: Vec<Tensor<2>>) -> Tensor<2> {
    let stacked: Tensor<3> = Tensor::stack(states, 0);
    stacked.mean_dim(0).squeeze_dim(0)
}

/// Returns the mean over the tokens of each row, as a matrix product with weights `1 / tokens`.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - output: `[B, D]`
fn mean_of_tokens(rows: Tensor<2>, mask: &AttentionMask) -> Tensor<2> {
    let [_, width] = rows.dims();
    let (batch, sequence) = (mask.batch(), mask.sequence());
    let mut shares = Vec::with_capacity(batch * sequence);
    for row in mask.real.chunks(sequence) {
        let real = row.iter().filter(|real| **real).count().max(1);
        let share = |real_token: &bool| f32::from(*real_token) / real as f32;
        shares.extend(row.iter().map(share));
    }
    let shares = TensorData::new(shares, [batch, 1, sequence]);
    let shares = Tensor::<3>::from_data(shares, &rows.device());
    let means = shares.matmul(rows.reshape([batch, sequence, width]));
    means.reshape([batch, width])
}

/// Returns the maximum over the tokens of each row.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - output: `[B, D]`
fn largest_of_tokens(rows: Tensor<2>, mask: &AttentionMask) -> Tensor<2> {
    let [_, width] = rows.dims();
    let (batch, sequence) = (mask.batch(), mask.sequence());
    let device = rows.device();
    let bias = mask.additive_key_mask.clone().reshape([batch, sequence, 1]);
    let rows = rows.reshape([batch, sequence, width]) + bias;
    let largest = rows.max_dim(1).reshape([batch, width]);
    // Without tokens, the maximum is the additive mask of padding; it is replaced by 0.
    let any = |row: &[bool]| f32::from(row.contains(&true));
    let any: Vec<f32> = mask.real.chunks(sequence).map(any).collect();
    largest * Tensor::<2>::from_data(TensorData::new(any, [batch, 1]), &device)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: fn() -> EncoderConfig = || EncoderConfig {
        vocab_size: 10,
        hidden_size: 2,
        num_attention_heads: 1,
        num_hidden_layers: 3,
        intermediate_size: 2,
        ..Default::default()
    };

    /// Rows of 2, 1 and 0 real tokens in 2 slots.
    fn mask() -> AttentionMask {
        let mask = [true, true, true, false, false, false];
        AttentionMask::new(&mask, [3, 2], &Device::flex()).unwrap()
    }

    fn pool(layers: LayerChoice, tokens: TokenPooling, states: usize) -> Vec<f32> {
        let device = Device::flex();
        let pooler = Pooling { layers, tokens }.init(&SMALL(), &device).unwrap();
        let state = |factor: f32| {
            let values = [1., -2., 3., -4., -5., 6., 7., 8., 9., 9., 9., 9.];
            Tensor::from_data(TensorData::new(values.to_vec(), [6, 2]), &device) * factor
        };
        let states = (1..=states).map(|factor| state(factor as f32));
        let states = states.map(|state| match tokens {
            TokenPooling::First => mask().first_tokens(state),
            _ => state,
        });
        let pooled = pooler.gather(states.collect(), &mask());
        pooled.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn padding_never_counts() {
        let at = |tokens| pool(LayerChoice::Last, tokens, 1);
        assert_eq!(at(TokenPooling::First), [1., -2., -5., 6., 9., 9.]);
        assert_eq!(at(TokenPooling::Mean), [2., -3., -5., 6., 0., 0.]);
        assert_eq!(at(TokenPooling::Max), [3., -2., -5., 6., 0., 0.]);
    }

    #[test]
    fn layers_side_by_side_and_their_mean() {
        let wide = pool(LayerChoice::ConcatenateLast(2), TokenPooling::First, 2);
        assert_eq!(
            wide,
            [1., -2., 2., -4., -5., 6., -10., 12., 9., 9., 18., 18.]
        );
        let mean = pool(LayerChoice::MeanOfLast(3), TokenPooling::First, 3);
        assert_eq!(mean, [2., -4., -10., 12., 18., 18.]);
    }

    #[test]
    fn layers_that_are_not_there_are_refused() {
        for layers in [
            LayerChoice::Single(4),
            LayerChoice::ConcatenateLast(0),
            LayerChoice::ConcatenateLast(usize::MAX),
            LayerChoice::MeanOfLast(4),
        ] {
            let pooling = Pooling {
                layers,
                ..Default::default()
            };
            let message = pooling.init(&SMALL(), &Device::flex()).unwrap_err();
            assert!(message.to_string().contains("pooling.layers"), "{message}");
        }
        let wide = Pooling {
            layers: LayerChoice::ConcatenateLast(2),
            tokens: TokenPooling::Pooler,
        };
        assert!(wide.init(&SMALL(), &Device::flex()).is_err());
    }
}
