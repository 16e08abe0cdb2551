//! In-place softmax of rows of scores, and its gradient.

use std::ops::Range;

use super::super::exponential::exp;
use super::super::instructions::vectorized;
use super::super::sums::{largest, sum};

/// Which keys the queries of a block attend to, row by row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visible {
    /// Keys of the block.
    pub(super) keys: usize,
    /// Place of the first query among them.
    pub(super) first: usize,
    /// The most tokens between a query and a key that it attends to.
    pub(super) window: usize,
}

impl Visible {
    #[inline(always)]
    fn of_row(self, row: usize) -> Range<usize> {
        let query = self.first + row;
        let end = query.saturating_add(self.window).saturating_add(1);
        query.saturating_sub(self.window)..end.min(self.keys)
    }
}

vectorized! {
    /// The softmax of `scale` times the visible values of each row; 0 in the others.
    pub(super) fn apply<A>(scores: &mut [f32], stride: usize, scale: f32, visible: Visible) {
        for (number, row) in scores.chunks_exact_mut(stride).enumerate() {
            let Range { start, end } = visible.of_row(number);
            row[..start].fill(0.0);
            row[end..].fill(0.0);
            let row = &mut row[start..end];
            for score in &mut *row {
                *score *= scale;
            }
            let top = largest(row);
            for score in &mut *row {
                *score = exp::<A>(*score - top);
            }
            let inverse = 1.0 / sum([row], |[value]| value);
            for score in row {
                *score *= inverse;
            }
        }
    }
}

vectorized! {
    /// The gradient of the scores before their scale, in the place of that of their softmax.
    pub(super) fn gradient<A>(
        probabilities: &[f32],
        gradient: &mut [f32],
        stride: usize,
        scale: f32,
    ) {
        let rows = probabilities.chunks_exact(stride);
        for (probabilities, gradient) in rows.zip(gradient.chunks_exact_mut(stride)) {
            let along = sum([probabilities, gradient], |[p, g]| p * g);
            for (p, g) in probabilities.iter().zip(gradient) {
                *g = p * (*g - along) * scale;
            }
        }
    }
}

vectorized! {
    /// Multiplies each value by its factor.
    pub(super) fn multiply<A>(values: &mut [f32], factors: &[f32]) {
        for (value, factor) in values.iter_mut().zip(factors) {
            *value *= factor;
        }
    }
}
