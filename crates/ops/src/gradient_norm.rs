//! Operations of gradient clipping.

use burn::tensor::Tensor;

use crate::host_steps::on_backend;

/// Returns the sum of squares, a tensor of one value.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let gradient = Tensor::<1>::from_data([3.0, 4.0], &Device::flex());
/// assert_eq!(finetune_ops::sum_of_squares(gradient).into_scalar::<f32>(), 25.0);
/// ```
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    on_backend!(sum_of_squares(tensor), [&tensor]);
    (tensor.clone() * tensor).sum()
}

/// Returns the square root of the sum of the squares of all values of several tensors, a tensor of one
/// value; `None` without tensors. On a GPU, several tensors share a kernel.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let device = Device::flex();
/// let tensors = [[3.0], [4.0]].map(|values| Tensor::<1>::from_data(values, &device));
/// let norm = finetune_ops::global_norm(tensors.into());
/// assert_eq!(norm.map(|norm| norm.into_scalar::<f32>()), Some(5.0));
/// ```
pub fn global_norm(tensors: Vec<Tensor<1>>) -> Option<Tensor<1>> {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    if !tensors.is_empty() && crate::cube::steps::takes(&tensors) {
        return Some(crate::cube::steps::sum_of_all_squares(tensors).sqrt());
    }
    let squares = tensors.into_iter().map(sum_of_squares);
    squares.reduce(|sum, square| sum + square).map(Tensor::sqrt)
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
    on_backend!(scale(tensor, factor), [&tensor], [factor]);
    tensor * factor.clone().reshape([1; D])
}
