//! Pooler: the pooling of a model, with its dense layer if it has one.

use std::ops::RangeInclusive;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use finetune_ops::Sequences;

use super::{LayerSelection, Pooling, TokenPooling};
use crate::encoder::{EncoderConfig, Queries};
use crate::error::ModelError;
use crate::layers;

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

impl Pooling {
    /// Creates a pooler whose parameters are zero until a checkpoint or
    /// [`init_weights`](crate::init_weights) sets them.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the encoder has too few layers, or the dense layer is
    ///   combined with concatenated layers.
    pub fn init(&self, encoder: &EncoderConfig, device: &Device) -> Result<Pooler, ModelError> {
        self.validate(encoder)?;
        let hidden = encoder.hidden_size;
        let dense = self.tokens == TokenPooling::Pooler;
        Ok(Pooler {
            dense: dense.then(|| layers::linear(hidden, hidden, device)),
            pooling: *self,
            range: self.range(encoder.num_hidden_layers)?,
        })
    }
}

impl Pooler {
    /// Pools hidden states: one vector per row of the batch.
    ///
    /// # Shapes
    /// - `states`: for each of [`Self::layers`] `[T, D]`, or `[B, D]` of the first tokens if the
    ///   pooling reads no others
    /// - output: `[B, W]`
    ///
    /// # Panics
    /// If `states` are hidden states of another batch.
    pub fn forward(&self, states: Vec<Tensor<2>>, sequences: &Sequences) -> Tensor<2> {
        self.project(self.pool(states, sequences))
    }

    /// Returns the pooler for an encoder of another number of layers.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if these are too few.
    pub(crate) fn with_layers(self, layers: usize) -> Result<Self, ModelError> {
        let range = self.pooling.range(layers)?;
        Ok(Self { range, ..self })
    }

    /// Returns the layers whose hidden states are pooled: 0 are the embeddings.
    pub fn layers(&self) -> RangeInclusive<usize> {
        self.range.clone()
    }

    /// Returns the tokens that the pooling reads.
    pub fn queries(&self) -> Queries {
        match self.pooling.tokens {
            TokenPooling::Cls | TokenPooling::Pooler => Queries::FirstTokens,
            _ => Queries::AllTokens,
        }
    }

    /// Pools hidden states like [`Self::forward`], without the dense layer.
    ///
    /// # Shapes
    /// - each of `states`: `[T, D]`, or `[B, D]` of the first tokens if the pooling reads no others
    /// - output: `[B, W]`
    pub(crate) fn pool(&self, states: Vec<Tensor<2>>, sequences: &Sequences) -> Tensor<2> {
        let states = states
            .into_iter()
            .map(|rows| self.read_tokens(rows, sequences));
        match self.pooling.layers {
            LayerSelection::MeanLast(_) => self.pool_tokens(mean(states.collect()), sequences),
            _ => {
                let pooled = states.map(|rows| self.pool_tokens(rows, sequences));
                Tensor::cat(pooled.collect(), 1)
            }
        }
    }

    /// Returns the rows of the tokens that the pooling reads.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`, or `[B, D]` of the first tokens
    /// - output: `[T, D]`, or `[B, D]` if the pooling reads first tokens only
    fn read_tokens(&self, rows: Tensor<2>, sequences: &Sequences) -> Tensor<2> {
        let only_first_tokens = rows.dims()[0] == sequences.batch_size();
        match self.queries() {
            Queries::FirstTokens if !only_first_tokens => sequences.first_tokens(rows),
            _ => rows,
        }
    }

    /// Applies dense layer and tanh, if the pooling has them.
    ///
    /// # Shapes
    /// - `pooled`, output: `[B, W]`
    pub(crate) fn project(&self, pooled: Tensor<2>) -> Tensor<2> {
        match &self.dense {
            Some(dense) => layers::apply_linear(dense, pooled).tanh(),
            None => pooled,
        }
    }

