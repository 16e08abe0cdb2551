//! Attention of a head by f32 matrix products, with operands rounded to the precision.
//!
//! Keys, values and queries are copied and padded with zeros to widths that the matrix product
//! treats alike: so the result of a query is bit-identical for any other queries and any padding.

use std::ops::Range;

use super::super::product::{Matrix, Place as Target, multiply, multiply_in_one_order};
use super::super::rounding::{round, rounded};
use super::columns::HeadRows;
use super::head::{Block, Head, Place};
use super::scores::Scores;
use super::table::FloatTable;
use super::terms::{LeftGradients, Lefts, TableSums, Terms};
use super::{MOST_QUERIES, Problem};
use crate::precision::Precision;

/// The memory of a task; `Kp` and `Sp` are the widths with zeros.
#[derive(Debug, Default)]
pub(super) struct Floats {
    sizes: Sizes,
    /// `[Sp, Kp]`
    keys: Vec<f32>,
    /// `[K, Sp]`
    keys_transposed: Vec<f32>,
    /// `[Sp, Kp]`
    values: Vec<f32>,
    /// `[Q, Kp]`
    queries: Vec<f32>,
    /// `[Q, Sp]`
    scores: Scores,
    /// The weights or the gradient of the scores, in the precision.
    rounded: Vec<f32>,
    /// `[Q, Kp]`
    output: Vec<f32>,
    /// Of the result, `[Q, Kp]`.
    output_gradient: Vec<f32>,
    /// `[Sp, Kp]`
    key_gradient: Vec<f32>,
    /// `[Sp, Kp]`
    value_gradient: Vec<f32>,
    terms: Terms<FloatTable>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sizes {
    sequence: usize,
    /// `Sp`
    padded_sequence: usize,
    width: usize,
    /// `Kp`
    padded_width: usize,
    /// `D`
    hidden: usize,
    precision: Precision,
}

impl Sizes {
    fn new(problem: &Problem<'_>, place: Place) -> Self {
        let sequence = place.tokens.len();
        Self {
            sequence,
            padded_sequence: padded_keys(sequence),
            width: problem.head_width,
            padded_width: problem.head_width.next_multiple_of(8),
            hidden: problem.hidden(),
            precision: problem.precision,
        }
    }

    /// A head's columns of the first rows, in the precision and with zeros behind each.
    fn copy(self, copy: &mut [f32], rows: &[f32], count: usize) {
        let copy = &mut copy[..count * self.padded_width];
        let rows = rows.chunks(self.hidden);
        for (copy, row) in copy.chunks_exact_mut(self.padded_width).zip(rows) {
            copy[..self.width].copy_from_slice(&row[..self.width]);
        }
        round(copy, self.precision);
    }

    /// The first rows of a head's memory, without their zeros.
    fn rows(self, values: &[f32], count: usize) -> HeadRows<'_> {
        HeadRows {
            values,
            stride: self.padded_width,
            count,
            width: self.width,
        }
    }
}

/// Rows of a matrix that are transposed at a time.
const TILE: usize = 16;

/// Keys with zeros behind them; a block's begin at a multiple of it.
fn padded_keys(count: usize) -> usize {
    count.next_multiple_of(TILE)
}

/// Some rows of a matrix `[N, stride]` as columns of `[width, N]`; they begin and end at a multiple of
/// [`TILE`]. It goes by tiles: the places of a whole row lie so far apart that they push each other out of
/// the cache.
pub(super) fn transpose(
    columns: &mut Vec<f32>,
    matrix: &[f32],
    [stride, width]: [usize; 2],
    rows: Range<usize>,
) {
    let count = matrix.len() / stride;
    columns.resize(width * count, 0.0);
    for first in rows.step_by(TILE) {
        let rows = &matrix[first * stride..][..TILE * stride];
        for (column, places) in columns.chunks_exact_mut(count).enumerate() {
            let places = places[first..].iter_mut();
            for (place, row) in places.zip(rows.chunks_exact(stride)) {
                *place = row[column];
            }
        }
    }
}

/// The block of a product has at least two rows: a lone one is added up in another order.
pub(super) fn rows_of_product(count: usize) -> usize {
    count.max(2)
}

impl Head for Floats {
    fn load_tables(&mut self, problem: &Problem<'_>, head: usize, with_gradients: bool) {
        self.terms.load(problem, head, with_gradients);
    }

    fn load(&mut self, problem: &Problem<'_>, place: Place) {
        let sizes = Sizes::new(problem, place);
        let slots = sizes.padded_sequence * sizes.padded_width;
        for (copy, rows) in [
            (&mut self.keys, problem.key),
            (&mut self.values, problem.value),
        ] {
            // The rows of a longer sequence must not stay behind those of a shorter one.
            copy.clear();
            copy.resize(slots, 0.0);
            let rows = place.rows(problem, rows);
            sizes.copy(copy, rows, sizes.sequence);
        }
        let widths = [sizes.padded_width, sizes.width];
        let rows = 0..sizes.padded_sequence;
        transpose(&mut self.keys_transposed, &self.keys, widths, rows);
        let block = rows_of_product(MOST_QUERIES.min(place.queries.len()));
        self.queries.resize(block * sizes.padded_width, 0.0);
        self.output.resize(block * sizes.padded_width, 0.0);
        self.scores.prepare(problem);
        self.sizes = sizes;
    }

