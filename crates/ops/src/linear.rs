//! Linear layer on token rows.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{DType, FloatDType, Shape, Tensor};

use crate::autodiff::node;
use crate::extension::EncoderOps;
use crate::fake_quantize::{QuantizationAxis, fake_quantize};
use crate::kernels::Kernels;
use crate::precision::Precision;

/// Computes `rows · weight + bias`.
///
/// The weight is input-major, as in burn's `Linear` and transposed relative to PyTorch's. Rows are
/// a matrix because burn computes the weight gradient of a 3-D input per batch entry and adds the
/// results.
///
/// The operands of the matrix products, forward and backward, are rounded to `precision`.
///
/// On flex, the result of a row is bit-identical for any other rows.
///
/// # Shapes
/// - `rows`: `[T, input]`
/// - `weight`: `[input, output]`
/// - `bias`: `[output]`
/// - output: `[T, output]`
///
/// # Panics
/// If the shapes do not match.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::Precision;
/// let device = Device::flex();
/// let y = finetune_ops::linear(
///     Tensor::from_data([[1.0, 2.0]], &device),
///     Tensor::from_data([[1.0], [10.0]], &device),
///     Some(Tensor::from_data([0.5], &device)),
///     Precision::F32,
/// );
/// assert_eq!(y.into_scalar::<f32>(), 21.5);
/// ```
pub fn linear(
    rows: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    precision: Precision,
) -> Tensor<2> {
    let (rows, weight, precision) = match precision {
        Precision::Int8 => (
            fake_quantize(rows, QuantizationAxis::Row),
            fake_quantize(weight, QuantizationAxis::Column),
            Precision::F32,
        ),
        _ => (rows, weight, precision),
    };
    let (rows, weight) = (rows.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => {
            let bias = bias.into_dispatch();
            <Dispatch as EncoderOps>::linear_rows(rows, weight, bias, precision)
        }
        None => <Dispatch as EncoderOps>::product_rows(rows, weight, precision),
    })
}

pub(crate) fn forward<B: Backend>(
    rows: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    precision: Precision,
) -> FloatTensor<B> {
    let product = product::<B>(rows, weight, precision);
    match bias {
        Some(bias) => {
            let width = bias.shape()[0];
            B::float_add(product, B::float_reshape(bias, Shape::from([1, width])))
        }
        None => product,
    }
}

/// Returns a product of f32 tensors in a precision; other types are not converted.
pub(crate) fn product<B: Backend>(
    left: FloatTensor<B>,
    right: FloatTensor<B>,
    precision: Precision,
) -> FloatTensor<B> {
    if precision == Precision::F32 || left.dtype() != DType::F32 {
        return B::float_matmul(left, right);
    }
    let dtype = precision.dtype();
    let (left, right) = (B::float_cast(left, dtype), B::float_cast(right, dtype));
    B::float_cast(B::float_matmul(left, right), FloatDType::F32)
}

/// Returns the gradients of rows, weight and bias: of the rows if the weight is given, of the
/// weight if the rows are.
pub(crate) fn gradients<B: Backend>(
    rows: Option<FloatTensor<B>>,
    weight: Option<FloatTensor<B>>,
    gradient: FloatTensor<B>,
    bias_wanted: bool,
    precision: Precision,
) -> [Option<FloatTensor<B>>; 3] {
    let of_bias = bias_wanted.then(|| {
        let width = gradient.shape()[1];
        let sum = B::float_sum_dim(gradient.clone(), 0);
        B::float_reshape(sum, Shape::from([width]))
    });
    let of_weight = rows.map(|rows| {
        let rows = B::float_transpose(rows);
        product::<B>(rows, gradient.clone(), precision)
    });
    let of_rows =
        weight.map(|weight| product::<B>(gradient, B::float_transpose(weight), precision));
    [of_rows, of_weight, of_bias]
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    bias: FloatTensor<Autodiff<B, C>>,
    precision: Precision,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [rows.node(), weight.node(), bias.node()];
    let bias = Some(bias.into_primitive());
    let (output, gradients) = parts::<B, C>(rows, weight, bias, precision);
    node::<B, C, 3>(parents, output, |gradient, [_, _, bias]| {
        gradients(gradient, bias)
    })
}

pub(crate) fn tracked_product<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    precision: Precision,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [rows.node(), weight.node()];
    let (output, gradients) = parts::<B, C>(rows, weight, None, precision);
    node::<B, C, 2>(parents, output, |gradient, _| {
        let [of_rows, of_weight, _] = gradients(gradient, false);
        [of_rows, of_weight]
    })
}

/// Returns the output, and the function to the gradients from that of the output and whether that of
/// the bias is wanted. It keeps the rows for the gradient of the weight, and the weight for that of
/// the rows.
#[allow(clippy::type_complexity, reason = "the gradients of an operation")]
fn parts<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    bias: Option<FloatTensor<B>>,
    precision: Precision,
) -> (
    FloatTensor<B>,
    impl FnOnce(FloatTensor<B>, bool) -> [Option<FloatTensor<B>>; 3] + Clone + Send + use<B, C>,
) {
    let saved_rows = weight.is_tracked().then(|| rows.primitive().clone());
    let saved_weight = rows.is_tracked().then(|| weight.primitive().clone());
    let (rows, weight) = (rows.into_primitive(), weight.into_primitive());
    let output = <B as Kernels>::linear_rows(rows, weight, bias, precision);
    let gradients = move |gradient, bias_wanted| {
        B::linear_gradients(saved_rows, saved_weight, gradient, bias_wanted, precision)
    };
    (output, gradients)
}
