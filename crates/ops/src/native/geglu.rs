//! GELU-gated linear unit and its gradient; the values of GELU are those of [`gelu`](super::gelu).

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::gelu::normal;
use super::instructions::vectorized;
use super::memory::{Buffer, written};
use super::rows_in_task;

/// `x₁ · Φ(x₁) · x₂`, where `x₁` and `x₂` are the halves of each row.
///
/// # Shapes
/// - `rows`: `[T, 2 I]`
/// - output: `[T, I]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn apply<B: Buffer>(rows: &[f32], half: usize) -> B {
    let task = rows_in_task(2 * half) * half;
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let tasks = out.par_chunks_mut(task).zip(rows.par_chunks(2 * task));
        tasks.for_each(|(out, rows)| gate(out, rows, half));
    };
    // SAFETY: every task writes its part, and there is a row for each.
    unsafe { written(rows.len() / 2, fill) }
}

vectorized! {
    fn gate<A>(out: &mut [MaybeUninit<f32>], rows: &[f32], half: usize) {
        for (out, row) in out.chunks_exact_mut(half).zip(rows.chunks_exact(2 * half)) {
            let (input, gate) = row.split_at(half);
            for ((out, x), gate) in out.iter_mut().zip(input).zip(gate) {
                out.write(x * normal::<A>(*x).0 * gate);
            }
        }
    }
}

vectorized! {
    /// `gradient · x₂ · (Φ(x₁) + x₁ · φ(x₁))` and `gradient · x₁ · Φ(x₁)` in the place of `x₁` and `x₂`.
    ///
    /// # Shapes
    /// - `rows`: `[T, 2 I]`
    /// - `gradient`: `[T, I]`
    pub(crate) fn gradient<A>(rows: &mut [f32], gradient: &[f32], half: usize) {
        let rows = rows.chunks_exact_mut(2 * half);
        for (row, gradient) in rows.zip(gradient.chunks_exact(half)) {
            let (input, gate) = row.split_at_mut(half);
            for ((x, gate), gradient) in input.iter_mut().zip(gate).zip(gradient) {
                let (distribution, density) = normal::<A>(*x);
                let of_input = A::mul_add(*x, density, distribution) * (gradient * *gate);
                *gate = *x * distribution * gradient;
                *x = of_input;
            }
        }
    }
}
