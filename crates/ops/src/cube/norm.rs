//! Sum of the squares of several tensors, and scaling by a factor on the device.
//!
//! A chunk of values is added up by [`ROW_UNITS`] units; the sums of all chunks of all tensors are
//! added up at the end. Several tensors share a launch.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{
    ROW_UNITS, address, contiguous, empty_like, row_of_unit, rows, rows_per_cube, sum_over_row,
    total, values,
};

/// Values that [`ROW_UNITS`] units add up.
const CHUNK: usize = 4096;

/// Tensors per launch: a kernel may have 8 buffers on any adapter, and one is that of the sums.
const GROUP: usize = 6;

#[cube(launch, address_type = "dynamic")]
fn squares_kernel(
    tensors: Sequence<OwnedTensor<f32>>,
    chunks: Sequence<usize>,
    sums: &mut Tensor<f32>,
    offset: usize,
    #[comptime] chunk: usize,
    #[comptime] slots: usize,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let index = row_of_unit();
    let mut sum = 0.0f32;
    let mut first = 0usize;
    #[unroll]
    for number in 0..tensors.len().comptime() {
        let end = first + chunks[number];
        if index >= first && index < end {
            let length = tensors[number].len();
            let mut at = (index - first) * chunk + UNIT_POS_X as usize;
            let last = min((index - first + 1) * chunk, length);
            while at < last {
                let value = tensors[number][at];
                sum += value * value;
                at += ROW_UNITS;
            }
        }
        first = end;
    }
    let sum = sum_over_row(sum, &mut shared);
    if index < first {
        if UNIT_POS_X == 0 {
            sums[offset + index] = sum;
        }
    }
}

/// Returns the sum of the squares of all values.
pub(super) fn sum_of_squares(inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
    let inputs: Vec<CubeTensor> = inputs
        .into_iter()
        .map(burn_cubecl::kernel::into_contiguous)
        .collect();
    let chunks = |tensor: &CubeTensor| tensor.meta.num_elements().div_ceil(CHUNK);
    let count: usize = inputs.iter().map(chunks).sum();
    let Some(first) = inputs.first() else {
        return Vec::new();
    };
    let client = first.client.clone();
    let (sums, sum) = (empty_like(first, [count]), empty_like(first, [1]));
    let mut offset = 0;
    for group in inputs.chunks(GROUP) {
        let of_group: usize = group.iter().map(chunks).sum();
        let (cubes, dim) = rows(&client, of_group);
        let tensors: Vec<&CubeTensor> = group.iter().collect();
        squares_kernel::launch(
            &client,
            cubes,
            dim,
            address(&tensors),
            group
                .iter()
                .map(|tensor| tensor.clone().into_tensor_arg())
                .collect(),
            group.iter().map(chunks).collect(),
            sums.clone().into_tensor_arg(),
            offset,
            CHUNK,
            rows_per_cube(&client) * ROW_UNITS,
        );
        offset += of_group;
    }
    total(&client, sums, &sum, count, 1.0);
    vec![sum]
}

#[cube(launch, address_type = "dynamic")]
fn scale_kernel(x: &Tensor<f32>, factor: &Tensor<f32>, output: &mut Tensor<f32>, count: usize) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    output[ABSOLUTE_POS] = x[ABSOLUTE_POS] * factor[0];
}

/// Multiplies `[x, factor]`.
pub(super) fn scale(inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
    let [x, factor] = contiguous(inputs);
    let output = empty_like(&x, x.meta.shape().clone());
    let count = output.meta.num_elements();
    let client = x.client.clone();
    let (cubes, dim) = values(&client, count);
    scale_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&output]),
        x.into_tensor_arg(),
        factor.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
    );
    vec![output]
}
