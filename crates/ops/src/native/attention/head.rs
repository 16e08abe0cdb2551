//! One head of one sequence: its keys and values, and a block of its queries.
//!
//! They are copied together, with zeros behind them up to widths that the matrix product treats
//! alike: so a query has the same bits alone and among others, and with any padding of its sequence.

use super::super::product::{Matrix, Place as Target, in_one_order, product};
use super::columns::HeadRows;
use super::{BLOCK, Problem, softmax};
use crate::native::dropout;

/// Which head of which sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) sequence: usize,
    pub(super) head: usize,
}

/// The memory of a task; `Kp` and `Sp` are the widths with zeros.
#[derive(Debug, Default)]
pub(super) struct Head {
    sizes: Sizes,
    /// `[Sp, Kp]`
    keys: Vec<f32>,
    /// `[K, Sp]`
    keys_transposed: Vec<f32>,
    /// `[Sp, Kp]`
    values: Vec<f32>,
    /// `[Q, Kp]`, divided by the root of `K`.
    queries: Vec<f32>,
    /// `[Q, Sp]`
    probabilities: Vec<f32>,
    /// `[Q, Sp]`, with dropout only.
    factors: Vec<f32>,
    /// The probabilities after dropout, `[Q, Sp]`, with dropout only.
    dropped: Vec<f32>,
    /// `[Q, Kp]`
    output: Vec<f32>,
    /// Of the scores, `[Q, Sp]`.
    score_gradient: Vec<f32>,
    /// Of the result, `[Q, Kp]`.
    output_gradient: Vec<f32>,
    /// `[Sp, Kp]`
    key_gradient: Vec<f32>,
    /// `[Sp, Kp]`
    value_gradient: Vec<f32>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sizes {
    sequence: usize,
    /// `Sp`
    padded_sequence: usize,
    width: usize,
    /// `Kp`
    padded_width: usize,
    scale: f32,
    drops: bool,
}

impl Sizes {
    fn new(problem: &Problem<'_>) -> Self {
        Self {
            sequence: problem.sequence,
            padded_sequence: problem.sequence.next_multiple_of(16),
            width: problem.head_width,
            padded_width: problem.head_width.next_multiple_of(8),
            scale: (1.0 / (problem.head_width as f64).sqrt()) as f32,
            drops: problem.mask.is_some(),
        }
    }

