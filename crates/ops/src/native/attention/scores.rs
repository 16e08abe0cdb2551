//! Scores of a block of queries: softmax, dropout and gradient.

use super::softmax::{self, Visible};
use super::{Block, Problem};
use crate::native::dropout;

/// Rows of one value for every key of the block, with zeros behind them up to `stride`.
#[derive(Debug, Default)]
pub(super) struct Scores {
    stride: usize,
    scale: f32,
    drops: bool,
    /// `[Q, stride]`
    probabilities: Vec<f32>,
    /// Of dropout, `[Q, stride]`.
    factors: Vec<f32>,
    /// The probabilities after dropout, `[Q, stride]`.
    dropped: Vec<f32>,
    /// `[Q, stride]`
    gradient: Vec<f32>,
}

impl Scores {
    /// Takes over what all blocks of a problem share.
    pub(super) fn prepare(&mut self, problem: &Problem<'_>) {
        self.scale = problem.scale;
        self.drops = problem.mask.is_some();
    }

    /// Where the products of queries and keys go, a row of `stride` values for each query.
    pub(super) fn room(&mut self, queries: usize, stride: usize) -> &mut [f32] {
        self.stride = stride;
        self.probabilities.resize(queries * stride, 0.0);
        &mut self.probabilities
    }

    /// From the products in [`Self::room`] to probabilities, and what dropout leaves of them.
    pub(super) fn soften(&mut self, problem: &Problem<'_>, block: Block) {
        let Block {
            place,
            first,
            count,
            keys,
        } = block;
        let stride = self.stride;
        let visible = Visible {
            keys: keys.len(),
            first: first - keys.start,
            window: problem.window.unwrap_or(usize::MAX),
        };
        let probabilities = &mut self.probabilities[..count * stride];
        softmax::apply(probabilities, stride, self.scale, visible);
        let Some(mask) = problem.mask else { return };

        let padded = problem.offsets.padded_length();
        let queries = problem.queries.unwrap_or(padded);
        let head = place.sequence * problem.heads + place.head;
        self.factors.resize(self.probabilities.len(), 0.0);
        let rows = self.factors.chunks_exact_mut(stride).take(count);
        for (query, row) in rows.enumerate() {
            let start = (head * queries + first + query) * padded + keys.start;
            dropout::fill(&mut row[..keys.len()], mask, start);
        }
        self.dropped.clone_from(&self.probabilities);
        softmax::multiply(&mut self.dropped, &self.factors);
    }

    /// What the values are weighed by, after [`Self::soften`].
    pub(super) fn weights(&self, queries: usize) -> &[f32] {
        let weights = match self.drops {
            true => &self.dropped,
            false => &self.probabilities,
        };
        &weights[..queries * self.stride]
    }

    /// Where the gradient of the weights goes.
    pub(super) fn gradient_room(&mut self, queries: usize) -> &mut [f32] {
        self.gradient.resize(self.probabilities.len(), 0.0);
        &mut self.gradient[..queries * self.stride]
    }

    /// From the gradient of the weights in [`Self::gradient_room`] to that of the products.
    pub(super) fn backward(&mut self, count: usize) -> &[f32] {
        let values = count * self.stride;
        let gradient = &mut self.gradient[..values];
        if self.drops {
            softmax::multiply(gradient, &self.factors);
        }
        softmax::gradient(&self.probabilities, gradient, self.stride, self.scale);
        gradient
    }
}
