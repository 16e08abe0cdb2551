//! Backward pass in tiles: a kernel for the gradients of queries and one for those of keys or
//! values, which recompute the probabilities. No sum is shared between units, so no order can change.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::forward::{add_scaled, dot, load_row, load_tile, place, store_row, zeros};
use super::{Problem, Sizes, UNITS};
use crate::cube::dropout::{Factors, factor};
use crate::cube::launch::{address, contiguous, empty_like, values};

/// Values per query: largest score, reciprocal sum, and the product of output and gradient, which
/// is the mean of the gradient of its probabilities.
const STATISTICS: usize = 3;

#[cube(launch, address_type = "dynamic")]
fn statistics_kernel(
    statistics: &Tensor<f32>,
    output: &Tensor<f32>,
    gradient: &Tensor<f32>,
    complete: &mut Tensor<f32>,
    sizes: Sizes,
    #[comptime] width: usize,
) {
    let index = ABSOLUTE_POS;
    if index >= sizes.batch * sizes.heads * sizes.queries {
        terminate!();
    }
    let query = index % sizes.queries;
    let head = (index / sizes.queries) % sizes.heads;
    let batch = index / sizes.queries / sizes.heads;
    let row = batch * sizes.queries + query;
    let start = row * sizes.heads * width + head * width;
    let mut along = 0.0f32;
    for column in 0..width {
        along += output[start + column] * gradient[start + column];
    }
    complete[index * STATISTICS] = statistics[index * 2];
    complete[index * STATISTICS + 1] = statistics[index * 2 + 1];
    complete[index * STATISTICS + 2] = along;
}

#[cube(launch, address_type = "dynamic")]
fn query_kernel(
    query: &Tensor<f32>,
    key: &Tensor<f32>,
    value: &Tensor<f32>,
    bias: &Tensor<f32>,
    statistics: &Tensor<f32>,
    gradient: &Tensor<f32>,
    of_query: &mut Tensor<f32>,
    sizes: Sizes,
    blocks: usize,
    factors: Factors,
    #[comptime] width: usize,
    #[comptime] tile: usize,
) {
    let place = place(&sizes, blocks, width);
    if place.batch >= sizes.batch {
        terminate!();
    }
    let hidden = sizes.heads * width;
    let there = place.index < sizes.queries;
    let index = select(there, place.index, 0);
    let start = (place.batch * sizes.queries + index) * hidden + place.column;
    let query = load_row(query, start, sizes.scale, width);
    let gradient = load_row(gradient, start, 1.0f32, width);
    let at = place.head * sizes.queries + index;
    let largest = statistics[at * STATISTICS];
    let inverse = statistics[at * STATISTICS + 1];
    let along = statistics[at * STATISTICS + 2];
    let position = (at * sizes.sequence) as u32;

    let mut keys = Shared::<[f32]>::new_slice(tile * width);
    let mut values = Shared::<[f32]>::new_slice(tile * width);
    let mut sum = zeros(width);
    let mut first = 0usize;
    while first < sizes.sequence {
        let rows = min(tile, sizes.sequence - first);
        let first_row = place.batch * sizes.sequence + first;
        sync_cube();
        load_tile(
            key,
            &mut keys,
            first_row,
            rows,
            place.column,
            hidden,
            1.0f32,
            width,
        );
        load_tile(
            value,
            &mut values,
            first_row,
            rows,
            place.column,
            hidden,
            1.0f32,
            width,
        );
        sync_cube();
        for index in 0..rows {
            let score = dot(&query, &keys, index * width, width) + bias[first_row + index];
            let probability = (score - largest).exp() * inverse;
            let of_probability = dot(&gradient, &values, index * width, width)
                * factor(&factors, position + (first + index) as u32);
            let of_score = probability * (of_probability - along);
            add_scaled(&mut sum, &keys, index * width, of_score, width);
        }
        first += tile;
    }
    if there {
        store_row(&sum, of_query, start, sizes.scale, width);
    }
}

