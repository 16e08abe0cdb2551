//! LoRA adapter of one linear layer: a product of two low-rank matrices.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use finetune_ops::{Precision, linear};

use super::{LoraConfig, LoraTarget};
use crate::dropout::DropoutStage;

/// LoRA adapter `scale · dropout(x) · A · B`, as
/// [`lora.Linear`](https://github.com/huggingface/peft/blob/v0.21.2/src/peft/tuners/lora/layer.py).
#[derive(Module, Debug)]
pub struct LowRank {
    /// Matrix `A`, `[input, rank]`.
    pub a: Param<Tensor<2>>,
    /// Matrix `B`, `[rank, output]`.
    pub b: Param<Tensor<2>>,
    #[module(skip)]
    config: LoraConfig,
}

impl LowRank {
    /// Creates an adapter of zeros.
    pub(super) fn new(config: LoraConfig, input: usize, output: usize, device: &Device) -> Self {
        Self {
            a: Initializer::Zeros.init([input, config.rank], device),
            b: Initializer::Zeros.init([config.rank, output], device),
            config,
        }
    }

    pub(super) fn config(&self) -> &LoraConfig {
        &self.config
    }

    /// Applies the adapter.
    ///
    /// # Shapes
    /// - `rows`: `[T, input]`
    /// - output: `[T, output]`
    pub(super) fn forward(
        &self,
        rows: Tensor<2>,
        dropout: Option<DropoutStage>,
        target: LoraTarget,
        precision: Precision,
    ) -> Tensor<2> {
        let rows = match dropout
            .and_then(|stage| stage.in_adapter(self.config.dropout, target as usize))
        {
            Some(dropout) => finetune_ops::dropout(rows, dropout),
            None => rows,
        };
        // Prediction in integers leaves adapters in floats.
        let precision = precision.floating();
        // Scaled here, where the tensor is smallest.
        let narrow = linear(rows, self.a.val(), None, precision) * self.config.scale();
        linear(narrow, self.b.val(), None, precision)
    }

    /// Returns the change of the base weight when the adapter is merged.
    ///
    /// # Shapes
    /// - output: `[input, output]`
    pub(super) fn product(&self) -> Tensor<2> {
        self.a.val().matmul(self.b.val()) * self.config.scale()
    }
}
