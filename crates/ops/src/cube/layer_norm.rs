//! Layer normalization of rows, alone and after dropout and residual, with their backward passes.
//!
//! A row is read by [`ROW_UNITS`] units, column by column. The gradients of gamma and beta are sums
//! over all rows: of chunks of rows first, then over the chunks, so their order is fixed.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::dropout::{Factors, factor, factors};
use super::launch::{
    ROW_UNITS, address, contiguous, empty_like, row_of_unit, rows, rows_per_cube, sum_over_row,
    values,
};
use crate::dropout::Dropout;

/// Mean and reciprocal standard deviation of a row that starts at a position; if it is not centered,
/// 0 and the reciprocal root mean square.
#[cube]
pub(super) fn statistics(
    x: &Tensor<f32>,
    start: usize,
    width: usize,
    epsilon: f32,
    shared: &mut Shared<[f32]>,
    #[comptime] centered: bool,
) -> (f32, f32) {
    let mut mean = 0.0f32;
    if centered {
        let mut sum = 0.0f32;
        let mut column = UNIT_POS_X as usize;
        while column < width {
            sum += x[start + column];
            column += ROW_UNITS;
        }
        mean = sum_over_row(sum, shared) / f32::cast_from(width);
    }
    let mut squares = 0.0f32;
    let mut column = UNIT_POS_X as usize;
    while column < width {
        let centered = x[start + column] - mean;
        squares += centered * centered;
        column += ROW_UNITS;
    }
    let variance = sum_over_row(squares, shared) / f32::cast_from(width);
    (mean, 1.0f32 / (variance + epsilon).sqrt())
}

#[cube(launch, address_type = "dynamic")]
fn layer_norm_kernel(
    x: &Tensor<f32>,
    gamma: &Tensor<f32>,
    beta: &Tensor<f32>,
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
    let (mean, inverse) = statistics(x, start, width, epsilon, &mut shared, true);
    if row < count {
        let mut column = UNIT_POS_X as usize;
        while column < width {
            let normalized = (x[start + column] - mean) * inverse;
            output[start + column] = normalized * gamma[column] + beta[column];
            column += ROW_UNITS;
        }
    }
}

#[cube(launch, address_type = "dynamic")]
fn residual_kernel(
    rows: &Tensor<f32>,
    residual: &Tensor<f32>,
    gamma: &Tensor<f32>,
    beta: &Tensor<f32>,
    sum: &mut Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
    width: usize,
    epsilon: f32,
    factors: Factors,
    #[comptime] slots: usize,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let row = row_of_unit();
    let start = select(row < count, row * width, 0);
    if row < count {
        let mut column = UNIT_POS_X as usize;
        while column < width {
            let at = start + column;
            sum[at] = residual[at] + rows[at] * factor(&factors, at as u32);
            column += ROW_UNITS;
        }
    }
    let (mean, inverse) = statistics(&*sum, start, width, epsilon, &mut shared, true);
    if row < count {
        let mut column = UNIT_POS_X as usize;
        while column < width {
            let normalized = (sum[start + column] - mean) * inverse;
            output[start + column] = normalized * gamma[column] + beta[column];
            column += ROW_UNITS;
        }
    }
}

#[cube(launch, address_type = "dynamic")]
fn gradient_kernel(
    x: &Tensor<f32>,
    gradient: &Tensor<f32>,
    gamma: &Tensor<f32>,
    of_sum: &mut Tensor<f32>,
    of_rows: &mut Tensor<f32>,
    moments: &mut Tensor<f32>,
    count: usize,
    width: usize,
    epsilon: f32,
    factors: Factors,
    #[comptime] centered: bool,
    #[comptime] dropped: bool,
    #[comptime] slots: usize,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let row = row_of_unit();
    let start = select(row < count, row * width, 0);
    let (mean, inverse) = statistics(x, start, width, epsilon, &mut shared, centered);
    let mut sum = 0.0f32;
    let mut along = 0.0f32;
    let mut column = UNIT_POS_X as usize;
    while column < width {
        let slope = gradient[start + column] * gamma[column];
        sum += slope;
        along += slope * (x[start + column] - mean) * inverse;
        column += ROW_UNITS;
    }
    let mut shared_slope = 0.0f32;
    if centered {
        shared_slope = sum_over_row(sum, &mut shared) / f32::cast_from(width);
    }
    let along = sum_over_row(along, &mut shared) / f32::cast_from(width);
    if row < count {
        let mut column = UNIT_POS_X as usize;
        while column < width {
            let at = start + column;
            let slope = gradient[at] * gamma[column];
            let normalized = (x[at] - mean) * inverse;
            let value = (slope - shared_slope - normalized * along) * inverse;
            of_sum[at] = value;
            if dropped {
                of_rows[at] = value * factor(&factors, at as u32);
            }
            column += ROW_UNITS;
        }
        if UNIT_POS_X == 0 {
            moments[row * 2] = mean;
            moments[row * 2 + 1] = inverse;
        }
    }
}

/// Sums for gamma and beta over a chunk of rows: one unit per chunk and column.
#[cube(launch, address_type = "dynamic")]
fn chunk_sums_kernel(
    x: &Tensor<f32>,
    gradient: &Tensor<f32>,
    moments: &Tensor<f32>,
    sums: &mut Tensor<f32>,
    count: usize,
    width: usize,
    chunk: usize,
    chunks: usize,
) {
    if ABSOLUTE_POS >= chunks * width {
        terminate!();
    }
    let index = ABSOLUTE_POS / width;
    let column = ABSOLUTE_POS % width;
    let mut of_gamma = 0.0f32;
    let mut of_beta = 0.0f32;
    let end = min((index + 1) * chunk, count);
    for row in index * chunk..end {
        let slope = gradient[row * width + column];
        of_gamma += slope * (x[row * width + column] - moments[row * 2]) * moments[row * 2 + 1];
        of_beta += slope;
    }
    sums[index * 2 * width + column] = of_gamma;
    sums[(index * 2 + 1) * width + column] = of_beta;
}

