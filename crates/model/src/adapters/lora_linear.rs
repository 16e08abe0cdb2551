//! Linear layer of the encoder with an optional LoRA adapter.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use finetune_ops::{
    Int8Error, Int8Weight, PackedWeight, Precision, int8_linear, linear, packed_linear,
};

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
    /// The weight for prediction. Then `weight` is what it stands for, and is computed when it is read.
    #[module(skip)]
    prediction: Option<PredictionWeight>,
}

/// Weight of a layer in a form that predicts faster and cannot be trained.
#[derive(Debug, Clone)]
enum PredictionWeight {
    Int8(Int8Weight),
    Packed(PackedWeight),
}

impl PredictionWeight {
    /// Returns the weight that it stands for.
    fn floats(&self, device: &Device) -> Tensor<2> {
        match self {
            Self::Int8(weight) => weight.dequantize(device),
            Self::Packed(weight) => weight.unpack(device),
        }
    }
}

impl LoraLinear {
    /// Creates a layer of zeros.
    pub(crate) fn new(input: usize, output: usize, bias: bool, device: &Device) -> Self {
        Self {
            weight: Initializer::Zeros.init([input, output], device),
            bias: bias.then(|| Initializer::Zeros.init([output], device)),
            lora: None,
            prediction: None,
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
        let bias = self.bias.as_ref().map(|bias| bias.val());
        let base = |rows| match &self.prediction {
            Some(PredictionWeight::Int8(weight)) => int8_linear(rows, weight, bias),
            Some(PredictionWeight::Packed(weight)) if precision == weight.precision() => {
                packed_linear(rows, weight, bias)
            }
            _ => linear(rows, self.weight.val(), bias, precision),
        };
        match &self.lora {
            None => base(rows),
            Some(lora) => base(rows.clone()) + lora.forward(rows, dropout, target, precision),
        }
    }

    /// Replaces the weight with 8-bit integers.
    ///
    /// # Errors
    /// - [`Int8Error`] if the device or the values do not allow it.
    pub(crate) fn quantize(&mut self) -> Result<(), Int8Error> {
        let quantized = Int8Weight::quantize(self.weight.val())?;
        self.predict_with(PredictionWeight::Int8(quantized));
        Ok(())
    }

    /// Packs the weight for a precision, unless it is in 8-bit integers or would not gain from it.
    pub(crate) fn pack(&mut self, precision: Precision) {
        if self.prediction.is_some() {
            return;
        }
        if let Some(packed) = PackedWeight::pack(self.weight.val(), precision) {
            self.predict_with(PredictionWeight::Packed(packed));
        }
    }

    /// Gives up the floats for a weight for prediction.
    fn predict_with(&mut self, weight: PredictionWeight) {
        let (id, device) = (self.weight.id, self.weight.lazy_device());
        let shape = self.weight.lazy_shape();
        let shared = weight.clone();
        let read = move |device: &Device, _| shared.floats(device);
        self.weight = Param::uninitialized(id, read, device, false, shape);
        self.prediction = Some(weight);
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
