//! The linear layer on token rows.

use burn::tensor::Tensor;

/// `rows · weight + bias`.
///
/// The weight is input-major, as in burn's `Linear` and transposed to PyTorch's. Rows are a matrix
/// on purpose: burn's product of a 3-D input with a shared weight computes the weight gradient per
/// batch entry and adds the results up.
///
/// On flex the result of a row does not depend on the other rows, bit for bit.
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
    let product = product(rows, weight);
    match bias {
        Some(bias) => product + bias.unsqueeze(),
        None => product,
    }
}

/// Up to so many rows and columns, flex adds up long sums in parts of other lengths than above.
const FEW: usize = 64;

/// Sums of up to so many products are always added up in one go.
const SHORT: usize = 512;

/// The matrix product, whose sums flex adds up in one order whatever the number of rows: a single
/// row or column, and few rows and columns with long sums, have an order of their own there, so
/// zeros are put beside them.
fn product(rows: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let ([tokens, inputs], [_, outputs]) = (rows.dims(), weight.dims());
    let least_rows = match inputs > SHORT && outputs <= FEW {
        true => FEW + 1,
        false => 2,
    };
    if tokens >= least_rows && outputs >= 2 {
        return rows.matmul(weight);
    }
    let product = at_least(rows, 0, least_rows).matmul(at_least(weight, 1, 2));
    product.slice([0..tokens, 0..outputs])
}

/// The matrix with zeros behind it, if it is shorter than `least` along `dimension`.
fn at_least(matrix: Tensor<2>, dimension: usize, least: usize) -> Tensor<2> {
    let mut shape = matrix.dims();
    if shape[dimension] >= least {
        return matrix;
    }
    shape[dimension] = least - shape[dimension];
    let zeros = Tensor::zeros(shape, &matrix.device());
    Tensor::cat(vec![matrix, zeros], dimension)
}