    /// Rows of a head's columns of `rows`, with zeros behind each.
    fn copy(self, copy: &mut [f32], rows: &[f32], hidden: usize, head: usize, factor: f32) {
        let rows = rows.chunks_exact(hidden);
        for (copy, row) in copy.chunks_exact_mut(self.padded_width).zip(rows) {
            let row = &row[head * self.width..][..self.width];
            for (copy, value) in copy.iter_mut().zip(row) {
                *copy = value * factor;
            }
        }
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

/// The block of a product has at least two rows: a lone one is added up in another order.
fn rows_of_product(count: usize) -> usize {
    count.max(2)
}

impl Head {
    /// Copies keys and values.
    pub(super) fn load(&mut self, problem: &Problem<'_>, place: Place) {
        let sizes = Sizes::new(problem);
        let (hidden, head) = (problem.hidden(), place.head);
        let rows = place.sequence * sizes.sequence..(place.sequence + 1) * sizes.sequence;
        let slots = sizes.padded_sequence * sizes.padded_width;
        for (copy, rows_of_all) in [
            (&mut self.keys, problem.key),
            (&mut self.values, problem.value),
        ] {
            copy.resize(slots, 0.0);
            let rows = &rows_of_all[rows.start * hidden..rows.end * hidden];
            sizes.copy(copy, rows, hidden, head, 1.0);
        }
        let width = sizes.width;
        self.keys_transposed
            .resize(width * sizes.padded_sequence, 0.0);
        let keys = self.keys.chunks_exact(sizes.padded_width);
        for (slot, key) in keys.enumerate().take(sizes.sequence) {
            let places = self.keys_transposed[slot..].iter_mut();
            for (place, value) in places.step_by(sizes.padded_sequence).zip(&key[..width]) {
                *place = *value;
            }
        }
        let block = rows_of_product(BLOCK.min(problem.queries));
        self.queries.resize(block * sizes.padded_width, 0.0);
        self.output.resize(block * sizes.padded_width, 0.0);
        self.probabilities
            .resize(block * sizes.padded_sequence, 0.0);
        self.sizes = sizes;
    }

    /// The probabilities of a block of queries, and what dropout leaves of them.
    #[allow(unsafe_code, reason = "the product writes to a pointer")]
    pub(super) fn attend(
        &mut self,
        problem: &Problem<'_>,
        place: Place,
        first: usize,
        count: usize,
    ) {
        let sizes = self.sizes;
        let (hidden, stride) = (problem.hidden(), sizes.padded_sequence);
        let row = place.sequence * problem.queries + first;
        let rows = &problem.query[row * hidden..(row + count) * hidden];
        sizes.copy(&mut self.queries, rows, hidden, place.head, sizes.scale);
        let queries = Matrix::rows(&self.queries, sizes.padded_width);
        let keys = Matrix::rows(&self.keys_transposed, stride);
        let shape = [rows_of_product(count), stride, sizes.width];
        let scores = &mut self.probabilities[..shape[0] * stride];
        // SAFETY: the slice has room for the product.
        unsafe {
            in_one_order(
                scores.as_mut_ptr(),
                Target::Overwrite,
                shape,
                queries,
                keys,
                false,
            );
        }
        let bias = &problem.bias[place.sequence * sizes.sequence..][..sizes.sequence];
        softmax::apply(scores, stride, bias);
        let Some(mask) = problem.mask else { return };

        let head = place.sequence * problem.heads + place.head;
        self.factors.resize(self.probabilities.len(), 0.0);
        let rows = self.factors.chunks_exact_mut(stride).take(count);
        for (query, row) in rows.enumerate() {
            let start = (head * problem.queries + first + query) * sizes.sequence;
            dropout::fill(&mut row[..sizes.sequence], mask, start);
        }
        self.dropped.clone_from(&self.probabilities);
        softmax::multiply(&mut self.dropped, &self.factors);
    }

    /// The values, weighed for each query of the block.
    #[allow(unsafe_code, reason = "the product writes to a pointer")]
    pub(super) fn weigh(&mut self, count: usize) -> HeadRows<'_> {
        let sizes = self.sizes;
        let (stride, width) = (sizes.padded_sequence, sizes.padded_width);
        let dropped = match sizes.drops {
            true => &self.dropped,
            false => &self.probabilities,
        };
        let shape = [rows_of_product(count), width, stride];
        let output = &mut self.output[..shape[0] * width];
        // SAFETY: the slice has room for the product.
        unsafe {
            in_one_order(
                output.as_mut_ptr(),
                Target::Overwrite,
                shape,
                Matrix::rows(dropped, stride),
                Matrix::rows(&self.values, width),
                false,
            );
        }
        sizes.rows(output, count)
    }

    /// Forgets the gradients of keys and values.
    pub(super) fn clear_gradients(&mut self) {
        let sizes = self.sizes;
        let slots = sizes.padded_sequence * sizes.padded_width;
        for gradient in [&mut self.key_gradient, &mut self.value_gradient] {
            gradient.clear();
            gradient.resize(slots, 0.0);
        }
        self.score_gradient.resize(self.probabilities.len(), 0.0);
        self.output_gradient.resize(self.output.len(), 0.0);
    }

    /// After [`Self::attend`]: adds what the block gives to the gradients of keys and values, and
    /// gives that of its queries.
    #[allow(unsafe_code, reason = "the product writes to a pointer")]
    pub(super) fn backward(
        &mut self,
        problem: &Problem<'_>,
        place: Place,
        gradient: &[f32],
        first: usize,
        count: usize,
    ) -> HeadRows<'_> {
        let sizes = self.sizes;
        let (hidden, stride, width) = (problem.hidden(), sizes.padded_sequence, sizes.padded_width);
        let row = place.sequence * problem.queries + first;
        let rows = &gradient[row * hidden..(row + count) * hidden];
        sizes.copy(&mut self.output_gradient, rows, hidden, place.head, 1.0);
        let dropped = match sizes.drops {
            true => &self.dropped,
            false => &self.probabilities,
        };
        let of_output = Matrix::rows(&self.output_gradient, width);
        let of_scores = &mut self.score_gradient[..count * stride];
        // SAFETY: both slices have room for their product, and what is added to is written.
        unsafe {
            product(
                self.value_gradient.as_mut_ptr(),
                Target::AddTo,
                [stride, width, count],
                Matrix::rows(dropped, stride).transposed(),
                of_output,
                false,
            );
            product(
                of_scores.as_mut_ptr(),
                Target::Overwrite,
                [count, stride, sizes.width],
                of_output,
                Matrix::rows(&self.values, width).transposed(),
                false,
            );
        }
        if sizes.drops {
            softmax::multiply(of_scores, &self.factors);
        }
        softmax::gradient(&self.probabilities, of_scores, stride);
        let of_scores = Matrix::rows(of_scores, stride);
        let of_queries = &mut self.output[..count * width];
        // SAFETY: as above.
        unsafe {
            product(
                self.key_gradient.as_mut_ptr(),
                Target::AddTo,
                [stride, width, count],
                of_scores.transposed(),
                Matrix::rows(&self.queries, width),
                false,
            );
            product(
                of_queries.as_mut_ptr(),
                Target::Overwrite,
                [count, width, stride],
                of_scores,
                Matrix::rows(&self.keys, width),
                false,
            );
        }
        for value in &mut *of_queries {
            *value *= sizes.scale;
        }
        sizes.rows(of_queries, count)
    }

    /// The gradients that all blocks have added to.
    pub(super) fn key_and_value_gradients(&self) -> (HeadRows<'_>, HeadRows<'_>) {
        let of = |gradient| self.sizes.rows(gradient, self.sizes.sequence);
        (of(&self.key_gradient), of(&self.value_gradient))
    }
}
