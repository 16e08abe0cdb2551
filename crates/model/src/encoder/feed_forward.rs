//! Feed-forward network with residual and layer normalization (`BertIntermediate`, `BertOutput`).

use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::{Device, Tensor};
use finetune_ops::Precision;

use super::{Activation, EncoderConfig};
use crate::adapters::{LoraLinear, LoraTarget};
use crate::dropout::DropoutStage;
use crate::layers;

/// Feed-forward network: `norm(x + dropout(output(activation(intermediate(x)))))`.
#[derive(Module, Debug)]
pub struct FeedForward {
    /// First linear layer, `[D, intermediate_size]`.
    pub intermediate: LoraLinear,
    /// Second linear layer, `[intermediate_size, D]`.
    pub output: LoraLinear,
    /// Layer normalization after the residual.
    pub norm: LayerNorm,
    epsilon: f64,
    dropout: f64,
    #[module(skip)]
    activation: Activation,
}

impl FeedForward {
    pub(super) fn new(config: &EncoderConfig, device: &Device) -> Self {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        Self {
            intermediate: LoraLinear::new(hidden, wide, device),
            output: LoraLinear::new(wide, hidden, device),
            norm: layers::layer_norm(hidden, device),
            epsilon: config.layer_norm_eps,
            dropout: config.hidden_dropout_prob,
            activation: config.hidden_act,
        }
    }

    /// Applies the feed-forward block.
    ///
    /// # Shapes
    /// - `hidden`, output: `[T, D]`
    pub(super) fn forward(
        &self,
        hidden: Tensor<2>,
        dropout: Option<DropoutStage>,
        precision: Precision,
    ) -> Tensor<2> {
        let apply_to = |projection: &LoraLinear, rows, target| {
            projection.forward(rows, dropout, target, precision)
        };
        let wide = apply_to(&self.intermediate, hidden.clone(), LoraTarget::Intermediate);
        let wide = self.activation.apply(wide);
        let narrow = apply_to(&self.output, wide, LoraTarget::Output);
        let dropout = dropout.and_then(|stage| stage.at(self.dropout, 2));
        layers::apply_residual_norm(&self.norm, narrow, hidden, dropout, self.epsilon)
    }
}
