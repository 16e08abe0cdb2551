//! Quantization of values with one scale for each row.

use rayon::prelude::*;

use super::LARGEST;
use super::instructions::{Instructions, Layout};
use crate::native::instructions::vectorized;
use crate::native::product::Matrix;
use crate::native::rows_in_task;

/// The largest value of a row counts as no less: 127 divided by it is to be an f32.
pub(crate) const SMALLEST: f32 = 1e-30;

/// Adding it to a number below 2^22 leaves the nearest integer in the low bits, ties to even; taking it away
/// again leaves that integer.
pub(crate) const ROUNDER: f32 = 12_582_912.0;

/// Quantized rows, in the words that the instructions of the machine multiply.
#[derive(Debug)]
pub(super) struct Rows {
    /// Rows, and zeros up to as many as are multiplied at once.
    bytes: Vec<u8>,
    /// Bytes of a row, with zeros up to whole words.
    stride: usize,
    /// What an integer of each row stands for; NaN if a value is not finite.
    scales: Vec<f32>,
}

impl Rows {
    /// Quantizes a matrix `[count, width]`, by all threads.
    pub(super) fn quantize(
        rows: Matrix<'_>,
        [count, width]: [usize; 2],
        instructions: Instructions,
    ) -> Self {
        let layout = instructions.layout();
        let stride = 4 * instructions.words(width);
        let mut bytes = vec![0; count.next_multiple_of(instructions.rows()) * stride];
        let mut scales = vec![0.0; count];
        let task = rows_in_task(width);
        let tasks = bytes
            .par_chunks_mut(task * stride)
            .zip(scales.par_chunks_mut(task));
        tasks.enumerate().for_each(|(number, (bytes, scales))| {
            let mut copy = vec![0.0; if rows.is_row_major() { 0 } else { width }];
            let rows_of_task = bytes.chunks_exact_mut(stride).zip(scales).enumerate();
            for (row, (bytes, scale)) in rows_of_task {
                let row = rows.skip_rows(number * task + row);
                let values = match row.is_row_major() {
                    true => &row.values()[..width],
                    false => {
                        let values = copy.iter_mut().enumerate();
                        values.for_each(|(column, value)| *value = row.at(0, column));
                        &copy
                    }
                };
                let inverse;
                (inverse, *scale) = factors(values);
                // Zeros are left beyond them, and multiplied by zeros.
                let of_values = &mut bytes[..width * layout.value_bytes()];
                match layout {
                    Layout::Signed => bytes_of(values, inverse, 0, of_values),
                    Layout::Unsigned => bytes_of(values, inverse, 0x80, of_values),
                    Layout::Pairs => pairs_of(values, inverse, of_values),
                }
            }
        });
        Self {
            bytes,
            stride,
            scales,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.scales.len()
    }

    pub(super) fn scale(&self, row: usize) -> f32 {
        self.scales[row]
    }

    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// The bytes of a row, and all that follow.
    pub(super) fn from(&self, row: usize) -> &[u8] {
        &self.bytes[row * self.stride..]
    }
}

/// What values are multiplied by to get integers, and what an integer stands for.
pub(crate) fn factors(values: &[f32]) -> (f32, f32) {
    factors_of(largest_bits(values))
}

/// The same for values with these bits of the largest absolute value. If it is not finite, an integer
/// stands for NaN.
pub(crate) fn factors_of(largest_bits: u32) -> (f32, f32) {
    let largest = f32::from_bits(largest_bits);
    if !largest.is_finite() {
        return (0.0, f32::NAN);
    }
    let largest = largest.max(SMALLEST);
    (LARGEST / largest, largest / LARGEST)
}

/// The bits of an absolute value, which are ordered as numbers; those of NaN come last.
#[inline(always)]
pub(crate) fn absolute_bits(value: f32) -> u32 {
    value.to_bits() & 0x7fff_ffff
}

/// The integer nearest to a value, which is in the low bits.
#[inline(always)]
pub(super) fn integer(value: f32, inverse: f32) -> u32 {
    (value * inverse + ROUNDER).to_bits()
}

vectorized! {
    /// The [`absolute_bits`] of the largest.
    fn largest_bits<A>(values: &[f32]) -> u32 {
        let mut largest = [0u32; 16];
        let (chunks, rest) = values.as_chunks::<16>();
        for chunk in chunks {
            for (largest, value) in largest.iter_mut().zip(chunk) {
                *largest = (*largest).max(absolute_bits(*value));
            }
        }
        for value in rest {
            largest[0] = largest[0].max(absolute_bits(*value));
        }
        largest.into_iter().fold(0, u32::max)
    }
}

vectorized! {
    /// Integers of 8 bits, with some bits turned.
    fn bytes_of<A>(values: &[f32], inverse: f32, turned: u8, bytes: &mut [u8]) {
        for (value, byte) in values.iter().zip(bytes) {
            *byte = integer(*value, inverse) as u8 ^ turned;
        }
    }
}

vectorized! {
    /// Integers of 16 bits.
    fn pairs_of<A>(values: &[f32], inverse: f32, bytes: &mut [u8]) {
        let (pairs, _) = bytes.as_chunks_mut::<2>();
        for (value, bytes) in values.iter().zip(pairs) {
            *bytes = (integer(*value, inverse) as u16).to_le_bytes();
        }
    }
}
