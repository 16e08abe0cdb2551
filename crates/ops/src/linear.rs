//! The linear layer on token rows.

use burn::tensor::Tensor;

/// `rows · weight + bias`.
///
/// The weight is input-major, as in burn's `Linear` and transposed to PyTorch's. Rows are a matrix
/// on purpose: burn's product of a 3-D input with a shared weight computes the weight gradient per
/// batch entry and adds the results up.
///
/// # Shapes
/// - `rows`: `[T, input]`
/// - `weight`: `[input, output]`
/// - `bias`: `[output]`
/// - output: `[T, output]`
///
/// # Panics
/// If the shapes do not fit together.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// let device = Device::flex();
/// let y = finetune_ops::linear(
///     Tensor::from_data([[1.0, 2.0]], &device),
///     Tensor::from_data([[1.0], [10.0]], &device),
///     Some(Tensor::from_data([0.5], &device)),
/// );
/// assert_eq!(y.into_scalar::<f32>(), 21.5);
/// ```
pub fn linear(rows: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let product = rows.matmul(weight);
    match bias {
        Some(bias) => product + bias.unsqueeze(),
        None => product,
    }
}
