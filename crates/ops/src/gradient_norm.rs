//! Operations of gradient clipping.

use burn::tensor::Tensor;

use crate::host_steps::on_host;

/// Returns the sum of squares, a tensor of one value.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let gradient = Tensor::<1>::from_data([3.0, 4.0], &Device::flex());
/// assert_eq!(finetune_ops::sum_of_squares(gradient).into_scalar::<f32>(), 25.0);
/// ```
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    on_host!(sum_of_squares(tensor), [&tensor]);
    (tensor.clone() * tensor).sum()
}

/// Multiplies all values by a tensor of one value; on a CPU in place if the tensor is not shared.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let device = Device::flex();
/// let halved = finetune_ops::scale(
///     Tensor::<1>::from_data([3.0, 4.0], &device),
///     &Tensor::from_data([0.5], &device),
/// );
/// halved.into_data().assert_eq(&burn::tensor::TensorData::from([1.5f32, 2.0]), true);
/// ```
pub fn scale<const D: usize>(tensor: Tensor<D>, factor: &Tensor<1>) -> Tensor<D> {
    on_host!(scale(tensor, factor), [&tensor], [factor]);
    tensor * factor.clone().reshape([1; D])
}
