//! Linear layer of the encoder with an optional LoRA adapter.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use finetune_ops::{Precision, linear};

use super::low_rank::LowRank;
use super::{LoraConfig, LoraTarget};
use crate::dropout::DropoutStage;
use crate::error::ModelError;
use crate::limits::check_matrix;

/// Linear layer `x · weight + bias`, with or without bias, plus the output of its LoRA adapter if it has one.
///
/// Not burn's `Linear`: the adapter is beside the weight, so that the path of the weight is the
/// same with and without adapter.
#[derive(Module, Debug)]
pub struct LoraLinear {
    /// Weight, `[input, output]`.
    pub weight: Param<Tensor<2>>,
    /// Bias, `[output]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// LoRA adapter, trained while the weight is frozen.
    pub lora: Option<LowRank>,
}

impl LoraLinear {
    /// Creates a layer of zeros.
    pub(crate) fn new(input: usize, output: usize, bias: bool, device: &Device) -> Self {
        Self {
            weight: Initializer::Zeros.init([input, output], device),
            bias: bias.then(|| Initializer::Zeros.init([output], device)),
            lora: None,
        }
    }

    /// Applies the layer. `target` is its position in the Transformer layer, which determines the
    /// dropout mask of the adapter.
    ///
    /// # Shapes
    /// - `rows`: `[T, input]`
    /// - output: `[T, output]`
    pub(crate) fn forward(
        &self,
        rows: Tensor<2>,
        dropout: Option<DropoutStage>,
        target: LoraTarget,
        precision: Precision,
    ) -> Tensor<2> {
        let weight = self.weight.val();
        let bias = self.bias.as_ref().map(|bias| bias.val());
        match &self.lora {
            None => linear(rows, weight, bias, precision),
            Some(lora) => {
                let base = linear(rows.clone(), weight, bias, precision);
                base + lora.forward(rows, dropout, target, precision)
            }
        }
    }

    /// Adds an adapter of zeros.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the adapter's matrices would be too large.
    pub(super) fn add_lora(&mut self, config: &LoraConfig) -> Result<(), ModelError> {
        let [input, output] = [0, 1].map(|axis| self.weight.lazy_shape()[axis]);
        check_matrix("rank", input.max(output), config.rank)?;
        let device = self.weight.lazy_device();
        self.lora = Some(LowRank::new(config.clone(), input, output, &device));
        Ok(())
    }

    /// Adds the adapter's product to the weight and removes the adapter.
    pub(super) fn merge_lora(&mut self) {
        if let Some(lora) = self.lora.take() {
            let merged = self.weight.val().detach() + lora.product().detach();
            self.weight = Param::from_tensor(merged);
        }
    }
}
