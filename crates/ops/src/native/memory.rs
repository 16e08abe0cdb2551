//! Tasks over slices, in place or into memory that has not been written yet.

use std::mem::MaybeUninit;

use rayon::prelude::*;

/// Runs `kernel` on every task of some values, each with its first position and what it leaves.
pub(crate) fn transform<P: Default + Send>(
    values: &mut [f32],
    task: usize,
    kernel: impl Fn(usize, &mut [f32], &mut P) + Sync,
) -> Vec<P> {
    let mut left = no_work_yet(values.len(), task);
    let tasks = values.par_chunks_mut(task).zip(&mut left).enumerate();
    tasks.for_each(|(number, (values, left))| kernel(number * task, values, left));
    left
}

/// The same on a copy: each task is copied right before its kernel, into the nearest cache.
pub(crate) fn transformed<P: Default + Send>(
    values: &[f32],
    task: usize,
    kernel: impl Fn(usize, &mut [f32], &mut P) + Sync,
) -> (Vec<f32>, Vec<P>) {
    let mut left = no_work_yet(values.len(), task);
    let fill = |copy: &mut [MaybeUninit<f32>]| {
        let tasks = copy.par_chunks_mut(task).zip(values.par_chunks(task));
        let tasks = tasks.zip(&mut left).enumerate();
        tasks.for_each(|(number, ((copy, values), left))| {
            kernel(number * task, copy.write_copy_of_slice(values), left);
        });
    };
    // SAFETY: the tasks of both slices are as long, and cover them.
    #[allow(unsafe_code, reason = "zeros would be written only to be overwritten")]
    let copy = unsafe { written(values.len(), fill) };
    (copy, left)
}

fn no_work_yet<P: Default>(length: usize, task: usize) -> Vec<P> {
    (0..length.div_ceil(task)).map(|_| P::default()).collect()
}

/// As many values as `fill` writes.
///
/// # Safety
/// `fill` writes every one of them.
#[allow(unsafe_code, reason = "zeros would be written only to be overwritten")]
pub(super) unsafe fn written(
    length: usize,
    fill: impl FnOnce(&mut [MaybeUninit<f32>]),
) -> Vec<f32> {
    let mut values = Vec::with_capacity(length);
    fill(&mut values.spare_capacity_mut()[..length]);
    // SAFETY: they are allocated, and the caller has written them.
    unsafe { values.set_len(length) };
    values
}

/// Sums what tasks left for each column, in their order.
pub(crate) fn add_up(parts: &[Vec<f32>], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums
}
