//! Matrix product of operands rounded to bfloat16 with f32 accumulation, on processors with instructions for it
//! (Intel AMX, AVX-512 BF16).
//!
//! Both matrices are copied into blocks of 16 lines by 16 pairs of values ([`pack`]), and a kernel
//! multiplies them to blocks of 32 rows by 32 columns of the result ([`kernel`]). The order of a sum
//! over pairs does not depend on the number of rows, columns and threads.

mod kernel;
mod pack;
#[cfg(target_os = "linux")]
mod tiles;
mod vectors;
mod weight;

use std::mem::MaybeUninit;
use std::ops::Range;
use std::slice;
use std::sync::OnceLock;

use rayon::prelude::*;

pub(super) use self::kernel::Kernel;
pub(super) use self::pack::{PANEL, Panels, Side};
pub(crate) use self::weight::Weight;
use super::instructions::vectorized;
use super::product::{Matrix, Place};

/// Whether this machine has what [`product`] needs.
pub(super) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| pack::is_available() && kernel::is_available())
}

/// A block of the result, in rows.
#[repr(align(64))]
struct Block([f32; PANEL * PANEL]);

/// Rows that a task multiplies at most: their panels should stay in a near cache.
const TASK_ROWS: usize = 128;

/// Products in a task of few rows, at least.
const TASK_PRODUCTS: usize = 1 << 19;

/// `left · right + bias` in rows, where `left` is `[m, k]` and `right` `[k, n]`. All of `out` is
/// written.
///
/// # Panics
/// If the machine has no instructions for it, or sizes do not fit.
pub(super) fn product(
    out: &mut [MaybeUninit<f32>],
    [m, n, k]: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
) {
    assert!(right.holds(k, n), "{n} {k}");
    let columns = Panels::all(Side::Right, right.transposed(), [n, k]);
    product_by(out, [m, n, k], left, &columns, bias);
}

/// The same with the columns of `right` in panels.
fn product_by(
    out: &mut [MaybeUninit<f32>],
    [m, n, k]: [usize; 3],
    left: Matrix<'_>,
    columns: &Panels,
    bias: Option<&[f32]>,
) {
    assert!(is_available(), "no instructions");
    assert!(
        out.len() == m * n && k > 0 && left.holds(m, k) && columns.are_of(n, k),
        "{m} {n} {k}"
    );
    assert!(
        bias.is_none_or(|bias| bias.len() == n),
        "values of the bias"
    );
    let rows = task_rows(m);
    let out = Output {
        start: out.as_mut_ptr(),
        stride: n,
    };
    let panels = columns.iter().len();
    let whole = Task { out, columns, bias };
    if m.div_ceil(rows) >= rayon::current_num_threads() {
        let starts = (0..m).into_par_iter().step_by(rows);
        starts.for_each_init(
            || Panels::empty(Side::Left),
            |packed, start| {
                packed.fill(left.skip_rows(start), [rows.min(m - start), k]);
                whole.multiply(packed, start..m.min(start + rows), 0..panels);
            },
        );
        return;
    }
    // Too few rows for all threads: each has columns of its own.
    let packed = Panels::all(Side::Left, left, [m, k]);
    let least = TASK_PRODUCTS.div_ceil(m * k * PANEL);
    let parts = (0..panels).into_par_iter().with_min_len(least);
    parts.for_each(|panel| whole.multiply(&packed, 0..m, panel..panel + 1));
}

/// Enough tasks for all threads, of whole panels. The division does not change any value.
fn task_rows(m: usize) -> usize {
    let share = m.div_ceil(4 * rayon::current_num_threads());
    share.next_multiple_of(PANEL).min(TASK_ROWS)
}

/// A product, of which a task computes some rows and columns.
#[derive(Clone, Copy)]
struct Task<'a> {
    out: Output,
    columns: &'a Panels,
    bias: Option<&'a [f32]>,
}

impl Task<'_> {
    /// Some rows times some panels of columns; no other task has both.
    fn multiply(&self, packed: &Panels, rows: Range<usize>, panels: Range<usize>) {
        let kernel = Kernel::of_this_thread();
        let mut block = Block([0.0; PANEL * PANEL]);
        let no_bias = [0.0; PANEL];
        let columns = self.columns.iter().enumerate().skip(panels.start);
        for (panel, columns) in columns.take(panels.len()) {
            let first = panel * PANEL;
            let width = PANEL.min(self.out.stride - first);
            let bias = self.bias.map(|bias| &bias[first..first + width]);
            let bias = bias.unwrap_or(&no_bias[..width]);
            for (start, left) in rows.clone().step_by(PANEL).zip(packed.iter()) {
                let count = PANEL.min(rows.end - start);
                let both = [left, columns];
                kernel.multiply(both, &mut block.0, PANEL, Place::Overwrite, count);
                write(self.out, [start, first], count, &block.0, bias);
            }
        }
    }
}

/// Where the values of a product go, in rows.
#[derive(Clone, Copy)]
struct Output {
    start: *mut MaybeUninit<f32>,
    stride: usize,
}

// SAFETY: each task writes values of its own.
#[allow(unsafe_code, reason = "tasks write columns of the same rows")]
unsafe impl Send for Output {}

// SAFETY: as above.
#[allow(unsafe_code, reason = "tasks write columns of the same rows")]
unsafe impl Sync for Output {}

impl Output {
    /// Some values of a row.
    ///
    /// # Safety
    /// They are in the output, and no other task has them.
    #[allow(unsafe_code, reason = "tasks write columns of the same rows")]
    #[inline(always)]
    unsafe fn part<'a>(
        self,
        [row, column]: [usize; 2],
        length: usize,
    ) -> &'a mut [MaybeUninit<f32>] {
        // SAFETY: as the caller says.
        unsafe { slice::from_raw_parts_mut(self.start.add(row * self.stride + column), length) }
    }
}

vectorized! {
    /// The first rows of a block, with their bias, from a place on; no other task writes there.
    fn write<A>(
        out: Output,
        place: [usize; 2],
        count: usize,
        block: &[f32],
        bias: &[f32],
    ) {
        let [start, first] = place;
        for (row, values) in block.chunks_exact(PANEL).enumerate().take(count) {
            // SAFETY: the place is in the output, of the task that calls.
            let row = unsafe { out.part([start + row, first], bias.len()) };
            for ((out, value), bias) in row.iter_mut().zip(values).zip(bias) {
                out.write(value + bias);
            }
        }
    }
}
