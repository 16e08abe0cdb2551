//! The Transformer encoder shared by the whole BERT family
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805)): embeddings, then layers of
//! self-attention and feed-forward, each with a residual and a layer normalisation after it.

mod activation;
mod attention;
mod config;
mod embeddings;
mod feed_forward;
mod input;
mod layer;
mod positions;

pub(crate) use activation::ACTIVATIONS;
pub use activation::Activation;
pub use attention::SelfAttention;
pub use config::EncoderConfig;
pub use embeddings::Embeddings;
pub use feed_forward::FeedForward;
pub use input::EncoderInput;
pub use layer::EncoderLayer;
pub use positions::Positions;

use std::ops::RangeInclusive;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

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
        })
    }
}

impl Encoder {
    /// The hidden states after the last layer. Without `dropout` the result is deterministic.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn forward(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        self.run(input, dropout, self.layers.len(), |_, _| ())
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
        self.some_hidden_states(input, dropout, 0..=self.layers.len())
    }

    /// The hidden states with these numbers; layers above the last of them are not run.
    ///
    /// # Shapes
    /// - each output: `[T, D]`
    pub(crate) fn some_hidden_states(
        &self,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
        wanted: RangeInclusive<usize>,
    ) -> Vec<Tensor<2>> {
        let mut states = Vec::with_capacity(wanted.clone().count());
        let last = self.run(input, dropout, *wanted.end(), |number, state| {
            if wanted.contains(&number) {
                states.push(state.clone());
            }
        });
        states.push(last);
        states
    }

    /// Embeddings and the first `layers` layers; `passed` sees every state that a layer takes in.
    fn run(
        &self,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
        layers: usize,
        mut passed: impl FnMut(usize, &Tensor<2>),
    ) -> Tensor<2> {
        let stage = |number| dropout.map(|stream| stream.stage(number));
        let embedded = self.embeddings.forward(input, stage(0));
        let layers = self.layers.iter().take(layers).enumerate();
        layers.fold(embedded, |hidden, (index, layer)| {
            passed(index, &hidden);
            layer.forward(hidden, input, stage(index + 1))
        })
    }
}
