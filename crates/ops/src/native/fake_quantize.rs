//! Values that were rounded to 8-bit integers with a scale for each row or each column.

use rayon::prelude::*;

use super::instructions::vectorized;
use super::int8::{ROUNDER, absolute_bits, factors, factors_of};
use super::rows_in_task;

/// Rounds rows with a scale each; those with values that are not finite become NaN.
pub(crate) fn rows(values: &mut [f32], width: usize) {
    for row in values.chunks_exact_mut(width) {
        let (inverse, scale) = factors(row);
        round(row, inverse, scale);
    }
}

/// Rounds a matrix with a scale for each column.
pub(crate) fn columns(values: &mut [f32], width: usize) {
    let task = rows_in_task(width) * width;
    let largest = values.par_chunks(task).map(|rows| {
        let mut largest = vec![0; width];
        rows.chunks_exact(width)
            .for_each(|row| collect_largest(row, &mut largest));
        largest
    });
    let largest = largest.reduce(
        || vec![0; width],
        |mut all, part| {
            all.iter_mut()
                .zip(part)
                .for_each(|(all, part)| *all = part.max(*all));
            all
        },
    );
    let factors = largest.into_iter().map(factors_of);
    let (inverses, scales): (Vec<f32>, Vec<f32>) = factors.unzip();
    values.par_chunks_mut(task).for_each(|rows| {
        rows.chunks_exact_mut(width)
            .for_each(|row| round_each(row, &inverses, &scales));
    });
}

/// The multiple of the scale that is nearest to a value.
#[inline(always)]
fn nearest(value: f32, inverse: f32, scale: f32) -> f32 {
    (value * inverse + ROUNDER - ROUNDER) * scale
}

vectorized! {
    fn collect_largest<A>(row: &[f32], largest: &mut [u32]) {
        for (value, largest) in row.iter().zip(largest) {
            *largest = (*largest).max(absolute_bits(*value));
        }
    }
}

vectorized! {
    fn round<A>(values: &mut [f32], inverse: f32, scale: f32) {
        for value in values {
            *value = nearest(*value, inverse, scale);
        }
    }
}

vectorized! {
    fn round_each<A>(values: &mut [f32], inverses: &[f32], scales: &[f32]) {
        for ((value, inverse), scale) in values.iter_mut().zip(inverses).zip(scales) {
            *value = nearest(*value, *inverse, *scale);
        }
    }
}