/// Adds the chunks of [`chunk_sums_kernel`].
#[cube(launch, address_type = "dynamic")]
fn sum_chunks_kernel(
    sums: &Tensor<f32>,
    of_gamma: &mut Tensor<f32>,
    of_beta: &mut Tensor<f32>,
    width: usize,
    chunks: usize,
) {
    let column = ABSOLUTE_POS;
    if column >= width {
        terminate!();
    }
    let mut gamma = 0.0f32;
    let mut beta = 0.0f32;
    for index in 0..chunks {
        gamma += sums[index * 2 * width + column];
        beta += sums[(index * 2 + 1) * width + column];
    }
    of_gamma[column] = gamma;
    of_beta[column] = beta;
}

fn dims(tensor: &CubeTensor) -> [usize; 2] {
    tensor.meta.shape().dims()
}

/// Normalizes `[rows, gamma, beta]`.
pub(crate) fn forward(inputs: Vec<CubeTensor>, epsilon: f64) -> Vec<CubeTensor> {
    let [x, gamma, beta] = contiguous(inputs);
    let [count, width] = dims(&x);
    let output = empty_like(&x, [count, width]);
    let client = x.client.clone();
    let (cubes, dim) = rows(&client, count);
    let address = address(&[&output]);
    layer_norm_kernel::launch(
        &client,
        cubes,
        dim,
        address,
        x.into_tensor_arg(),
        gamma.into_tensor_arg(),
        beta.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
        width,
        epsilon as f32,
        rows_per_cube(&client) * ROW_UNITS,
    );
    vec![output]
}

/// Normalizes the sum of residual and dropped rows, of `[rows, residual, gamma, beta]`: returns the
/// output and the sum.
pub(crate) fn residual_forward(
    inputs: Vec<CubeTensor>,
    dropout: Option<Dropout>,
    epsilon: f64,
) -> Vec<CubeTensor> {
    let [x, residual, gamma, beta] = contiguous(inputs);
    let [count, width] = dims(&x);
    let [sum, output] = [(); 2].map(|()| empty_like(&x, [count, width]));
    let client = x.client.clone();
    let (cubes, dim) = rows(&client, count);
    let address = address(&[&output]);
    residual_kernel::launch(
        &client,
        cubes,
        dim,
        address,
        x.into_tensor_arg(),
        residual.into_tensor_arg(),
        gamma.into_tensor_arg(),
        beta.into_tensor_arg(),
        sum.clone().into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
        width,
        epsilon as f32,
        factors(dropout),
        rows_per_cube(&client) * ROW_UNITS,
    );
    vec![output, sum]
}

/// Rows that one unit adds up.
const CHUNK: usize = 64;

/// Returns the gradients of the normalized sum, of the rows before dropout (the same without
/// dropout), of gamma and of beta, from `[sum, gradient, gamma]`. Rows that are not centered are those
/// of root mean square normalization.
pub(crate) fn gradients(
    inputs: Vec<CubeTensor>,
    dropout: Option<Dropout>,
    epsilon: f64,
    centered: bool,
) -> Vec<CubeTensor> {
    let [x, gradient, gamma] = contiguous(inputs);
    let [count, width] = dims(&x);
    let client = x.client.clone();
    let of_sum = empty_like(&x, [count, width]);
    // A kernel may not have two outputs in the same memory.
    let of_rows = match dropout {
        Some(_) => empty_like(&x, [count, width]),
        None => empty_like(&x, [1]),
    };
    let moments = empty_like(&x, [count, 2]);
    let indices = address(&[&of_sum]);
    let (cubes, dim) = rows(&client, count);
    gradient_kernel::launch(
        &client,
        cubes,
        dim,
        indices,
        x.clone().into_tensor_arg(),
        gradient.clone().into_tensor_arg(),
        gamma.into_tensor_arg(),
        of_sum.clone().into_tensor_arg(),
        of_rows.clone().into_tensor_arg(),
        moments.clone().into_tensor_arg(),
        count,
        width,
        epsilon as f32,
        factors(dropout),
        centered,
        dropout.is_some(),
        rows_per_cube(&client) * ROW_UNITS,
    );
    let chunks = count.div_ceil(CHUNK);
    let sums = empty_like(&x, [chunks, 2, width]);
    let (cubes, dim) = values(&client, chunks * width);
    chunk_sums_kernel::launch(
        &client,
        cubes,
        dim,
        indices,
        x.clone().into_tensor_arg(),
        gradient.into_tensor_arg(),
        moments.into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        count,
        width,
        CHUNK,
        chunks,
    );
    let [of_gamma, of_beta] = [(); 2].map(|()| empty_like(&x, [width]));
    let (cubes, dim) = values(&client, width);
    sum_chunks_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&sums]),
        sums.into_tensor_arg(),
        of_gamma.clone().into_tensor_arg(),
        of_beta.clone().into_tensor_arg(),
        width,
        chunks,
    );
    let of_rows = match dropout {
        Some(_) => of_rows,
        None => of_sum.clone(),
    };
    vec![of_sum, of_rows, of_gamma, of_beta]
}
