//! Forward pass in tiles of keys: one unit per query, with the query and its output in registers.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{Problem, Sizes, UNITS};
use crate::cube::dropout::{Factors, factor};
use crate::cube::launch::{address, contiguous, empty_like};

/// Width of a head whose rows fit into the registers of a unit.
pub(crate) const MAX_HEAD_WIDTH: usize = 128;

/// Place of a cube: a head of a sequence, and the query or key of this unit.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Place {
    pub(super) batch: usize,
    /// First column of the head.
    pub(super) column: usize,
    /// Number of the head among those of all sequences.
    pub(super) head: usize,
    /// Query or key within the sequence, which may lie beyond the last one.
    pub(super) index: usize,
}

#[cube]
pub(super) fn place(sizes: &Sizes, blocks: usize, #[comptime] width: usize) -> Place {
    let head = CUBE_POS / blocks;
    Place {
        batch: head / sizes.heads,
        column: (head % sizes.heads) * width,
        head,
        index: (CUBE_POS % blocks) * UNITS + UNIT_POS_X as usize,
    }
}

/// Copies rows of a head into shared memory, times a factor. The barrier after it is the caller's.
#[cube]
pub(super) fn load_tile(
    source: &Tensor<f32>,
    tile: &mut Shared<[f32]>,
    first_row: usize,
    rows: usize,
    column: usize,
    hidden: usize,
    factor: f32,
    #[comptime] width: usize,
) {
    let mut at = UNIT_POS_X as usize;
    while at < rows * width {
        let row = first_row + at / width;
        tile[at] = source[row * hidden + column + at % width] * factor;
        at += UNITS;
    }
}

/// Copies a row of a head into registers, times a factor.
#[cube]
pub(super) fn load_row(
    source: &Tensor<f32>,
    start: usize,
    factor: f32,
    #[comptime] width: usize,
) -> Array<f32> {
    let mut row = Array::<f32>::new(width);
    #[unroll]
    for column in 0..width {
        row[column] = source[start + column] * factor;
    }
    row
}

/// Product of a row in registers with one of a tile.
#[cube]
pub(super) fn dot(
    row: &Array<f32>,
    tile: &Shared<[f32]>,
    start: usize,
    #[comptime] width: usize,
) -> f32 {
    let mut sum = 0.0f32;
    #[unroll]
    for column in 0..width {
        sum += row[column] * tile[start + column];
    }
    sum
}

/// Adds a row of a tile, times a weight, to a row in registers.
#[cube]
pub(super) fn add_scaled(
    row: &mut Array<f32>,
    tile: &Shared<[f32]>,
    start: usize,
    weight: f32,
    #[comptime] width: usize,
) {
    #[unroll]
    for column in 0..width {
        row[column] += weight * tile[start + column];
    }
}

#[cube]
pub(super) fn zeros(#[comptime] width: usize) -> Array<f32> {
    let mut row = Array::<f32>::new(width);
    #[unroll]
    for column in 0..width {
        row[column] = 0.0f32;
    }
    row
}

/// Writes a row in registers, times a factor.
#[cube]
pub(super) fn store_row(
    row: &Array<f32>,
    target: &mut Tensor<f32>,
    start: usize,
    factor: f32,
    #[comptime] width: usize,
) {
    #[unroll]
    for column in 0..width {
        target[start + column] = row[column] * factor;
    }
}

#[cube(launch, address_type = "dynamic")]
fn forward_kernel(
    query: &Tensor<f32>,
    key: &Tensor<f32>,
    value: &Tensor<f32>,
    bias: &Tensor<f32>,
    output: &mut Tensor<f32>,
    statistics: &mut Tensor<f32>,
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
    let row = place.batch * sizes.queries + select(there, place.index, 0);
    let query = load_row(query, row * hidden + place.column, sizes.scale, width);
    let position = ((place.head * sizes.queries + place.index) * sizes.sequence) as u32;

    let mut keys = Shared::<[f32]>::new_slice(tile * width);
    let mut values = Shared::<[f32]>::new_slice(tile * width);
    let mut sum = zeros(width);
    let mut largest = f32::min_value();
    let mut total = 0.0f32;
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
            if score > largest {
                let kept = (largest - score).exp();
                total *= kept;
                #[unroll]
                for column in 0..width {
                    sum[column] *= kept;
                }
                largest = score;
            }
            let exponential = (score - largest).exp();
            total += exponential;
            let weight = exponential * factor(&factors, position + (first + index) as u32);
            add_scaled(&mut sum, &values, index * width, weight, width);
        }
        first += tile;
    }
    if there {
        let inverse = 1.0f32 / total;
        store_row(&sum, output, row * hidden + place.column, inverse, width);
        let at = (place.head * sizes.queries + place.index) * 2;
        statistics[at] = largest;
        statistics[at + 1] = inverse;
    }
}

/// Returns the output of `[query, key, value, additive mask]`, and of each query the largest score
/// and the reciprocal sum of exponentials.
pub(super) fn launch(inputs: Vec<CubeTensor>, problem: Problem) -> Vec<CubeTensor> {
    let [query, key, value, bias] = contiguous(inputs);
    let output = empty_like(&query, query.meta.shape().clone());
    let count = problem.batch * problem.heads * problem.queries;
    let statistics = empty_like(&query, [count, 2]);
    let client = query.client.clone();
    let (cubes, blocks) = problem.cubes(&client, problem.queries);
    let address = address(&[&query, &key]);
    forward_kernel::launch(
        &client,
        cubes,
        CubeDim::new_1d(UNITS as u32),
        address,
        query.into_tensor_arg(),
        key.into_tensor_arg(),
        value.into_tensor_arg(),
        bias.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        statistics.clone().into_tensor_arg(),
        problem.sizes(),
        blocks,
        problem.mask(),
        problem.head_width,
        problem.tile(),
    );
    vec![output, statistics]
}
