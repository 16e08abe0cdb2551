//! Dropout, residual and layer normalization of rows in one pass.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::memory::{Buffer, written};
use super::{dropout, layer_norm, rows_in_task};
use crate::dropout::Mask;
use crate::dropout_add_layer_norm::Norm;

/// `norm(residual + dropout(rows))`; what was normalized stays in the place of the rows.
///
/// # Shapes
/// - `rows`, `residual`, output: `[T, D]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn apply<B: Buffer>(
    rows: &mut [f32],
    residual: &[f32],
    mask: Option<Mask>,
    norm: Norm<&[f32]>,
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
            layer_norm::apply(out, norm.gamma, norm.beta, norm.epsilon as f32);
        });
    };
    // SAFETY: the tasks of all slices are as long, and cover the output.
    unsafe { written(length, fill) }
}

/// The gradient of the rows, with that of the residual in the place of the output's; and what each
/// task leaves of those of gamma and beta, see [`layer_norm::gradient_with_sums`].
///
/// # Shapes
/// - `sum` (what was normalized), `gradient`: `[T, D]`
/// - output: `[T, D]`, and `[2 D]` of each task
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn gradients<B: Buffer>(
    sum: &[f32],
    gradient: &mut [f32],
    mask: Mask,
    gamma: &[f32],
    epsilon: f32,
) -> (B, Vec<Vec<f32>>) {
    let task = layer_norm::gradient_task(gamma.len());
    let length = gradient.len();
    let mut left: Vec<Vec<f32>> = vec![Vec::new(); length.div_ceil(task)];
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let values = gradient.par_chunks_mut(task).zip(sum.par_chunks(task));
        let tasks = out.par_chunks_mut(task).zip(values).zip(&mut left);
        tasks
            .enumerate()
            .for_each(|(number, ((out, (gradient, sum)), left))| {
                layer_norm::gradient_with_sums(sum, gradient, gamma, epsilon, left);
                dropout::apply(out.write_copy_of_slice(gradient), mask, number * task);
            });
    };
    // SAFETY: the tasks of all slices are as long, and cover the output.
    let of_rows = unsafe { written(length, fill) };
    (of_rows, left)
}
