//! Root mean square normalization of rows: layer normalization without its mean.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{ROW_UNITS, address, contiguous, empty_like, row_of_unit, rows, rows_per_cube};
use super::layer_norm::{self, statistics};

#[cube(launch, address_type = "dynamic")]
fn rms_norm_kernel(
    x: &Tensor<f32>,
    gamma: &Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
    width: usize,
    epsilon: f32,
    #[comptime] slots: usize,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let row = row_of_unit();
    // The units of a row that is not there read the first one: all must come to the barriers.
    let start = select(row < count, row * width, 0);
    let (_, inverse) = statistics(x, start, width, epsilon, &mut shared, false);
    if row < count {
        let mut column = UNIT_POS_X as usize;
        while column < width {
            output[start + column] = x[start + column] * inverse * gamma[column];
            column += ROW_UNITS;
        }
    }
}

/// Normalizes `[rows, gamma]`.
pub(crate) fn forward(inputs: Vec<CubeTensor>, epsilon: f64) -> Vec<CubeTensor> {
    let [x, gamma] = contiguous(inputs);
    let [count, width] = x.meta.shape().dims();
    let output = empty_like(&x, [count, width]);
    let client = x.client.clone();
    let (cubes, dim) = rows(&client, count);
    let address = address(&[&output]);
    rms_norm_kernel::launch(
        &client,
        cubes,
        dim,
        address,
        x.into_tensor_arg(),
        gamma.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
        width,
        epsilon as f32,
        rows_per_cube(&client) * ROW_UNITS,
    );
    vec![output]
}

/// Returns the gradients of rows and gamma, from `[rows, gradient, gamma]`.
pub(crate) fn gradients(inputs: Vec<CubeTensor>, epsilon: f64) -> Vec<CubeTensor> {
    let mut gradients = layer_norm::gradients(inputs, None, epsilon, false).into_iter();
    // Rows, the same before dropout, gamma; there is no beta.
    [gradients.next(), gradients.nth(1)]
        .into_iter()
        .flatten()
        .collect()
}
