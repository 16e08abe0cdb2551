//! Softmax of scores with key mask and dropout, in one pass over them; the backward pass recomputes
//! it.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{Problem, Sizes};
use crate::cube::dropout::{Factors, factor};
use crate::cube::launch::{
    ROW_UNITS, address, contiguous, empty_like, max_over_row, row_of_unit, rows, rows_per_cube,
    sum_over_row,
};

/// Largest masked score of a row, and the reciprocal sum of the exponentials less it.
#[cube]
fn statistics(
    scores: &Tensor<f32>,
    bias: &Tensor<f32>,
    start: usize,
    bias_start: usize,
    sequence: usize,
    shared: &mut Shared<[f32]>,
) -> (f32, f32) {
    let mut largest = f32::min_value();
    let mut key = UNIT_POS_X as usize;
    while key < sequence {
        largest = max(largest, scores[start + key] + bias[bias_start + key]);
        key += ROW_UNITS;
    }
    let largest = max_over_row(largest, shared);
    let mut sum = 0.0f32;
    let mut key = UNIT_POS_X as usize;
    while key < sequence {
        sum += (scores[start + key] + bias[bias_start + key] - largest).exp();
        key += ROW_UNITS;
    }
    (largest, 1.0f32 / sum_over_row(sum, shared))
}

#[cube(launch, address_type = "dynamic")]
fn forward_kernel(
    scores: &Tensor<f32>,
    bias: &Tensor<f32>,
    dropped: &mut Tensor<f32>,
    sizes: Sizes,
    factors: Factors,
    #[comptime] slots: usize,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let count = sizes.batch * sizes.heads * sizes.queries;
    let row = row_of_unit();
    let there = row < count;
    let row = select(there, row, 0);
    let start = row * sizes.sequence;
    let bias_start = row / (sizes.heads * sizes.queries) * sizes.sequence;
    let (largest, inverse) =
        statistics(scores, bias, start, bias_start, sizes.sequence, &mut shared);
    if there {
        let mut key = UNIT_POS_X as usize;
        while key < sizes.sequence {
            let at = start + key;
            let exponential = (scores[at] + bias[bias_start + key] - largest).exp();
            dropped[at] = exponential * inverse * factor(&factors, at as u32);
            key += ROW_UNITS;
        }
    }
}

#[cube(launch, address_type = "dynamic")]
fn gradient_kernel(
    scores: &Tensor<f32>,
    of_dropped: &Tensor<f32>,
    bias: &Tensor<f32>,
    dropped: &mut Tensor<f32>,
    of_scores: &mut Tensor<f32>,
    sizes: Sizes,
    factors: Factors,
    #[comptime] slots: usize,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let count = sizes.batch * sizes.heads * sizes.queries;
    let row = row_of_unit();
    let there = row < count;
    let row = select(there, row, 0);
    let start = row * sizes.sequence;
    let bias_start = row / (sizes.heads * sizes.queries) * sizes.sequence;
    let (largest, inverse) =
        statistics(scores, bias, start, bias_start, sizes.sequence, &mut shared);
    let mut along = 0.0f32;
    let mut key = UNIT_POS_X as usize;
    while key < sizes.sequence {
        let at = start + key;
        let exponential = (scores[at] + bias[bias_start + key] - largest).exp();
        let kept = exponential * inverse * factor(&factors, at as u32);
        along += kept * of_dropped[at];
        key += ROW_UNITS;
    }
    let along = sum_over_row(along, &mut shared);
    if there {
        let mut key = UNIT_POS_X as usize;
        while key < sizes.sequence {
            let at = start + key;
            let exponential = (scores[at] + bias[bias_start + key] - largest).exp();
            let probability = exponential * inverse;
            let factor = factor(&factors, at as u32);
            dropped[at] = probability * factor;
            of_scores[at] = probability * (of_dropped[at] * factor - along) * sizes.scale;
            key += ROW_UNITS;
        }
    }
}

/// Returns the dropped probabilities of `[scores, additive mask]`.
pub(super) fn forward(inputs: Vec<CubeTensor>, problem: Problem) -> Vec<CubeTensor> {
    let [scores, bias] = contiguous(inputs);
    let dropped = empty_like(&scores, scores.meta.shape().clone());
    let client = scores.client.clone();
    let (cubes, dim) = rows(&client, problem.batch * problem.heads * problem.queries);
    forward_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&dropped]),
        scores.into_tensor_arg(),
        bias.into_tensor_arg(),
        dropped.clone().into_tensor_arg(),
        problem.sizes(),
        problem.mask(),
        rows_per_cube(&client) * ROW_UNITS,
    );
    vec![dropped]
}

/// Returns the dropped probabilities and the gradient of the scores before their scale, from
/// `[scores, gradient of the dropped probabilities, additive mask]`.
pub(super) fn gradient(inputs: Vec<CubeTensor>, problem: Problem) -> Vec<CubeTensor> {
    let [scores, of_dropped, bias] = contiguous(inputs);
    let shape = scores.meta.shape().clone();
    let [dropped, of_scores] = [(); 2].map(|()| empty_like(&scores, shape.clone()));
    let client = scores.client.clone();
    let (cubes, dim) = rows(&client, problem.batch * problem.heads * problem.queries);
    gradient_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&dropped]),
        scores.into_tensor_arg(),
        of_dropped.into_tensor_arg(),
        bias.into_tensor_arg(),
        dropped.clone().into_tensor_arg(),
        of_scores.clone().into_tensor_arg(),
        problem.sizes(),
        problem.mask(),
        rows_per_cube(&client) * ROW_UNITS,
    );
    vec![dropped, of_scores]
}
