//! Scores of tables by distance, on padded sequences, by burn's primitives.

use burn::backend::TensorMetadata;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{IndexingUpdateOp, Shape};

use super::RelativeBuckets;
use crate::attention::Layout;
use crate::kernels::Kernels;
use crate::linear::product;
use crate::precision::Precision;

/// What [`RelativePositions`](crate::RelativePositions) are to a backend.
#[derive(Debug, Clone)]
pub struct RelativeTables<F, I> {
    /// Multiplied by queries, `[R, D]`.
    pub keys: Option<F>,
    /// Multiplied by keys, `[R, D]`.
    pub queries: Option<F>,
    /// Added per head, `[R, H]`.
    pub bias: Option<F>,
    /// Row of each distance from `1 - S` to `S - 1`, `[2 S - 1]`.
    pub row_of_distance: I,
    /// Rows of all distances.
    pub buckets: RelativeBuckets,
    /// Factor of all scores but the bias.
    pub scale: f64,
}

/// Queries and keys of all heads, `[B, H, Q, K]` and `[B, H, S, K]`.
pub(in crate::attention) struct Heads<F> {
    pub(in crate::attention) query: F,
    pub(in crate::attention) key: F,
}

/// Gradients of queries and keys, and of the tables.
pub(in crate::attention) struct TermGradients<F> {
    pub(in crate::attention) heads: [Option<F>; 2],
    pub(in crate::attention) tables: [Option<F>; 3],
}

impl<F> TermGradients<F> {
    pub(in crate::attention) const NONE: Self = Self {
        heads: [None, None],
        tables: [None, None, None],
    };
}

type Tables<B> = RelativeTables<FloatTensor<B>, IntTensor<B>>;

/// Adds the scores of the tables to `[B, H, Q, S]`; `heads` has scaled queries.
pub(in crate::attention) fn add_to<B: Kernels>(
    tables: &Tables<B>,
    scores: FloatTensor<B>,
    heads: Heads<FloatTensor<B>>,
    layout: Layout,
    precision: Precision,
) -> FloatTensor<B> {
    let shape = scores.shape();
    let rows = rows::<B>(tables, &shape);
    let layout = layout.of_shared_rows();
    let mut scores = scores;
    if let Some(keys) = &tables.keys {
        let keys = B::float_swap_dims(layout.split::<B>(keys.clone()), 2, 3);
        let of_rows = product::<B>(heads.query, keys, precision);
        let rows = B::int_expand(rows.clone(), shape.clone());
        scores = B::float_add(scores, B::float_gather(3, of_rows, rows));
    }
    if let Some(queries) = &tables.queries {
        let queries = B::float_mul_scalar(queries.clone(), tables.scale.into());
        let queries = B::float_swap_dims(layout.split::<B>(queries), 2, 3);
        let of_rows = product::<B>(heads.key, queries, precision);
        let rows = turned_rows::<B>(rows.clone(), &shape);
        let of_keys = B::float_gather(3, of_rows, rows);
        scores = B::float_add(scores, B::float_swap_dims(of_keys, 2, 3));
    }
    if let Some(bias) = &tables.bias {
        let bias = B::float_select(bias.clone(), 0, listed::<B>(rows));
        let bias = B::float_reshape(bias, Shape::from([1, shape[2], shape[3], shape[1]]));
        scores = B::float_add(scores, B::float_permute(bias, &[0, 3, 1, 2]));
    }
    scores
}

