//! Transformer encoder of the BERT family ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805)):
//! embeddings, then layers of self-attention and feed-forward networks, each with residual and
//! post-layer normalization.

mod activation;
mod attention;
mod attention_mask;
mod config;
mod embeddings;
mod feed_forward;
mod input;
mod layer;
mod positions;
mod queries;

pub(crate) use activation::ACTIVATIONS;
pub use activation::Activation;
pub use attention::SelfAttention;
pub use attention_mask::AttentionMask;
pub use config::EncoderConfig;
pub use embeddings::Embeddings;
pub use feed_forward::FeedForward;
pub use input::EncoderInput;
pub use layer::EncoderLayer;
pub use positions::Positions;
pub(crate) use queries::Queries;

use std::ops::{Range, RangeInclusive};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use finetune_ops::Precision;

use crate::{DropoutStream, ModelError};

/// Transformer encoder from token ids to hidden states:
/// [`BertModel`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py)
/// without pooler.
#[derive(Module, Debug)]
pub struct Encoder {
    /// Word, position and token type embeddings.
    pub embeddings: Embeddings,
    /// Transformer layers, from the one next to the embeddings.
    pub layers: Vec<EncoderLayer>,
    #[module(skip)]
    precision: Precision,
}

impl EncoderConfig {
    /// Creates an encoder whose parameters are zero until a checkpoint or
    /// [`initialize`](crate::initialize) sets them.
    ///
    /// # Errors
    /// - The errors of [`EncoderConfig::validate`].
    pub fn init(&self, device: &Device) -> Result<Encoder, ModelError> {
        self.validate()?;
        let layers = (0..self.num_hidden_layers).map(|_| EncoderLayer::new(self, device));
        Ok(Encoder {
            embeddings: Embeddings::new(self, device),
            layers: layers.collect(),
            precision: Precision::F32,
        })
    }
}

impl Encoder {
    /// Sets the precision of the matrix products in the layers (default: [`Precision::F32`]). The
    /// precision is not stored in checkpoints.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Returns the precision of the matrix products in the layers.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Returns the hidden states of the last layer. Without `dropout` the result is deterministic.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn forward(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        let layers = 0..self.layers.len();
        self.advance(self.embed(input, dropout), &input.mask, dropout, layers)
    }

    /// Returns all hidden states: the output of the embeddings, then of each layer, `L + 1` in
    /// total.
    ///
    /// # Shapes
    /// - each output: `[T, D]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn hidden_states(
        &self,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Vec<Tensor<2>> {
        let embedded = self.embed(input, dropout);
        self.states_from(0, embedded, &input.mask, dropout, 0..=self.layers.len())
    }

    /// Returns the output of the embeddings (hidden states 0).
    ///
    /// # Shapes
    /// - output: `[T, D]`
    pub(crate) fn embed(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        self.embeddings
            .forward(input, dropout.map(|stream| stream.stage(0)))
    }

    /// Applies a range of layers to the input of the first one.
    ///
    /// # Shapes
    /// - `hidden`, output: `[T, D]`
    pub(crate) fn advance(
        &self,
        hidden: Tensor<2>,
        mask: &AttentionMask,
        dropout: Option<DropoutStream>,
        layers: Range<usize>,
    ) -> Tensor<2> {
        layers.fold(hidden, |hidden, index| {
            let stage = dropout.map(|stream| stream.stage(index + 1));
            self.layers[index].forward(hidden, mask, Queries::All, stage, self.precision)
        })
    }

    /// Returns the hidden states `wanted`, computed from hidden states `number`, which must not be
    /// higher. Layers above the last wanted one are not computed.
    ///
    /// # Shapes
    /// - `hidden`, each output: `[T, D]`
    pub(crate) fn states_from(
        &self,
        number: usize,
        hidden: Tensor<2>,
        mask: &AttentionMask,
        dropout: Option<DropoutStream>,
        wanted: RangeInclusive<usize>,
    ) -> Vec<Tensor<2>> {
        let (first, last) = wanted.into_inner();
        let mut states = vec![self.advance(hidden, mask, dropout, number..first)];
        for layer in first..last {
            let below = states[states.len() - 1].clone();
            states.push(self.advance(below, mask, dropout, layer..layer + 1));
        }
        states
    }

    /// Returns the first tokens of the same hidden states. The last layer computes only first
    /// tokens.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - each output: `[B, D]`
    pub(crate) fn first_tokens_from(
        &self,
        number: usize,
        hidden: Tensor<2>,
        mask: &AttentionMask,
        dropout: Option<DropoutStream>,
        wanted: RangeInclusive<usize>,
    ) -> Vec<Tensor<2>> {
        let (first, last) = wanted.into_inner();
        if last == number {
            return vec![mask.first_tokens(hidden)];
        }
        let below = last - 1;
        let states = self.states_from(number, hidden, mask, dropout, first.min(below)..=below);
        let stage = dropout.map(|stream| stream.stage(last));
        let top = states[states.len() - 1].clone();
        let top = self.layers[below].forward(top, mask, Queries::First, stage, self.precision);
        // If only the last is wanted, the one below it is an intermediate result.
        let skipped = usize::from(first == last);
        let others = states.into_iter().skip(skipped);
        let others = others.map(|state| mask.first_tokens(state));
        others.chain([top]).collect()
    }
}
