//! In-place root mean square normalization of rows.

use super::instructions::vectorized;
use super::sums::sum;

/// One over the root mean square of a row.
#[inline(always)]
fn inverse_root(row: &[f32], epsilon: f32) -> f32 {
    let mean = sum([row], |[value]| value * value) / row.len() as f32;
    1.0 / (mean + epsilon).sqrt()
}

vectorized! {
    /// `x / sqrt(mean(x²) + epsilon) · gamma` for each row, in its place.
    ///
    /// # Shapes
    /// - `rows`: `[any, D]`
    /// - `gamma`: `[D]`
    pub(crate) fn apply<A>(rows: &mut [f32], gamma: &[f32], epsilon: f32) {
        for row in rows.chunks_exact_mut(gamma.len()) {
            let inverse = inverse_root(row, epsilon);
            for (value, gamma) in row.iter_mut().zip(gamma) {
                *value = *value * inverse * gamma;
            }
        }
    }
}

vectorized! {
    /// The gradient of rows in the place of that of their result; what they give to the gradient of
    /// gamma is added to that.
    ///
    /// # Shapes
    /// - `rows`, `gradient`: `[any, D]`
    /// - `gamma`, `gamma_gradient`: `[D]`
    fn gradient<A>(
        rows: &[f32],
        gradient: &mut [f32],
        gamma: &[f32],
        epsilon: f32,
        gamma_gradient: &mut [f32],
    ) {
        let width = gamma.len();
        let gradients = gradient.chunks_exact_mut(width);
        for (row, gradient) in rows.chunks_exact(width).zip(gradients) {
            let inverse = inverse_root(row, epsilon);
            for ((value, gradient), gamma) in row.iter().zip(&*gradient).zip(&mut *gamma_gradient) {
                *gamma = A::mul_add(*gradient, *value * inverse, *gamma);
            }
            let along = sum([gradient, gamma, row], |[g, gamma, value]| {
                g * gamma * (value * inverse)
            }) / width as f32;
            for ((value, gradient), gamma) in row.iter().zip(gradient).zip(gamma) {
                let scaled = *gradient * *gamma;
                *gradient = A::mul_add(-(*value * inverse), along, scaled) * inverse;
            }
        }
    }
}

/// The gradient of the rows of a task, as [`gradient`]; what the task leaves is the sum of gamma's
/// gradient.
pub(crate) fn gradient_with_sum(
    rows: &[f32],
    gradient_of_rows: &mut [f32],
    gamma: &[f32],
    epsilon: f32,
    sum: &mut Vec<f32>,
) {
    sum.resize(gamma.len(), 0.0);
    gradient(rows, gradient_of_rows, gamma, epsilon, sum);
}
