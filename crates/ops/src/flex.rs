//! Kernels of flex, whose tensors are always in host memory, and access to them.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Device, PrimitiveConversionError, Shape, Tensor, TensorData};

use crate::attention::relative::RelativeTables;
use crate::attention::{Inputs, Packing, Settings};
use crate::dropout::Dropout;
use crate::dropout_add_layer_norm::Norm;
use crate::fake_quantize::QuantizationAxis;
use crate::glu::GluActivation;
use crate::host::Host;
use crate::host_kernels;
use crate::kernels::Kernels;
use crate::precision::Precision;

type Gradients<const N: usize> = [Option<FlexTensor>; N];

impl Kernels for Flex {
    fn linear_rows(
        rows: FlexTensor,
        weight: FlexTensor,
        bias: Option<FlexTensor>,
        precision: Precision,
    ) -> FlexTensor {
        host_kernels::linear_rows::<Self>(rows, weight, bias, precision)
    }

    fn linear_gradients(
        rows: Option<FlexTensor>,
        weight: Option<FlexTensor>,
        gradient: FlexTensor,
        bias_wanted: bool,
        precision: Precision,
    ) -> Gradients<3> {
        host_kernels::linear_gradients::<Self>(rows, weight, gradient, bias_wanted, precision)
    }

    fn layer_norm_rows(
        rows: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
    ) -> FlexTensor {
        host_kernels::layer_norm_rows::<Self>(rows, gamma, beta, epsilon)
    }

    fn layer_norm_gradients(
        rows: FlexTensor,
        gamma: FlexTensor,
        epsilon: f64,
        gradient: FlexTensor,
        wanted: [bool; 3],
    ) -> Gradients<3> {
        host_kernels::layer_norm_gradients::<Self>(rows, gamma, epsilon, gradient, wanted)
    }

    fn rms_norm_rows(rows: FlexTensor, gamma: FlexTensor, epsilon: f64) -> FlexTensor {
        host_kernels::rms_norm_rows::<Self>(rows, gamma, epsilon)
    }

    fn rms_norm_gradients(
        rows: FlexTensor,
        gamma: FlexTensor,
        epsilon: f64,
        gradient: FlexTensor,
        wanted: [bool; 2],
    ) -> Gradients<2> {
        host_kernels::rms_norm_gradients::<Self>(rows, gamma, epsilon, gradient, wanted)
    }

    fn residual_norm_rows(
        rows: FlexTensor,
        residual: FlexTensor,
        dropout: Option<Dropout>,
        norm: Norm<FlexTensor>,
    ) -> (FlexTensor, FlexTensor) {
        host_kernels::residual_norm_rows::<Self>(rows, residual, dropout, norm)
    }

    fn residual_norm_gradients(
        sum: FlexTensor,
        gamma: FlexTensor,
        epsilon: f64,
        dropout: Option<Dropout>,
        gradient: FlexTensor,
        wanted: [bool; 4],
    ) -> Gradients<4> {
        host_kernels::residual_norm_gradients::<Self>(
            sum, gamma, epsilon, dropout, gradient, wanted,
        )
    }

    fn embedding_rows(table: FlexTensor, ids: FlexTensor) -> FlexTensor {
        host_kernels::embedding_rows::<Self>(table, ids)
    }

    fn embedding_gradient(rows: usize, ids: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        host_kernels::embedding_gradient::<Self>(rows, ids, gradient)
    }

    fn gelu_exact(x: FlexTensor) -> FlexTensor {
        host_kernels::gelu_exact::<Self>(x)
    }

    fn gelu_exact_gradient(x: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        host_kernels::gelu_exact_gradient::<Self>(x, gradient)
    }

    fn dropout_hashed(x: FlexTensor, probability: f64, key: u64) -> FlexTensor {
        host_kernels::dropout_hashed::<Self>(x, probability, key)
    }

    fn fake_quantized(x: FlexTensor, axis: QuantizationAxis) -> FlexTensor {
        host_kernels::fake_quantized::<Self>(x, axis)
    }

    fn attention_rows(
        inputs: Inputs<FlexTensor>,
        packing: Packing<FlexTensor>,
        settings: Settings,
    ) -> (FlexTensor, Vec<FlexTensor>) {
        host_kernels::attention_rows::<Self>(inputs, &packing, settings)
    }

