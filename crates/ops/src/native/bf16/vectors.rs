//! Products of bfloat16 in 512-bit vectors, for processors without tiles. See `VDPBF16PS` in [AMD's
//! manual](https://docs.amd.com/v/u/en-US/26568_3.27).

use std::arch::x86_64::*;

use super::pack::{BLOCK, PANEL, STEP_PAIRS};
use crate::native::product::Place;

/// Rows whose sums, two vectors each, stay in registers together.
const ROWS: usize = 8;

/// Whether the processor has them, and multiplies faster by them than in f32. Intel's do not: those that have no
/// tiles do half as many as f32 products in a cycle.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512bf16") && !is_intel()
}

fn is_intel() -> bool {
    let found = __cpuid(0);
    let vendor = [found.ebx, found.edx, found.ecx].map(u32::to_le_bytes);
    vendor.as_flattened() == b"GenuineIntel"
}

/// The product of the first `count` rows of a panel and a panel of columns. Rows beyond them may be written, too.
///
/// # Safety
/// The machine has the instructions, both panels have as many whole steps, and the product has [`PANEL`] rows of
/// [`PANEL`] values, `stride` apart.
#[allow(unsafe_code, reason = "vector instructions")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn multiply(
    left: &[u32],
    right: &[u32],
    product: *mut f32,
    stride: usize,
    place: Place,
    count: usize,
) {
    for row in (0..count.min(PANEL)).step_by(ROWS) {
        // A block has the values of a row one after the other, and half of a panel's rows.
        let left = &left[row / BLOCK * BLOCK * BLOCK + row % BLOCK * BLOCK..];
        // SAFETY: as the caller says, from a row on.
        unsafe { multiply_rows(left, right, product.add(row * stride), stride, place) };
    }
}

/// A few rows, from where their first block begins.
///
/// # Safety
/// As for [`multiply`].
#[allow(unsafe_code, reason = "vector instructions")]
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn multiply_rows(
    left: &[u32],
    right: &[u32],
    product: *mut f32,
    stride: usize,
    place: Place,
) {
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    if place == Place::AddTo {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the product has these rows.
            *sums = unsafe {
                let row = product.add(row * stride);
                [_mm512_loadu_ps(row), _mm512_loadu_ps(row.add(BLOCK))]
            };
        }
    }
    let steps = right.len() / STEP_PAIRS;
    for step in 0..steps {
        // SAFETY: both panels have the step, of two blocks.
        unsafe {
            let left = left.as_ptr().add(step * STEP_PAIRS);
            let right = right.as_ptr().add(step * STEP_PAIRS);
            for pair in 0..BLOCK {
                let columns = right.add(pair * BLOCK);
                let columns = [vector(columns), vector(columns.add(BLOCK * BLOCK))];
                for (row, sums) in sums.iter_mut().enumerate() {
                    let row = _mm512_set1_epi32(left.add(row * BLOCK + pair).read().cast_signed());
                    let row = pairs(row);
                    *sums = [
                        _mm512_dpbf16_ps(sums[0], row, columns[0]),
                        _mm512_dpbf16_ps(sums[1], row, columns[1]),
                    ];
                }
            }
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        // SAFETY: the product has these rows.
        unsafe {
            let row = product.add(row * stride);
            _mm512_storeu_ps(row, sums[0]);
            _mm512_storeu_ps(row.add(BLOCK), sums[1]);
        }
    }
}

/// # Safety
/// There are 16 pairs.
#[allow(unsafe_code, reason = "vector instructions")]
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn vector(from: *const u32) -> __m512bh {
    // SAFETY: as the caller says.
    pairs(unsafe { _mm512_loadu_si512(from.cast()) })
}

#[allow(unsafe_code, reason = "the same bits by another name")]
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits without meaning of their own.
    unsafe { std::mem::transmute(bits) }
}
