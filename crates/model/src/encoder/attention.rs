//! Self-attention with its output projection, residual and normalisation: `BertAttention`.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use finetune_ops::attention;

use super::{EncoderConfig, EncoderInput};
use crate::dropout::{DropoutStage, apply};
use crate::parts;

/// `norm(x + dropout(output(attention(query(x), key(x), value(x)))))`.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// `[D, D]`
    pub query: Linear,
    /// `[D, D]`
    pub key: Linear,
    /// `[D, D]`
    pub value: Linear,
    /// `[D, D]`
    pub output: Linear,
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
        let square = || parts::linear(width, width, device);
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
        input: &EncoderInput,
        dropout: Option<DropoutStage>,
    ) -> Tensor<2> {
        let context = attention(
            parts::apply_linear(&self.query, hidden.clone()),
            parts::apply_linear(&self.key, hidden.clone()),
            parts::apply_linear(&self.value, hidden.clone()),
            input.key_bias.clone(),
            self.heads,
            dropout.and_then(|stage| stage.at(self.probability_dropout, 0)),
        );
        let projected = parts::apply_linear(&self.output, context);
        let dropped = apply(projected, self.hidden_dropout, dropout, 1);
        parts::apply_layer_norm(&self.norm, hidden + dropped, self.epsilon)
    }
}
