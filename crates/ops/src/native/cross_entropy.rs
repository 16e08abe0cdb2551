//! Cross entropy of rows of logits with class labels.

use rayon::prelude::*;

use super::exponential::exp;
use super::instructions::{Arithmetic, vectorized};
use super::memory::{Buffer, transformed};
use super::rows_in_task;
use super::sums::{largest, sum};

/// The largest logit of a row, and the sum of the exponentials of all minus it.
#[inline(always)]
fn exponential_sum<A: Arithmetic>(row: &[f32]) -> (f32, f32) {
    let top = largest(row);
    (top, sum([row], |[logit]| exp::<A>(logit - top)))
}

vectorized! {
    /// The logarithm of the sum of the exponentials.
    fn logarithm<A>(row: &[f32]) -> f64 {
        let (top, sum) = exponential_sum::<A>(row);
        f64::from(top) + f64::from(sum).ln()
    }
}

vectorized! {
    /// The softmax times a factor, in place.
    fn softmax<A>(row: &mut [f32], factor: f32) {
        let (top, sum) = exponential_sum::<A>(row);
        let factor = factor / sum;
        for logit in row {
            *logit = exp::<A>(*logit - top) * factor;
        }
    }
}

/// The sum over the rows of `-log softmax(logits)[label]`.
pub(crate) fn loss(logits: &[f32], classes: usize, labels: &[usize]) -> f64 {
    let rows = logits.par_chunks_exact(classes).zip(labels);
    let losses = rows.map(|(row, label)| logarithm(row) - f64::from(row[*label]));
    losses.collect::<Vec<_>>().into_iter().sum()
}

/// The gradient of the logits: softmax minus one at the label, all times `factor`.
pub(crate) fn gradient<B: Buffer>(
    logits: &[f32],
    classes: usize,
    labels: &[usize],
    factor: f32,
) -> B {
    let task = rows_in_task(classes) * classes;
    let kernel = |start: usize, rows: &mut [f32], (): &mut ()| {
        let labels = &labels[start / classes..];
        for (row, label) in rows.chunks_exact_mut(classes).zip(labels) {
            softmax(row, factor);
            row[*label] -= factor;
        }
    };
    transformed(logits, task, kernel).0
}
