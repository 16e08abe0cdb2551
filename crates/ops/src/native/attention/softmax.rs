//! In-place softmax of rows of scores, and its gradient.

use super::super::exponential::exp;
use super::super::instructions::vectorized;
use super::super::sums::{largest, sum};

vectorized! {
    /// The softmax of `scale` times the first `count` values of each row; 0 in what follows them.
    pub(super) fn apply<A>(scores: &mut [f32], stride: usize, scale: f32, count: usize) {
        for row in scores.chunks_exact_mut(stride) {
            let (row, padding) = row.split_at_mut(count);
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
            padding.fill(0.0);
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
