//! Attention that keeps no tensor of `[B, H, Q, S]` for the backward pass.
//!
//! In f32, it is computed in tiles of keys with an online softmax, as in [Dao et al.
//! 2022](https://arxiv.org/abs/2205.14135): nothing of that size exists. In half precision, the
//! products are burn's, which may use tensor cores; the scores exist while one layer is computed,
//! and are recomputed in the backward pass.

mod backward;
mod forward;
mod softmax;

use burn::backend::TensorMetadata;
use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::dropout::factors;
use super::queue::Queue;
use crate::attention::{Inputs, Layout, Settings};
use crate::linear::product;
use crate::precision::Precision;
use forward::MAX_HEAD_WIDTH;

/// Units of a cube, one per query or key.
const UNITS: usize = 64;
/// Values of a tile of keys or queries in the memory that a cube shares.
const TILE_VALUES: usize = 2048;

/// Sizes of a problem as arguments of kernels.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Sizes {
    batch: usize,
    queries: usize,
    sequence: usize,
    heads: usize,
    /// Factor of the scores.
    scale: f32,
}

/// Sizes of a problem, and its dropout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem {
    batch: usize,
    queries: usize,
    sequence: usize,
    heads: usize,
    head_width: usize,
    settings: Settings,
}

impl Problem {
    fn new(query: &Shape, additive_key_mask: &Shape, settings: Settings) -> Self {
        let [batch, sequence] = additive_key_mask.dims();
        let [rows, hidden] = query.dims();
        Self {
            batch,
            queries: rows / batch,
            sequence,
            heads: settings.heads,
            head_width: hidden / settings.heads,
            settings,
        }
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_width as f32).sqrt()
    }

    fn sizes(&self) -> SizesLaunch {
        SizesLaunch::new(
            self.batch,
            self.queries,
            self.sequence,
            self.heads,
            self.scale(),
        )
    }

    fn mask(&self) -> super::dropout::FactorsLaunch {
        factors(self.settings.dropout)
    }

    /// Rows of keys or queries in a tile.
    fn tile(&self) -> usize {
        (TILE_VALUES / self.head_width).clamp(1, UNITS)
    }

    /// Cubes of [`UNITS`] units for each head of a sequence, and how many of them there are for one.
    fn cubes(&self, client: &cubecl::client::Client, per_head: usize) -> (CubeCount, usize) {
        let blocks = per_head.div_ceil(UNITS);
        let units = self.batch * self.heads * blocks * UNITS;
        let dim = CubeDim::new_1d(UNITS as u32);
        (
            cubecl::calculate_cube_count_elemwise(client, units, dim),
            blocks,
        )
    }
}

/// Whether there are kernels for these inputs.
pub(crate) fn takes<Q: Queue>(inputs: &Inputs<Q::Tensor>, settings: Settings) -> bool {
    let head_width = inputs.query.shape()[1] / settings.heads;
    super::takes::<Q>(inputs.tensors())
        && settings.window.is_none()
        && (settings.precision != Precision::F32 || head_width <= MAX_HEAD_WIDTH)
}

/// Returns the output, and what the backward pass needs apart from the inputs.
pub(crate) fn forward<Q: Queue>(
    inputs: Inputs<Q::Tensor>,
    settings: Settings,
) -> (Q::Tensor, Vec<Q::Tensor>) {
    let problem = Problem::new(
        &inputs.query.shape(),
        &inputs.additive_key_mask.shape(),
        settings,
    );
    if settings.precision != Precision::F32 {
        return (products_forward::<Q>(inputs, problem), Vec::new());
    }
    let output = inputs.query.shape();
    let statistics = Shape::from([problem.batch * problem.heads * problem.queries, 2]);
    let results = Q::call(
        "attention",
        inputs.into_tensors().into(),
        vec![output, statistics],
        move |inputs| forward::launch(inputs, problem),
    );
    let [output, statistics] = super::exactly(results);
    (output.clone(), vec![output, statistics])
}

/// Returns the gradients of query, key and value.
pub(crate) fn gradients<Q: Queue>(
    inputs: Inputs<Q::Tensor>,
    left: Vec<Q::Tensor>,
    settings: Settings,
    gradient: Q::Tensor,
) -> [Option<Q::Tensor>; 3] {
    let problem = Problem::new(
        &inputs.query.shape(),
        &inputs.additive_key_mask.shape(),
        settings,
    );
    if settings.precision != Precision::F32 {
        return products_gradients::<Q>(inputs, problem, gradient).map(Some);
    }
    let shapes = [&inputs.query, &inputs.key, &inputs.value].map(TensorMetadata::shape);
    let [output, statistics] = super::exactly(left);
    let mut tensors = Vec::from(inputs.into_tensors());
    tensors.extend([statistics, output, gradient]);
    let results = Q::call(
        "attention_gradients",
        tensors,
        shapes.to_vec(),
        move |inputs| backward::launch(inputs, problem),
    );
    super::exactly::<_, 3>(results).map(Some)
}

/// Scores of all queries before the mask, `[B, H, Q, S]`.
fn scores<Q: Queue>(inputs: &Inputs<Q::Tensor>, layout: Layout, precision: Precision) -> Q::Tensor {
    let query = Q::float_mul_scalar(inputs.query.clone(), layout.scale().into());
    let query = layout.split::<Q>(query);
    let keys = Q::float_swap_dims(layout.split::<Q>(inputs.key.clone()), 2, 3);
    product::<Q>(query, keys, precision)
}

fn products_forward<Q: Queue>(inputs: Inputs<Q::Tensor>, problem: Problem) -> Q::Tensor {
    let settings = problem.settings;
    let layout = Layout::new::<Q>(&inputs.query, &inputs.additive_key_mask, settings.heads);
    let scores = scores::<Q>(&inputs, layout, settings.precision);
    let shape = scores.shape();
    let results = Q::call(
        "attention_softmax",
        vec![scores, inputs.additive_key_mask],
        vec![shape],
        move |inputs| softmax::forward(inputs, problem),
    );
    let [dropped] = super::exactly(results);
    let values = layout.split::<Q>(inputs.value);
    layout.join::<Q>(product::<Q>(dropped, values, settings.precision))
}

fn products_gradients<Q: Queue>(
    inputs: Inputs<Q::Tensor>,
    problem: Problem,
    gradient: Q::Tensor,
) -> [Q::Tensor; 3] {
    let settings = problem.settings;
    let layout = Layout::new::<Q>(&inputs.query, &inputs.additive_key_mask, settings.heads);
    let scores = scores::<Q>(&inputs, layout, settings.precision);
    let gradient = layout.split::<Q>(gradient);
    let values = Q::float_swap_dims(layout.split::<Q>(inputs.value), 2, 3);
    let of_dropped = product::<Q>(gradient.clone(), values, settings.precision);
    let shape = scores.shape();
    let results = Q::call(
        "attention_softmax_gradient",
        vec![scores, of_dropped, inputs.additive_key_mask],
        vec![shape.clone(), shape],
        move |inputs| softmax::gradient(inputs, problem),
    );
    let [dropped, of_scores] = super::exactly(results);
    let transposed = |tensor| Q::float_swap_dims(tensor, 2, 3);
    let of_value = product::<Q>(transposed(dropped), gradient, settings.precision);
    let keys = layout.split::<Q>(inputs.key);
    let of_query = product::<Q>(of_scores.clone(), keys, settings.precision);
    let queries = layout.split::<Q>(inputs.query);
    let of_key = product::<Q>(transposed(of_scores), queries, settings.precision);
    [of_query, of_key, of_value].map(|heads| layout.join::<Q>(heads))
}
