//! Feed-forward network with residual and layer normalization (`BertIntermediate`, `BertOutput`; gated:
//! `ModernBertMLP`).

use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::{Device, Tensor};
use finetune_ops::{Precision, geglu, swiglu};

use super::normalization::Normalization;
use super::residual::Residual;
use super::{Activation, EncoderConfig};
use crate::adapters::{LoraLinear, LoraTarget};
use crate::dropout::{self, DropoutStage};

/// Place of the output's dropout in the layer.
const OUTPUT_SITE: usize = 2;

/// Place of the activations' dropout in the layer.
const ACTIVATIONS_SITE: usize = 3;

/// Feed-forward network: `norm(x + dropout(output(activation(intermediate(x)))))`, or with the
/// normalization of `x` first. If it is gated, the second half of `intermediate(x)` is multiplied by
/// the activated first half.
#[derive(Module, Debug)]
pub struct FeedForward {
    /// First linear layer, `[D, I]`; gated `[D, 2 I]`.
    pub intermediate: LoraLinear,
    /// Second linear layer, `[I, D]`.
    pub output: LoraLinear,
    /// Layer normalization.
    pub norm: LayerNorm,
    activations_dropout: f64,
    gated: bool,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    residual: Residual,
}

impl FeedForward {
    pub(super) fn new(config: &EncoderConfig, device: &Device) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let output_bias = config.mlp_output_bias.unwrap_or(config.mlp_bias);
        let output_dropout = config.family.feed_forward_output_dropout(config);
        let wide = if config.gated_mlp { 2 * inner } else { inner };
        Self {
            intermediate: LoraLinear::new(hidden, wide, config.mlp_bias, device),
            output: LoraLinear::new(inner, hidden, output_bias, device),
            norm: Normalization::new(config).init(hidden, device),
            activations_dropout: config.family.activation_dropout(config),
            gated: config.gated_mlp,
            activation: config.hidden_act,
            residual: Residual::new(config, output_dropout, OUTPUT_SITE),
        }
    }

    /// Applies the feed-forward block.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`
    pub(super) fn forward(
        &self,
        hidden: Tensor<2>,
        dropout: Option<DropoutStage>,
        precision: Precision,
    ) -> Tensor<2> {
        let apply_to = |projection: &LoraLinear, rows, target| {
            projection.forward(rows, dropout, target, precision)
        };
        let rows = self.residual.before(Some(&self.norm), hidden.clone());
        let wide = apply_to(&self.intermediate, rows, LoraTarget::Intermediate);
        let active = self.activate(wide);
        let active = dropout::apply(active, self.activations_dropout, dropout, ACTIVATIONS_SITE);
        let narrow = apply_to(&self.output, active, LoraTarget::Output);
        self.residual
            .after(Some(&self.norm), narrow, hidden, dropout)
    }

    /// Applies the activation, and the gate if there is one.
    ///
    /// # Shapes
    /// - `wide`: `[T, I]`; gated `[T, 2 I]`
    /// - output: `[T, I]`
    fn activate(&self, wide: Tensor<2>) -> Tensor<2> {
        match (self.gated, self.activation) {
            (false, activation) => activation.apply(wide),
            (true, Activation::Gelu) => geglu(wide),
            (true, Activation::Silu) => swiglu(wide),
            (true, activation) => {
                let half = wide.dims()[1] / 2;
                let gate = wide.clone().narrow(1, half, half);
                activation.apply(wide.narrow(1, 0, half)) * gate
            }
        }
    }
}
