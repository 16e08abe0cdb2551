//! In-place layer normalization of rows.

use super::instructions::{Arithmetic, vectorized};
use super::rows_in_task;
use super::sums::sum;

/// The mean of a row, and one over its standard deviation.
#[inline(always)]
fn moments<A: Arithmetic>(row: &[f32], epsilon: f32) -> (f32, f32) {
    let width = row.len() as f32;
    let mean = sum([row], |[value]| value) / width;
    let square = |[value]: [f32; 1]| (value - mean) * (value - mean);
    let variance = sum([row], square) / width;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

vectorized! {
    /// `(x - mean) / sqrt(variance + epsilon) · gamma + beta` for each row, in its place.
    ///
    /// # Shapes
    /// - `rows`: `[any, D]`
    /// - `gamma`, `beta`: `[D]`
    pub(crate) fn apply<A>(rows: &mut [f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
        for row in rows.chunks_exact_mut(gamma.len()) {
            let (mean, inverse) = moments::<A>(row, epsilon);
            for ((value, gamma), beta) in row.iter_mut().zip(gamma).zip(beta) {
                *value = A::mul_add((*value - mean) * inverse, *gamma, *beta);
            }
        }
    }
}

vectorized! {
    /// The gradient of rows in the place of that of their result; what they give to the gradients
    /// of gamma and beta is added to those.
    ///
    /// # Shapes
    /// - `rows`, `gradient`: `[any, D]`
    /// - `gamma`, `gamma_gradient`, `beta_gradient`: `[D]`
    fn gradient<A>(
        rows: &[f32],
        gradient: &mut [f32],
        gamma: &[f32],
        epsilon: f32,
        gamma_gradient: &mut [f32],
        beta_gradient: &mut [f32],
    ) {
        let width = gamma.len();
        let gradients = gradient.chunks_exact_mut(width);
        // Three passes over a row that stays in the nearest cache.
        for (row, gradient) in rows.chunks_exact(width).zip(gradients) {
            let (mean, inverse) = moments::<A>(row, epsilon);
            let normalized = |value: f32| (value - mean) * inverse;
            let sums = gamma_gradient.iter_mut().zip(&mut *beta_gradient);
            for ((value, gradient), (gamma, beta)) in row.iter().zip(&*gradient).zip(sums) {
                *gamma = A::mul_add(*gradient, normalized(*value), *gamma);
                *beta += *gradient;
            }
            let mean_gradient = sum([gradient, gamma], |[g, gamma]| g * gamma) / width as f32;
            let along = sum([gradient, gamma, row], |[g, gamma, value]| {
                g * gamma * normalized(value)
            }) / width as f32;
            for ((value, gradient), gamma) in row.iter().zip(gradient).zip(gamma) {
                let centered = A::mul_add(*gradient, *gamma, -mean_gradient);
                *gradient = A::mul_add(-normalized(*value), along, centered) * inverse;
            }
        }
    }
}

/// Values in a task of the gradient. Each leaves two rows of sums: some more rows in one keep those
/// few.
pub(crate) fn gradient_task(width: usize) -> usize {
    4 * rows_in_task(width) * width
}

/// The gradient of the rows of a task, as [`gradient`]; what the task leaves are the sums of gamma's
/// gradient, then those of beta's.
pub(crate) fn gradient_with_sums(
    rows: &[f32],
    gradient_of_rows: &mut [f32],
    gamma: &[f32],
    epsilon: f32,
    sums: &mut Vec<f32>,
) {
    sums.resize(2 * gamma.len(), 0.0);
    let (of_gamma, of_beta) = sums.split_at_mut(gamma.len());
    gradient(rows, gradient_of_rows, gamma, epsilon, of_gamma, of_beta);
}