    fn attention_gradients(
        inputs: Inputs<FlexTensor>,
        left: Vec<FlexTensor>,
        packing: Packing<FlexTensor>,
        settings: Settings,
        gradient: FlexTensor,
        wanted: [bool; 3],
    ) -> Gradients<3> {
        host_kernels::attention_gradients::<Self>(
            inputs, left, &packing, settings, gradient, wanted,
        )
    }

    fn relative_attention_rows(
        inputs: Inputs<FlexTensor>,
        tables: RelativeTables<FlexTensor, FlexTensor>,
        packing: Packing<FlexTensor>,
        settings: Settings,
    ) -> (FlexTensor, Vec<FlexTensor>) {
        host_kernels::relative_attention_rows::<Self>(inputs, &tables, &packing, settings)
    }

    fn relative_attention_gradients(
        inputs: Inputs<FlexTensor>,
        tables: RelativeTables<FlexTensor, FlexTensor>,
        left: Vec<FlexTensor>,
        packing: Packing<FlexTensor>,
        settings: Settings,
        gradient: FlexTensor,
        wanted: [bool; 6],
    ) -> Gradients<6> {
        host_kernels::relative_attention_gradients::<Self>(
            inputs, &tables, left, &packing, settings, gradient, wanted,
        )
    }

    fn rotary_rows(
        rows: FlexTensor,
        cosine: FlexTensor,
        sine: FlexTensor,
        heads: usize,
    ) -> FlexTensor {
        host_kernels::rotary_rows::<Self>(rows, cosine, sine, heads)
    }

    fn glu_rows(rows: FlexTensor, activation: GluActivation) -> FlexTensor {
        host_kernels::glu_rows::<Self>(rows, activation)
    }

    fn glu_gradient(
        rows: FlexTensor,
        gradient: FlexTensor,
        activation: GluActivation,
    ) -> FlexTensor {
        host_kernels::glu_gradient::<Self>(rows, gradient, activation)
    }

    fn class_loss(logits: FlexTensor, labels: FlexTensor, factor: f64) -> FlexTensor {
        host_kernels::class_loss::<Self>(logits, labels, factor)
    }

    fn class_loss_gradient(
        logits: FlexTensor,
        labels: FlexTensor,
        factor: f64,
        gradient: FlexTensor,
    ) -> FlexTensor {
        host_kernels::class_loss_gradient::<Self>(logits, labels, factor, gradient)
    }
}

impl Host for Flex {
    type Buffer = Vec<f32>;

    fn device() -> Device {
        Device::flex()
    }

    fn primitive<const D: usize>(
        tensor: Tensor<D>,
    ) -> Result<FlexTensor, PrimitiveConversionError> {
        tensor.try_into_primitive::<Self>()
    }

    fn from_primitive<const D: usize>(primitive: FlexTensor) -> Tensor<D> {
        Tensor::from_primitive::<Self>(primitive)
    }

    fn is_here(_tensor: &FlexTensor) -> bool {
        true
    }

    fn contiguous(tensor: &FlexTensor) -> FlexTensor {
        tensor.to_contiguous()
    }

    fn values(tensor: &FlexTensor) -> Option<&[f32]> {
        tensor.as_slice()
    }

    fn strided(tensor: &FlexTensor) -> Option<(&[f32], [usize; 2])> {
        let layout = tensor.layout();
        let &[row, column] = layout.strides() else {
            return None;
        };
        let strides = [usize::try_from(row).ok()?, usize::try_from(column).ok()?];
        Some((&tensor.storage()[layout.start_offset()..], strides))
    }

    fn own(tensor: &mut FlexTensor) -> Option<&mut [f32]> {
        let length = tensor.layout().num_elements();
        let whole = tensor.is_contiguous() && tensor.layout().start_offset() == 0;
        let values = tensor.try_storage_mut()?;
        (whole && values.len() == length).then_some(values)
    }

    fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
        FlexTensor::from_data(TensorData::new(values, shape))
    }

    fn indices(tensor: FlexTensor) -> Vec<usize> {
        let data = tensor.into_data();
        data.iter::<i64>().map(|index| index as usize).collect()
    }
}
