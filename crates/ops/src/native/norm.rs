//! Sum of squares, and multiplication by a factor.

use rayon::prelude::*;

use super::TASK;
use super::instructions::{Arithmetic, vectorized};
use super::sums::sum;

#[inline(always)]
fn squares_body<A: Arithmetic>(values: &[f32]) -> f32 {
    sum([values], |[value]| value * value)
}

#[inline(always)]
fn scale_body<A: Arithmetic>(values: &mut [f32], factor: f32) {
    for value in values {
        *value *= factor;
    }
}

vectorized! {
    fn squares(values: &[f32]) -> f32 = squares_body
}

vectorized! {
    /// Multiplies all values.
    pub(crate) fn scale(values: &mut [f32], factor: f32) = scale_body
}

/// The sum of the squares: in single precision within a task, in double precision over the tasks.
pub(crate) fn sum_of_squares(values: &[f32]) -> f32 {
    let tasks: Vec<f32> = values.par_chunks(TASK).map(squares).collect();
    tasks.into_iter().map(f64::from).sum::<f64>() as f32
}
