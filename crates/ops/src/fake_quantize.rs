//! Rounding to 8-bit integers in training: values that prediction in integers will see.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, tensor::FloatTensor};
use burn::tensor::Tensor;

use crate::autodiff::node;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;
use crate::native::int8::{LARGEST, SMALLEST};

/// What shares a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantizationAxis {
    /// The values of a row: activations of a token.
    Row,
    /// The values of a column: weights of an output.
    Column,
}

impl QuantizationAxis {
    /// The dimension along which the largest value is sought.
    fn dimension(self) -> usize {
        match self {
            Self::Row => 1,
            Self::Column => 0,
        }
    }
}

/// Rounds each value to the nearest of 255 multiples of a scale, which is the largest absolute value of
/// its row or column divided by 127. The gradient passes unchanged
/// ([straight-through estimator](https://arxiv.org/abs/1308.3432)).
///
/// # Shapes
/// - `x`, output: `[T, D]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{QuantizationAxis, fake_quantize};
///
/// let x = Tensor::from_data([[127.0, 1.4, -0.6]], &Device::flex());
/// let rounded = fake_quantize(x, QuantizationAxis::Row).into_data();
/// assert_eq!(rounded.try_to_vec::<f32>()?, [127.0, 1.0, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fake_quantize(x: Tensor<2>, axis: QuantizationAxis) -> Tensor<2> {
    let x = x.into_dispatch();
    Tensor::from_dispatch(<Dispatch as EncoderOps>::fake_quantized(x, axis))
}

pub(crate) fn forward<B: Backend>(x: FloatTensor<B>, axis: QuantizationAxis) -> FloatTensor<B> {
    let largest = B::float_max_abs_dim(x.clone(), axis.dimension());
    let largest = B::float_clamp_min(largest, SMALLEST.into());
    let inverse = B::float_mul_scalar(B::float_recip(largest.clone()), LARGEST.into());
    let scale = B::float_mul_scalar(largest, LARGEST.recip().into());
    B::float_mul(B::float_round(B::float_mul(x, inverse)), scale)
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    axis: QuantizationAxis,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [x.node()];
    let output = <B as Kernels>::fake_quantized(x.into_primitive(), axis);
    node::<B, C, 1>(parents, output, |gradient, _| [Some(gradient)])
}
