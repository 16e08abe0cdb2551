//! Transformer layer (`BertLayer`, `ModernBertEncoderLayer`).

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use finetune_ops::Precision;

use super::batch_context::BatchContext;
use super::{EncoderConfig, FeedForward, Queries, SelfAttention};
use crate::adapters::LoraTarget;
use crate::dropout::DropoutStage;

/// Transformer layer: self-attention, then a feed-forward network.
#[derive(Module, Debug)]
pub struct EncoderLayer {
    /// Self-attention block.
    pub attention: SelfAttention,
    /// Feed-forward block.
    pub feed_forward: FeedForward,
}

impl EncoderLayer {
    /// Creates a layer of zeros, with its index from 0.
    pub(super) fn new(config: &EncoderConfig, layer: usize, device: &Device) -> Self {
        Self {
            attention: SelfAttention::new(config, layer, device),
            feed_forward: FeedForward::new(config, device),
        }
    }

    /// Applies the layer.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`, or `[B, D]` for the first tokens
    pub(super) fn forward(
        &self,
        hidden: Tensor<2>,
        batch: &BatchContext,
        queries: Queries,
        dropout: Option<DropoutStage>,
        precision: Precision,
    ) -> Tensor<2> {
        let attended = self
            .attention
            .forward(hidden, batch, queries, dropout, precision);
        self.feed_forward.forward(attended, dropout, precision)
    }

    /// Returns whether any linear layer has an adapter.
    pub fn has_lora(&self) -> bool {
        let mut targets = LoraTarget::ALL.into_iter();
        targets.any(|target| target.of(self).lora.is_some())
    }
}
