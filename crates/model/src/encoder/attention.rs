//! Self-attention with its output projection, residual and normalisation: `BertAttention`.

use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::{Device, Tensor};
use finetune_ops::attention;

use super::{AttentionMask, EncoderConfig};
use crate::adapters::{LoraTarget, Projection};
use crate::dropout::{DropoutStage, apply};
use crate::parts;

/// `norm(x + dropout(output(attention(query(x), key(x), value(x)))))`.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// `[D, D]`
    pub query: Projection,
    /// `[D, D]`
    pub key: Projection,
    /// `[D, D]`
    pub value: Projection,
    /// `[D, D]`
    pub output: Projection,
    /// After the residual.
    pub norm: LayerNorm,
    heads: usize,
    epsilon: f64,
    hidden_dropout: f64,
    probability_dropout: f64,
}

impl SelfAttention {
    pub(super) fn new(config: &EncoderConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let square = || Projection::new(width, width, device);
        Self {
            query: square(),
            key: square(),
            value: square(),
            output: square(),
            norm: parts::layer_norm(width, device),
            heads: config.num_attention_heads,
            epsilon: config.layer_norm_eps,
            hidden_dropout: config.hidden_dropout_prob,
            probability_dropout: config.attention_probs_dropout_prob,
        }
    }

    /// # Shapes
    /// - `hidden`, output: `[T, D]`
    pub(super) fn forward(
        &self,
        hidden: Tensor<2>,
        mask: &AttentionMask,
        dropout: Option<DropoutStage>,
    ) -> Tensor<2> {
        let context = attention(
            self.query
                .forward(hidden.clone(), dropout, LoraTarget::Query),
            self.key.forward(hidden.clone(), dropout, LoraTarget::Key),
            self.value
                .forward(hidden.clone(), dropout, LoraTarget::Value),
            mask.key_bias.clone(),
            self.heads,
            dropout.and_then(|stage| stage.at(self.probability_dropout, 0)),
        );
        let projected = self
            .output
            .forward(context, dropout, LoraTarget::AttentionOutput);
        let dropped = apply(projected, self.hidden_dropout, dropout, 1);
        parts::apply_layer_norm(&self.norm, hidden + dropped, self.epsilon)
    }
}