    /// Pools the tokens of each row.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`, or `[B, D]` of the first tokens if the pooling reads no others
    /// - output: `[B, D]`
    fn pool_tokens(&self, rows: Tensor<2>, sequences: &Sequences) -> Tensor<2> {
        match self.pooling.tokens {
            TokenPooling::Cls | TokenPooling::Pooler => rows,
            TokenPooling::Mean => mean_of_tokens(rows, sequences),
            TokenPooling::Max => largest_of_tokens(rows, sequences),
            TokenPooling::MeanSqrtLen => {
                let lengths = |real: Tensor<2>| real.sum_dim(1).clamp_min(1.0).sqrt();
                sum_of_tokens(rows, sequences, |real| real.clone() / lengths(real))
            }
            TokenPooling::WeightedMean => sum_of_tokens(rows, sequences, |real| {
                let weights = positions(&real) * real;
                weights.clone() / weights.sum_dim(1).clamp_min(1.0)
            }),
            TokenPooling::LastToken => sum_of_tokens(rows, sequences, |real| {
                let is_last = positions(&real).equal(real.clone().sum_dim(1).expand(real.dims()));
                is_last.float()
            }),
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

/// Returns the mean over the tokens of each sequence, as a matrix product with weights `1 / tokens`.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - output: `[B, D]`
pub(crate) fn mean_of_tokens(rows: Tensor<2>, sequences: &Sequences) -> Tensor<2> {
    sum_of_tokens(rows, sequences, |real| real.clone() / real.sum_dim(1))
}

/// Returns the sum over the tokens of each sequence with the weights for a padding mask, as a matrix
/// product.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - mask, weights: `[B, S]`
/// - output: `[B, D]`
fn sum_of_tokens(
    rows: Tensor<2>,
    sequences: &Sequences,
    weights: impl Fn(Tensor<2>) -> Tensor<2>,
) -> Tensor<2> {
    let padded = sequences.pad(rows);
    let [batch, length, width] = padded.dims();
    let weights = weights(sequences.attention_mask()).reshape([batch, 1, length]);
    weights.matmul(padded).reshape([batch, width])
}

/// Returns the positions from 1 of a padding mask.
///
/// # Shapes
/// - `real`, output: `[B, S]`
fn positions(real: &Tensor<2>) -> Tensor<2> {
    let [_, length] = real.dims();
    let positions = Tensor::arange(1..length as i64 + 1, &real.device()).float();
    positions.reshape([1, length]).expand(real.dims())
}

/// Returns the maximum over the tokens of each sequence.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - output: `[B, D]`
fn largest_of_tokens(rows: Tensor<2>, sequences: &Sequences) -> Tensor<2> {
    let padded = sequences.pad(rows);
    let [batch, length, width] = padded.dims();
    let padding = sequences.additive_key_mask();
    let largest = (padded + padding.reshape([batch, length, 1])).max_dim(1);
    largest.reshape([batch, width])
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    const SMALL: fn() -> EncoderConfig = || EncoderConfig {
        vocab_size: 10,
        hidden_size: 2,
        num_attention_heads: 1,
        num_hidden_layers: 3,
        intermediate_size: 2,
        ..Default::default()
    };

    /// Sequences of 2, 1 and 4 tokens.
    fn sequences() -> Sequences {
        Sequences::new(&[0, 2, 3, 7], &Device::flex()).unwrap()
    }

    fn pool(layers: LayerSelection, tokens: TokenPooling, states: usize) -> Vec<f32> {
        let device = Device::flex();
        let pooler = Pooling { layers, tokens }.init(&SMALL(), &device).unwrap();
        let state = |factor: f32| {
            let values = [1., -2., 3., -4., -5., 6., 9., 9., 8., 7., 1., 2., 6., 6.];
            Tensor::from_data(TensorData::new(values.to_vec(), [7, 2]), &device) * factor
        };
        let states = (1..=states).map(|factor| state(factor as f32));
        let pooled = pooler.forward(states.collect(), &sequences());
        pooled.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn each_sequence_has_its_own_tokens() {
        let at = |tokens| pool(LayerSelection::Last, tokens, 1);
        assert_eq!(at(TokenPooling::Cls), [1., -2., -5., 6., 9., 9.]);
        assert_eq!(at(TokenPooling::Mean), [2., -3., -5., 6., 6., 6.]);
        assert_eq!(at(TokenPooling::Max), [3., -2., -5., 6., 9., 9.]);
        assert_eq!(at(TokenPooling::LastToken), [3., -4., -5., 6., 6., 6.]);
        let third = |whole: f32| whole / 3.;
        let weighted = [third(7.), third(-10.), -5., 6., 5.2, 5.3];
        let length = 2f32.sqrt();
        let sqrt = [4. / length, -6. / length, -5., 6., 12., 12.];
        for (found, expected) in [
            (at(TokenPooling::WeightedMean), weighted),
            (at(TokenPooling::MeanSqrtLen), sqrt),
        ] {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        }
    }

    #[test]
    fn layers_side_by_side_and_their_mean() {
        let wide = pool(LayerSelection::ConcatLast(2), TokenPooling::Cls, 2);
        assert_eq!(
            wide,
            [1., -2., 2., -4., -5., 6., -10., 12., 9., 9., 18., 18.]
        );
        let mean = pool(LayerSelection::MeanLast(3), TokenPooling::Cls, 3);
        assert_eq!(mean, [2., -4., -10., 12., 18., 18.]);
    }
}
