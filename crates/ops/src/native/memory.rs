//! Parallel tasks over slices, in place or into uninitialized memory.

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
pub(crate) fn transformed<B: Buffer, P: Default + Send>(
    values: &[f32],
    task: usize,
    kernel: impl Fn(usize, &mut [f32], &mut P) + Sync,
) -> (B, Vec<P>) {
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

/// Memory for values that are about to be written: zeros would be written only to be overwritten.
pub(crate) trait Buffer: Sized {
    /// Memory for so many values.
    fn with_room(length: usize) -> Self;

    /// Its first `length` values.
    fn room(&mut self, length: usize) -> &mut [MaybeUninit<f32>];

    /// The same, from now on with `length` values.
    ///
    /// # Safety
    /// They are written.
    #[allow(unsafe_code, reason = "memory that is not written before")]
    unsafe fn with_values(self, length: usize) -> Self;

    /// A copy of values.
    fn copied(values: &[f32]) -> Self {
        let copy = |room: &mut [MaybeUninit<f32>]| {
            room.write_copy_of_slice(values);
        };
        // SAFETY: the slices are as long.
        #[allow(unsafe_code, reason = "memory that is not written before")]
        unsafe {
            written(values.len(), copy)
        }
    }
}

impl Buffer for Vec<f32> {
    fn with_room(length: usize) -> Self {
        Vec::with_capacity(length)
    }

    fn room(&mut self, length: usize) -> &mut [MaybeUninit<f32>] {
        &mut self.spare_capacity_mut()[..length]
    }

    #[allow(unsafe_code, reason = "memory that is not written before")]
    unsafe fn with_values(mut self, length: usize) -> Self {
        // SAFETY: they are allocated, and the caller has written them.
        unsafe { self.set_len(length) };
        self
    }
}

/// As many values as `fill` writes.
///
/// # Safety
/// `fill` writes every one of them.
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(super) unsafe fn written<B: Buffer>(
    length: usize,
    fill: impl FnOnce(&mut [MaybeUninit<f32>]),
) -> B {
    let mut values = B::with_room(length);
    fill(values.room(length));
    // SAFETY: the caller has written them.
    unsafe { values.with_values(length) }
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
