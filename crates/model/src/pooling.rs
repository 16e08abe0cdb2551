//! From the hidden states of a text's tokens to one vector for the text. Tokens that are not looked
//! at are not computed, where no layer above needs them.

use std::ops::RangeInclusive;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::bounds::check_matrix;
use crate::encoder::{AttentionMask, Encoder, EncoderConfig, EncoderInput};
use crate::{DropoutStream, ModelError, parts};

/// Which layers are looked at, and how their tokens become one vector.
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
    /// The hidden states to take.
    pub layers: LayerChoice,
    /// What becomes of a row's tokens.
    pub tokens: TokenPooling,
}

/// Hidden states by number: 0 is the embeddings, `i` what layer `i` (counted from 1) gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerChoice {
    /// The last layer.
    #[default]
    Last,
    /// The hidden states with this number; the layers above are not run.
    Single(usize),
    /// The last so many layers side by side: so many times `D` wide
    /// ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805), table 7).
    ConcatenateLast(usize),
    /// The mean of the last so many layers.
    MeanOfLast(usize),
}

/// What becomes of the tokens of a row. Padding never counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenPooling {
    /// The first token.
    #[default]
    First,
    /// The first token through a dense layer and tanh:
    /// [`BertPooler`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py).
    Pooler,
    /// The mean of the real tokens; 0 for a row without any.
    Mean,
    /// The largest value among the real tokens, for each column; 0 for a row without any.
    Max,
}

impl Pooling {
    /// The last layer's first token.
    pub fn first_token() -> Self {
        Self::default()
    }

    /// The last layer's first token through dense layer and tanh.
    pub fn pooler() -> Self {
        Self {
            tokens: TokenPooling::Pooler,
            ..Self::default()
        }
    }

    /// The mean of the last layer's real tokens.
    pub fn mean() -> Self {
        Self {
            tokens: TokenPooling::Mean,
            ..Self::default()
        }
    }

    /// Width of the pooled vector, `W`, for hidden states of width `D`.
    pub fn width(&self, hidden_size: usize) -> usize {
        match self.layers {
            LayerChoice::ConcatenateLast(count) => hidden_size.saturating_mul(count),
            _ => hidden_size,
        }
    }

    /// The numbers of the hidden states that are looked at.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] if the encoder has not so many layers.
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

    /// A pooler over an encoder whose parameters are all zero until a checkpoint or
    /// [`initialise`](crate::initialise) fills them.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] if the encoder has not so many layers, or the dense layer is
    /// asked for on hidden states side by side.
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

    /// Whether an encoder's hidden states can be pooled so.
    ///
    /// # Errors
    /// As [`Pooling::init`].
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

/// Pools hidden states.
#[derive(Module, Debug)]
pub struct Pooler {
    /// `[D, D]`, followed by tanh.
    pub dense: Option<Linear>,
    #[module(skip)]
    pooling: Pooling,
    #[module(skip)]
    range: RangeInclusive<usize>,
}

impl Pooler {
    /// Runs an encoder as far as its hidden states are looked at, and pools them: one vector per
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

    /// From the hidden states with a number to the part of the pooling without parameters.
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

    /// The same with all tokens of the last hidden states that are looked at.
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

    /// The numbers of the hidden states that are looked at.
    pub(crate) fn states(&self) -> RangeInclusive<usize> {
        self.range.clone()
    }

    /// The part of the pooling without parameters.
    ///
    /// # Shapes
    /// - each of `states`: `[T, D]`, or `[B, D]` of the first tokens if no other is looked at
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

    /// The dense layer and tanh, where there is one.
    ///
    /// # Shapes
    /// - `pooled`, output: `[B, W]`
    pub(crate) fn project(&self, pooled: Tensor<2>) -> Tensor<2> {
        match &self.dense {
            Some(dense) => parts::apply_linear(dense, pooled).tanh(),
            None => pooled,
        }
    }

    /// # Shapes
    /// - `rows`: `[T, D]`, or `[B, D]` of the first tokens if no other is looked at
    /// - output: `[B, D]`
    fn pool_tokens(&self, rows: Tensor<2>, mask: &AttentionMask) -> Tensor<2> {
        match self.pooling.tokens {
            TokenPooling::First | TokenPooling::Pooler => rows,
            TokenPooling::Mean => mean_of_tokens(rows, mask),
            TokenPooling::Max => largest_of_tokens(rows, mask),
        }
    }
}

/// # Shapes
/// - each of `states`, output: `[T, D]` or `[B, D]`
fn mean(states: Vec<Tensor<2>>) -> Tensor<2> {
    let stacked: Tensor<3> = Tensor::stack(states, 0);
    stacked.mean_dim(0).squeeze_dim(0)
}

/// A product with the share of each token: one over the number of real tokens of its row.
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

/// # Shapes
/// - `rows`: `[T, D]`
/// - output: `[B, D]`
fn largest_of_tokens(rows: Tensor<2>, mask: &AttentionMask) -> Tensor<2> {
    let [_, width] = rows.dims();
    let (batch, sequence) = (mask.batch(), mask.sequence());
    let device = rows.device();
    let bias = mask.key_bias.clone().reshape([batch, sequence, 1]);
    let rows = rows.reshape([batch, sequence, width]) + bias;
    let largest = rows.max_dim(1).reshape([batch, width]);
    // The largest value of a row without real tokens is the bias of padding: 0 instead.
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
