//! Sum of squares, and multiplication by a factor.

use rayon::prelude::*;

use super::TASK;
use super::instructions::vectorized;
use super::sums::sum;

vectorized! {
    fn squares<A>(values: &[f32]) -> f32 {
        sum([values], |[value]| value * value)
    }
}

vectorized! {
    /// Multiplies all values.
    pub(crate) fn scale<A>(values: &mut [f32], factor: f32) {
        for value in values {
            *value *= factor;
        }
    }
}

/// The sum of the squares: in single precision within a task, in double precision over the tasks.
pub(crate) fn sum_of_squares(values: &[f32]) -> f32 {
    let tasks: Vec<f32> = values.par_chunks(TASK).map(squares).collect();
    tasks.into_iter().map(f64::from).sum::<f64>() as f32
}
