//! Embedding lookup and its gradient.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::memory::{Buffer, written};
use super::rows_in_task;

/// The rows that `ids` name.
///
/// # Shapes
/// - `table`: `[V, D]`
/// - output: `[T, D]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn apply<B: Buffer>(table: &[f32], width: usize, ids: &[usize]) -> B {
    let task = rows_in_task(width);
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let tasks = out.par_chunks_mut(task * width).zip(ids.par_chunks(task));
        tasks.for_each(|(out, ids)| {
            for (row, id) in out.chunks_exact_mut(width).zip(ids) {
                row.write_copy_of_slice(&table[id * width..(id + 1) * width]);
            }
        });
    };
    // SAFETY: there is an id for every row.
    unsafe { written(ids.len() * width, fill) }
}

/// The gradient of a table of so many rows: a task zeroes some of its rows and adds to them, in the
/// order of the ids, what is theirs.
///
/// # Shapes
/// - `gradient`: `[T, D]`
/// - output: `[V, D]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn gradient<B: Buffer>(rows: usize, ids: &[usize], gradient: &[f32], width: usize) -> B {
    let mut named: Vec<(usize, usize)> = ids.iter().copied().zip(0..).collect();
    named.sort_unstable();
    assert!(named.last().is_none_or(|(id, _)| *id < rows), "{named:?}");
    let task = 16 * rows_in_task(width);
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let tasks = out.par_chunks_mut(task * width).enumerate();
        tasks.for_each(|(number, out)| {
            let first = number * task;
            out.fill(MaybeUninit::new(0.0));
            // SAFETY: they are written.
            let out = unsafe { out.assume_init_mut() };
            let start = named.partition_point(|(id, _)| *id < first);
            let theirs = named[start..].iter();
            for (id, place) in theirs.take_while(|(id, _)| *id < first + task) {
                let sum = &mut out[(id - first) * width..][..width];
                let values = &gradient[place * width..][..width];
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum += value;
                }
            }
        });
    };
    // SAFETY: every task fills its part.
    unsafe { written(rows * width, fill) }
}
