//! Matrix of token rows to which heads write in parallel, each its own columns.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Rows of a head: the first `count` of `values`, `stride` apart, each `width` wide.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadRows<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) count: usize,
    pub(super) width: usize,
}

pub(super) struct Columns<'a> {
    first: *mut MaybeUninit<f32>,
    length: usize,
    hidden: usize,
    borrowed: PhantomData<&'a mut [MaybeUninit<f32>]>,
}

// SAFETY: it is only written to, by `write`, whose callers keep to different places.
#[allow(unsafe_code, reason = "a slice cannot be divided by columns")]
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
    pub(super) fn new(rows: &'a mut [MaybeUninit<f32>], hidden: usize) -> Self {
        Self {
            first: rows.as_mut_ptr(),
            length: rows.len(),
            hidden,
            borrowed: PhantomData,
        }
    }

    /// Writes the columns of a head, from a row on.
    ///
    /// # Safety
    /// Nobody else writes the same columns of the same rows at the same time.
    #[allow(unsafe_code, reason = "a slice cannot be divided by columns")]
    pub(super) unsafe fn write(&self, head: usize, row: usize, rows: HeadRows<'_>) {
        let from = rows.values.chunks_exact(rows.stride).take(rows.count);
        for (number, values) in from.enumerate() {
            let start = (row + number) * self.hidden + head * rows.width;
            assert!(start + rows.width <= self.length, "a row beyond the last");
            // SAFETY: within the slice, and the caller says that the place is this head's own.
            let place =
                unsafe { std::slice::from_raw_parts_mut(self.first.add(start), rows.width) };
            place.write_copy_of_slice(&values[..rows.width]);
        }
    }
}
