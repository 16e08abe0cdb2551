//! One Transformer layer: `BertLayer`.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{EncoderConfig, EncoderInput, FeedForward, SelfAttention};
use crate::dropout::DropoutStage;

/// Self-attention, then feed-forward.
#[derive(Module, Debug)]
pub struct EncoderLayer {
    /// Looks at the whole sequence.
    pub attention: SelfAttention,
    /// Looks at one token.
    pub feed_forward: FeedForward,
}

impl EncoderLayer {
    pub(super) fn new(config: &EncoderConfig, device: &Device) -> Self {
        Self {
            attention: SelfAttention::new(config, device),
            feed_forward: FeedForward::new(config, device),
        }
    }

    /// # Shapes
    /// - `hidden`, output: `[T, D]`
    pub(super) fn forward(
        &self,
        hidden: Tensor<2>,
        input: &EncoderInput,
        dropout: Option<DropoutStage>,
    ) -> Tensor<2> {
        let attended = self.attention.forward(hidden, input, dropout);
        self.feed_forward.forward(attended, dropout)
    }
}
