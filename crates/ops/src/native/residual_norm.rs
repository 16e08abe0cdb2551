//! Dropout, the residual and layer normalisation of rows, in one pass.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::memory::{Buffer, add_up, written};
use super::{dropout, layer_norm, rows_in_task};
use crate::dropout::Mask;

/// The parameters of a normalisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Norm<'a> {
    pub(crate) gamma: &'a [f32],
    pub(crate) beta: &'a [f32],
    pub(crate) epsilon: f32,
}

/// `norm(residual + dropout(rows))`; what was normalised stays in the place of the rows.
///
/// # Shapes
/// - `rows`, `residual`, output: `[T, D]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn apply<B: Buffer>(
    rows: &mut [f32],
    residual: &[f32],
    mask: Option<Mask>,
    norm: Norm<'_>,
) -> B {
    let width = norm.gamma.len();
    let task = rows_in_task(width) * width;
    let length = rows.len();
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let rows = rows.par_chunks_mut(task).zip(residual.par_chunks(task));
        let tasks = out.par_chunks_mut(task).zip(rows).enumerate();
        tasks.for_each(|(number, (out, (rows, residual)))| {
            if let Some(mask) = mask {
                dropout::apply(rows, mask, number * task);
            }
            for (value, residual) in rows.iter_mut().zip(residual) {
                *value += residual;
            }
            let out = out.write_copy_of_slice(rows);
            layer_norm::apply(out, norm.gamma, norm.beta, norm.epsilon);
        });
    };
    // SAFETY: the tasks of all slices are as long, and cover the output.
    unsafe { written(length, fill) }
}

/// The gradient of the rows, with that of the residual in the place of the output's; and those of
/// gamma and beta, one after the other.
///
/// # Shapes
/// - `sum` (what was normalised), `gradient`: `[T, D]`
/// - output: `[T, D]` and `[2 D]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn gradients<B: Buffer>(
    sum: &[f32],
    gradient: &mut [f32],
    mask: Mask,
    gamma: &[f32],
    epsilon: f32,
) -> (B, Vec<f32>) {
    let width = gamma.len();
    // As in the gradient of the normalisation alone.
    let task = 4 * rows_in_task(width) * width;
    let length = gradient.len();
    let mut left: Vec<Vec<f32>> = vec![Vec::new(); length.div_ceil(task)];
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let values = gradient.par_chunks_mut(task).zip(sum.par_chunks(task));
        let tasks = out.par_chunks_mut(task).zip(values).zip(&mut left);
        tasks
            .enumerate()
            .for_each(|(number, ((out, (gradient, sum)), left))| {
                left.resize(2 * width, 0.0);
                let (of_gamma, of_beta) = left.split_at_mut(width);
                layer_norm::gradient(sum, gradient, gamma, epsilon, of_gamma, of_beta);
                dropout::apply(out.write_copy_of_slice(gradient), mask, number * task);
            });
    };
    // SAFETY: the tasks of all slices are as long, and cover the output.
    let of_rows = unsafe { written(length, fill) };
    (of_rows, add_up(&left, 2 * width))
}