    fn load_backward(&mut self, problem: &Problem<'_>, place: Place) {
        self.load(problem, place);
        for gradient in [&mut self.key_gradient, &mut self.value_gradient] {
            gradient.clear();
            gradient.resize(self.keys.len(), 0.0);
        }
        self.output_gradient.resize(self.output.len(), 0.0);
    }

    fn attend(&mut self, problem: &Problem<'_>, block: Block) {
        let (sizes, count) = (self.sizes, block.count);
        let stride = padded_keys(block.keys.len());
        let rows = block.rows(problem, problem.query);
        sizes.copy(&mut self.queries, rows, count);
        let queries = Matrix::rows(&self.queries, sizes.padded_width);
        let keys = &self.keys_transposed[block.keys.start..];
        let keys = Matrix::rows(keys, sizes.padded_sequence);
        let shape = [rows_of_product(count), stride, sizes.width];
        let scores = self.scores.room(shape[0], stride);
        multiply_in_one_order(scores, Target::Overwrite, shape, queries, keys);
        let keys = Matrix::rows(&self.keys, sizes.padded_width);
        let lefts = Lefts { queries, keys };
        self.terms.add(problem, block, lefts, scores, stride);
        self.scores.soften(problem, block);
    }

    fn weigh(&mut self, block: Block) -> HeadRows<'_> {
        let (sizes, count) = (self.sizes, block.count);
        let (stride, width) = (padded_keys(block.keys.len()), sizes.padded_width);
        let shape = [rows_of_product(count), width, stride];
        let weights = self.scores.weights(shape[0]);
        let weights = rounded(weights, sizes.precision, &mut self.rounded);
        let output = &mut self.output[..shape[0] * width];
        let (weights, values) = (
            Matrix::rows(weights, stride),
            Matrix::rows(&self.values, width).skip_rows(block.keys.start),
        );
        multiply_in_one_order(output, Target::Overwrite, shape, weights, values);
        sizes.rows(output, count)
    }

    fn backward(&mut self, problem: &Problem<'_>, block: Block, gradient: &[f32]) -> HeadRows<'_> {
        let (sizes, count) = (self.sizes, block.count);
        let (stride, width) = (padded_keys(block.keys.len()), sizes.padded_width);
        let first = block.keys.start;
        let rows = block.rows(problem, gradient);
        sizes.copy(&mut self.output_gradient, rows, count);
        let of_output = Matrix::rows(&self.output_gradient, width);
        let weights = self.scores.weights(count);
        let weights = rounded(weights, sizes.precision, &mut self.rounded);
        let weights = Matrix::rows(weights, stride).transposed();
        let of_values = &mut self.value_gradient[first * width..];
        let shape = [stride, width, count];
        multiply(of_values, Target::AddTo, shape, weights, of_output);
        let of_weights = self.scores.gradient_room(count);
        let values = Matrix::rows(&self.values, width).skip_rows(first);
        let values = values.transposed();
        let shape = [count, stride, sizes.width];
        multiply(of_weights, Target::Overwrite, shape, of_output, values);
        let exact = self.scores.backward(count);
        let of_scores = rounded(exact, sizes.precision, &mut self.rounded);
        let of_scores = Matrix::rows(of_scores, stride);
        let of_queries = &mut self.output[..count * width];
        let (queries, keys) = (
            Matrix::rows(&self.queries, width),
            Matrix::rows(&self.keys, width).skip_rows(first),
        );
        let of_keys = &mut self.key_gradient[first * width..];
        let shape = [stride, width, count];
        multiply(
            of_keys,
            Target::AddTo,
            shape,
            of_scores.transposed(),
            queries,
        );
        let shape = [count, width, stride];
        multiply(of_queries, Target::Overwrite, shape, of_scores, keys);
        let keys = Matrix::rows(&self.keys, width);
        let lefts = Lefts { queries, keys };
        let of_lefts = LeftGradients {
            queries: of_queries,
            keys: &mut self.key_gradient,
            width,
        };
        let of_scores = (exact, stride);
        self.terms
            .backward(problem, block, lefts, of_scores, of_lefts);
        sizes.rows(&self.output, count)
    }

    fn key_and_value_gradients(&self) -> (HeadRows<'_>, HeadRows<'_>) {
        let of = |gradient| self.sizes.rows(gradient, self.sizes.sequence);
        (of(&self.key_gradient), of(&self.value_gradient))
    }

    fn table_gradients(&self, problem: &Problem<'_>) -> TableSums {
        self.terms.sums(problem)
    }
}