/// From the gradient of the scores, and the same scaled, to those of queries and keys, which the
/// tables add, and of the wanted tables.
pub(in crate::attention) fn table_gradients<B: Kernels>(
    tables: &Tables<B>,
    [of_scores, scaled]: [FloatTensor<B>; 2],
    heads: Heads<FloatTensor<B>>,
    layout: Layout,
    precision: Precision,
    wanted: [bool; 3],
) -> TermGradients<FloatTensor<B>> {
    let shape = scaled.shape();
    let rows = rows::<B>(tables, &shape);
    let layout = layout.of_shared_rows();
    // Of left heads `[B, H, N, K]` and their table.
    let of_product = |left: FloatTensor<B>,
                      table: &FloatTensor<B>,
                      rows: IntTensor<B>,
                      of_scores: FloatTensor<B>,
                      wanted: bool| {
        let count = table.shape()[0];
        let zeros = B::float_zeros(
            Shape::from([shape[0], shape[1], left.shape()[2], count]),
            &of_scores.device(),
            of_scores.dtype().into(),
        );
        let of_rows = B::float_scatter(3, zeros, rows, of_scores, IndexingUpdateOp::Add);
        let of_table = wanted.then(|| {
            let turned = B::float_swap_dims(of_rows.clone(), 2, 3);
            let of_table = B::float_sum_dim(product::<B>(turned, left, precision), 0);
            layout.join::<B>(of_table)
        });
        let table = layout.split::<B>(table.clone());
        (product::<B>(of_rows, table, precision), of_table)
    };
    let (mut of_heads, mut of_tables) = ([None, None], [None, None, None]);
    if let Some(keys) = &tables.keys {
        let rows = B::int_expand(rows.clone(), shape.clone());
        let (of_query, of_keys) = of_product(heads.query, keys, rows, scaled.clone(), wanted[0]);
        (of_heads[0], of_tables[0]) = (Some(of_query), of_keys);
    }
    if let Some(queries) = &tables.queries {
        let rows = turned_rows::<B>(rows.clone(), &shape);
        let turned = B::float_swap_dims(scaled, 2, 3);
        let (of_key, of_queries) = of_product(heads.key, queries, rows, turned, wanted[1]);
        (of_heads[1], of_tables[1]) = (Some(of_key), of_queries);
    }
    if let Some(bias) = tables.bias.as_ref().filter(|_| wanted[2]) {
        let of_scores = B::float_sum_dim(of_scores, 0);
        let of_scores = B::float_permute(of_scores, &[0, 2, 3, 1]);
        let listed_shape = Shape::from([shape[2] * shape[3], shape[1]]);
        let of_scores = B::float_reshape(of_scores, listed_shape);
        let zeros = B::float_zeros(bias.shape(), &bias.device(), bias.dtype().into());
        let (rows, update) = (listed::<B>(rows), IndexingUpdateOp::Add);
        let of_bias = B::float_select_assign(zeros, 0, rows, of_scores, update);
        of_tables[2] = Some(of_bias);
    }
    TermGradients {
        heads: of_heads,
        tables: of_tables,
    }
}

/// The row of each query and key of scores `[B, H, Q, S]`: `[1, 1, Q, S]`.
fn rows<B: Kernels>(tables: &Tables<B>, scores: &Shape) -> IntTensor<B> {
    let (queries, keys) = (scores[2], scores[3]);
    let device = tables.row_of_distance.device();
    let dtype = tables.row_of_distance.dtype().into();
    let numbers = |start: usize, count: usize, shape: [usize; 2]| {
        let numbers = B::int_arange(start as i64..(start + count) as i64, &device, dtype);
        B::int_reshape(numbers, Shape::from(shape))
    };
    let queries_after = numbers(keys - 1, queries, [queries, 1]);
    let places = B::int_sub(queries_after, numbers(0, keys, [1, keys]));
    let places = B::int_reshape(places, Shape::from([queries * keys]));
    let rows = B::int_select(tables.row_of_distance.clone(), 0, places);
    B::int_reshape(rows, Shape::from([1, 1, queries, keys]))
}

/// From `[1, 1, Q, S]` to `[B, H, S, Q]`.
fn turned_rows<B: Kernels>(rows: IntTensor<B>, scores: &Shape) -> IntTensor<B> {
    let [batch, heads, queries, keys] = scores.dims();
    let rows = B::int_swap_dims(rows, 2, 3);
    B::int_expand(rows, Shape::from([batch, heads, keys, queries]))
}

/// One after the other.
fn listed<B: Kernels>(rows: IntTensor<B>) -> IntTensor<B> {
    let count = rows.shape().num_elements();
    B::int_reshape(rows, Shape::from([count]))
}
