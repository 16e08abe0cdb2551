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

pub(crate) use activation::ACTIVATIONS;
pub use activation::Activation;
pub use attention::{Queries, SelfAttention};
pub use attention_mask::AttentionMask;
pub use config::EncoderConfig;
pub use embeddings::Embeddings;
pub use feed_forward::FeedForward;
pub(crate) use input::check_inside;
pub use input::{EncoderInput, PackedInput};
pub use layer::EncoderLayer;
pub use positions::Positions;

use std::ops::RangeInclusive;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use finetune_ops::Precision;

use crate::dropout::DropoutStream;
use crate::error::ModelError;

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
    /// [`init_weights`](crate::init_weights) sets them.
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

    /// Returns the device of the parameters.
    pub fn device(&self) -> Device {
        self.embeddings.word_embeddings.weight.lazy_device()
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
        self.forward_to(self.layers.len(), input, dropout)
    }

    /// Returns the hidden states of one layer: 0 is the output of the embeddings, `i` that of layer
    /// `i`, counted from 1. Layers above are not computed.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables, or there are too few layers.
    pub fn forward_to(
        &self,
        layer: usize,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        let embedded = self.embed(input, dropout);
        (1..=layer).fold(embedded, |hidden, layer| {
            self.apply_layer(layer, Queries::AllTokens, hidden, &input.mask, dropout)
        })
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
        self.hidden_states_of(0..=self.layers.len(), Queries::AllTokens, input, dropout)
    }

    /// Returns the hidden states of consecutive layers, numbered as in [`Self::forward_to`]. Layers
    /// above are not computed. The last of `layers` computes only the tokens in `last_layer`.
    ///
    /// # Shapes
    /// - each output: `[T, D]`; the last `[B, D]` if its layer computes first tokens only
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables, or there are too few layers.
    pub fn hidden_states_of(
        &self,
        layers: RangeInclusive<usize>,
        last_layer: Queries,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Vec<Tensor<2>> {
        let embedded = self.embed(input, dropout);
        self.hidden_states_above(0, embedded, layers, last_layer, &input.mask, dropout)
    }

    /// Returns the same hidden states as [`Self::hidden_states_of`], computed from those of layer
    /// `start`, which must not be above `layers`.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - each output: `[T, D]`; the last `[B, D]` if its layer computes first tokens only
    pub(crate) fn hidden_states_above(
        &self,
        start: usize,
        hidden: Tensor<2>,
        layers: RangeInclusive<usize>,
        last_layer: Queries,
        mask: &AttentionMask,
        dropout: Option<DropoutStream>,
    ) -> Vec<Tensor<2>> {
        let mut hidden = hidden;
        let mut states = Vec::new();
        for layer in start..=*layers.end() {
            if layer > start {
                let queries = match layer == *layers.end() {
                    true => last_layer,
                    false => Queries::AllTokens,
                };
                hidden = self.apply_layer(layer, queries, hidden, mask, dropout);
            }
            if layers.contains(&layer) {
                states.push(hidden.clone());
            }
        }
        states
    }

    /// Returns the output of the embeddings.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    fn embed(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        let stage = dropout.map(|stream| stream.stage(0));
        self.embeddings.forward(input, stage)
    }

    /// Applies a layer, counted from 1.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`, or `[B, D]` for the first tokens
    fn apply_layer(
        &self,
        layer: usize,
        queries: Queries,
        hidden: Tensor<2>,
        mask: &AttentionMask,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        let stage = dropout.map(|stream| stream.stage(layer));
        self.layers[layer - 1].forward(hidden, mask, queries, stage, self.precision)
    }
}

/// Model with an encoder.
pub trait EncoderModel: Module {
    /// Sets the precision of the encoder's matrix products: see [`Encoder::with_precision`].
    fn with_precision(self, precision: Precision) -> Self;
}
