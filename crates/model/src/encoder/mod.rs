//! The Transformer encoder shared by the whole BERT family
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805)): embeddings, then layers of
//! self-attention and feed-forward, each with a residual and a layer normalisation after it.

mod attention;
mod config;
mod embeddings;
mod feed_forward;
mod input;
mod layer;

pub use attention::SelfAttention;
pub use config::EncoderConfig;
pub use embeddings::Embeddings;
pub use feed_forward::FeedForward;
pub use input::EncoderInput;
pub use layer::EncoderLayer;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::{DropoutStream, ModelError};

/// Token ids to hidden states, as
/// [`BertModel`](https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/models/bert/modeling_bert.py)
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
    pub fn forward(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        let embedded = self
            .embeddings
            .forward(input, dropout.map(|stream| stream.stage(0)));
        self.layers
            .iter()
            .enumerate()
            .fold(embedded, |hidden, (index, layer)| {
                layer.forward(hidden, input, dropout.map(|stream| stream.stage(index + 1)))
            })
    }

    /// All hidden states, without dropout: those of the embeddings, then one per layer, `L + 1` in
    /// all.
    ///
    /// # Shapes
    /// - each output: `[T, D]`
    pub fn hidden_states(&self, input: &EncoderInput) -> Vec<Tensor<2>> {
        let mut states = vec![self.embeddings.forward(input, None)];
        for layer in &self.layers {
            let below = states[states.len() - 1].clone();
            states.push(layer.forward(below, input, None));
        }
        states
    }
}