/// The gradient of the keys or of the values: one unit per key, over tiles of queries.
#[cube(launch, address_type = "dynamic")]
fn key_or_value_kernel(
    query: &Tensor<f32>,
    key: &Tensor<f32>,
    value: &Tensor<f32>,
    bias: &Tensor<f32>,
    statistics: &Tensor<f32>,
    gradient: &Tensor<f32>,
    output: &mut Tensor<f32>,
    sizes: Sizes,
    blocks: usize,
    factors: Factors,
    #[comptime] width: usize,
    #[comptime] tile: usize,
    #[comptime] of_keys: bool,
) {
    let place = place(&sizes, blocks, width);
    if place.batch >= sizes.batch {
        terminate!();
    }
    let hidden = sizes.heads * width;
    let there = place.index < sizes.sequence;
    let index = select(there, place.index, 0);
    let row = place.batch * sizes.sequence + index;
    let key = load_row(key, row * hidden + place.column, 1.0f32, width);
    let value = load_row(value, row * hidden + place.column, 1.0f32, width);
    let bias = bias[row];

    let mut queries = Shared::<[f32]>::new_slice(tile * width);
    let mut gradients = Shared::<[f32]>::new_slice(tile * width);
    let mut sum = zeros(width);
    let mut first = 0usize;
    while first < sizes.queries {
        let rows = min(tile, sizes.queries - first);
        let first_row = place.batch * sizes.queries + first;
        sync_cube();
        load_tile(
            query,
            &mut queries,
            first_row,
            rows,
            place.column,
            hidden,
            sizes.scale,
            width,
        );
        load_tile(
            gradient,
            &mut gradients,
            first_row,
            rows,
            place.column,
            hidden,
            1.0f32,
            width,
        );
        sync_cube();
        for other in 0..rows {
            let at = place.head * sizes.queries + first + other;
            let score = dot(&key, &queries, other * width, width) + bias;
            let largest = statistics[at * STATISTICS];
            let probability = (score - largest).exp() * statistics[at * STATISTICS + 1];
            let position = (at * sizes.sequence + index) as u32;
            let kept = factor(&factors, position);
            if of_keys {
                let of_probability = dot(&value, &gradients, other * width, width) * kept;
                let of_score = probability * (of_probability - statistics[at * STATISTICS + 2]);
                add_scaled(&mut sum, &queries, other * width, of_score, width);
            } else {
                add_scaled(
                    &mut sum,
                    &gradients,
                    other * width,
                    probability * kept,
                    width,
                );
            }
        }
        first += tile;
    }
    if there {
        store_row(&sum, output, row * hidden + place.column, 1.0f32, width);
    }
}

/// Returns the gradients of query, key and value, from `[query, key, value, additive mask,
/// statistics, output, gradient]`.
pub(super) fn launch(inputs: Vec<CubeTensor>, problem: Problem) -> Vec<CubeTensor> {
    let [query, key, value, bias, statistics, output, gradient] = contiguous(inputs);
    let client = query.client.clone();
    let address = address(&[&query, &key]);
    let dim = CubeDim::new_1d(UNITS as u32);
    let (width, tile) = (problem.head_width, problem.tile());

    let count = problem.batch * problem.heads * problem.queries;
    let complete = empty_like(&query, [count, STATISTICS]);
    let (cubes, dim_of_values) = values(&client, count);
    statistics_kernel::launch(
        &client,
        cubes,
        dim_of_values,
        address,
        statistics.into_tensor_arg(),
        output.into_tensor_arg(),
        gradient.clone().into_tensor_arg(),
        complete.clone().into_tensor_arg(),
        problem.sizes(),
        width,
    );
    let like = |tensor: &CubeTensor| empty_like(tensor, tensor.meta.shape().clone());
    let (of_query, of_key, of_value) = (like(&query), like(&key), like(&value));
    let (cubes, blocks) = problem.cubes(&client, problem.queries);
    query_kernel::launch(
        &client,
        cubes,
        dim,
        address,
        query.clone().into_tensor_arg(),
        key.clone().into_tensor_arg(),
        value.clone().into_tensor_arg(),
        bias.clone().into_tensor_arg(),
        complete.clone().into_tensor_arg(),
        gradient.clone().into_tensor_arg(),
        of_query.clone().into_tensor_arg(),
        problem.sizes(),
        blocks,
        problem.mask(),
        width,
        tile,
    );
    let (cubes, blocks) = problem.cubes(&client, problem.sequence);
    for (output, of_keys) in [(&of_key, true), (&of_value, false)] {
        key_or_value_kernel::launch(
            &client,
            cubes.clone(),
            dim,
            address,
            query.clone().into_tensor_arg(),
            key.clone().into_tensor_arg(),
            value.clone().into_tensor_arg(),
            bias.clone().into_tensor_arg(),
            complete.clone().into_tensor_arg(),
            gradient.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            problem.sizes(),
            blocks,
            problem.mask(),
            width,
            tile,
            of_keys,
        );
    }
    vec![of_query, of_key, of_value]
}
