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

use std::mem::MaybeUninit;
use std::sync::OnceLock;

use rayon::prelude::*;

pub(super) use self::kernel::Kernel;
pub(super) use self::pack::{PANEL, Panels, Side};
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
    assert!(is_available(), "no instructions");
    assert!(
        out.len() == m * n && k > 0 && left.holds(m, k) && right.holds(k, n),
        "{m} {n} {k}"
    );
    assert!(
        bias.is_none_or(|bias| bias.len() == n),
        "values of the bias"
    );
    let columns = Panels::all(Side::Right, right.transposed(), [n, k]);
    let task = task_rows(m);
    out.par_chunks_mut(task * n).enumerate().for_each_init(
        || Panels::empty(Side::Left),
        |panels, (number, out)| {
            panels.fill(left.skip_rows(number * task), [out.len() / n, k]);
            multiply(panels, &columns, out, n, bias);
        },
    );
}

/// Enough tasks for all threads, of whole panels. The division does not change any value.
fn task_rows(m: usize) -> usize {
    let share = m.div_ceil(4 * rayon::current_num_threads());
    share.next_multiple_of(PANEL).min(TASK_ROWS)
}

/// The rows of a task times all columns.
fn multiply(
    rows: &Panels,
    columns: &Panels,
    out: &mut [MaybeUninit<f32>],
    n: usize,
    bias: Option<&[f32]>,
) {
    let kernel = Kernel::of_this_thread();
    let mut block = Block([0.0; PANEL * PANEL]);
    let no_bias = [0.0; PANEL];
    for (panel, columns) in columns.iter().enumerate() {
        let first = panel * PANEL;
        let width = PANEL.min(n - first);
        let bias = bias.map_or(&no_bias[..width], |bias| &bias[first..first + width]);
        for (rows, out) in rows.iter().zip(out.chunks_mut(PANEL * n)) {
            let count = out.len() / n;
            kernel.multiply(
                [rows, columns],
                &mut block.0,
                PANEL,
                Place::Overwrite,
                count,
            );
            write(out, n, first, &block.0, bias);
        }
    }
}

vectorized! {
    /// The columns of a block, with their bias, from a column of rows `[any, n]` on.
    fn write<A>(
        out: &mut [MaybeUninit<f32>],
        n: usize,
        first: usize,
        block: &[f32],
        bias: &[f32],
    ) {
        for (row, values) in out.chunks_mut(n).zip(block.chunks_exact(PANEL)) {
            let row = &mut row[first..first + bias.len()];
            for ((out, value), bias) in row.iter_mut().zip(values).zip(bias) {
                out.write(value + bias);
            }
        }
    }
}
