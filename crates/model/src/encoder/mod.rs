//! The Transformer encoder shared by the whole BERT family
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805)): embeddings, then layers of
//! self-attention and feed-forward, each with a residual and a layer normalisation after it.

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

/// Token ids to hidden states, as
/// [`BertModel`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py)
/// without its pooler.
#[derive(Module, Debug)]
pub struct Encoder {
    /// Word, position and token type tables.
    pub embeddings: Embeddings,
    /// The Transformer layers, the one next to the embeddings first.
    pub layers: Vec<EncoderLayer>,
    #[module(skip)]
    precision: Precision,
}

impl EncoderConfig {
    /// An encoder of this shape whose parameters are all zero until a checkpoint or
    /// [`initialise`](crate::initialise) fills them.
    ///
    /// # Errors
    /// As [`EncoderConfig::validate`].
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
    /// The same encoder, computing the products of its layers in a precision; a new one does in
    /// [`Precision::F32`]. No part of a checkpoint.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// In which precision the products of its layers are computed.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The hidden states after the last layer. Without `dropout` the result is deterministic.
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

    /// All hidden states: those of the embeddings, then one per layer, `L + 1` in all.
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

    /// The hidden states with number 0: what the first layer takes in.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    pub(crate) fn embed(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        self.embeddings
            .forward(input, dropout.map(|stream| stream.stage(0)))
    }

    /// Runs the layers of a range on what the first of them takes in.
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

    /// From the hidden states with one number to those with the wanted ones, none of them lower;
    /// layers above the last are not run.
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

    /// The first tokens of the same hidden states. The layer that gives the last of them computes
    /// no other token.
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
        // With one wanted, the one below it is only what it is made of.
        let skipped = usize::from(first == last);
        let others = states.into_iter().skip(skipped);
        let others = others.map(|state| mask.first_tokens(state));
        others.chain([top]).collect()
    }
}
