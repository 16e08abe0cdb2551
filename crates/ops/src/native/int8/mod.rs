//! Matrix products of 8-bit integers: rows with a scale each, a weight with a scale per output, and
//! exact sums in 32 bits.
//!
//! - [`rows`] quantizes activations and [`pack`] a weight, both into words of 32 bits with two or four
//!   values. [`kernel`] multiplies a few rows and a panel of outputs with the [`instructions`] of the
//!   machine.
//! - A result is an integer times two scales. So its bits are those of any other rows beside it, of any
//!   number of threads, and of any processor.

mod instructions;
mod kernel;
mod lanes;
mod pack;
mod rows;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tiles;

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use self::kernel::{Kernel, MOST_SUMS, WIDEST_PANEL};
pub(crate) use self::pack::Weight;
use self::rows::Rows;
pub(crate) use self::rows::{ROUNDER, SMALLEST, absolute_bits, factors, factors_of};
use super::instructions::vectorized;
use super::memory::{Buffer, written};
use super::product::Matrix;

/// Largest absolute value of a quantized number.
pub(crate) const LARGEST: f32 = 127.0;

/// The longest row whose sums of products fit 32 bits.
pub(crate) const LONGEST_ROW: usize = i32::MAX as usize / (127 * 127);

/// Rows that a task multiplies at most: their values should stay in a near cache.
const TASK_ROWS: usize = 96;

/// `rows · weight + bias` with quantized rows. A row with values that are not finite gives rows of NaN.
///
/// # Shapes
/// - `rows`: `[count, input]`
/// - `bias`: `[output]`
/// - output: `[count, output]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn product<B: Buffer>(
    rows: Matrix<'_>,
    count: usize,
    weight: &Weight,
    bias: Option<&[f32]>,
) -> B {
    let outputs = weight.outputs();
    let rows = Rows::quantize(rows, [count, weight.inputs()], weight.instructions());
    let threads = rayon::current_num_threads();
    let step = weight.instructions().rows();
    let task = count.div_ceil(4 * threads).next_multiple_of(step);
    let task = task.min(TASK_ROWS.next_multiple_of(step));
    let fill = |out: &mut [MaybeUninit<f32>]| match count.div_ceil(task) < threads {
        true => by_columns(&rows, weight, bias, out, threads),
        false => {
            let tasks = out.par_chunks_mut(task * outputs).enumerate();
            tasks.for_each(|(number, out)| {
                let first = number * task;
                let panels = 0..weight.panels();
                let count = out.len() / outputs;
                let mut place = Place::new(out, outputs, 0);
                multiply(&rows, first, count, weight, panels, bias, &mut place);
            });
        }
    };
    // SAFETY: both ways write every row of every output.
    unsafe { written(count * outputs, fill) }
}

/// All of few rows, with the outputs divided among the threads.
fn by_columns(
    rows: &Rows,
    weight: &Weight,
    bias: Option<&[f32]>,
    out: &mut [MaybeUninit<f32>],
    threads: usize,
) {
    let (count, outputs) = (rows.count(), weight.outputs());
    let share = weight.panels().div_ceil(threads);
    let parts: Vec<(usize, Vec<MaybeUninit<f32>>)> = (0..weight.panels())
        .into_par_iter()
        .step_by(share)
        .map(|first| {
            let panels = first..(first + share).min(weight.panels());
            let start = first * weight.panel_width();
            let width = (panels.end * weight.panel_width()).min(outputs) - start;
            let mut part = vec![MaybeUninit::uninit(); count * width];
            let mut place = Place::new(&mut part, width, start);
            multiply(rows, 0, count, weight, panels, bias, &mut place);
            (start, part)
        })
        .collect();
    for (start, part) in &parts {
        let width = part.len() / count;
        for (out, part) in out.chunks_mut(outputs).zip(part.chunks(width)) {
            out[*start..start + width].copy_from_slice(part);
        }
    }
}

/// Sums of a block, in rows.
#[repr(align(64))]
struct Sums([i32; MOST_SUMS]);

/// Where results go: rows of `width`, the first of whose columns is that of an output.
struct Place<'a> {
    values: &'a mut [MaybeUninit<f32>],
    width: usize,
    first_output: usize,
}

impl<'a> Place<'a> {
    fn new(values: &'a mut [MaybeUninit<f32>], width: usize, first_output: usize) -> Self {
        Self {
            values,
            width,
            first_output,
        }
    }
}

/// Some rows times some panels.
fn multiply(
    rows: &Rows,
    first: usize,
    count: usize,
    weight: &Weight,
    panels: Range<usize>,
    bias: Option<&[f32]>,
    place: &mut Place<'_>,
) {
    let kernel = Kernel::new(weight.instructions());
    let (step, width) = (weight.instructions().rows(), weight.panel_width());
    let mut sums = Sums([0; MOST_SUMS]);
    let no_bias = [0.0; WIDEST_PANEL];
    for panel in panels {
        let outputs = panel * width..((panel + 1) * width).min(weight.outputs());
        let scales = weight.scales(outputs.clone());
        let bias = bias.map_or(&no_bias[..outputs.len()], |bias| &bias[outputs.clone()]);
        let column = outputs.start - place.first_output;
        for start in (0..count).step_by(step) {
            let block = first + start..first + count.min(start + step);
            kernel.multiply(rows, block.clone(), weight, panel, &mut sums.0);
            let rows_of_place = place.values[start * place.width..].chunks_mut(place.width);
            let of_rows = rows_of_place.zip(sums.0.chunks_exact(width)).zip(block);
            for ((row, sums), number) in of_rows {
                let row = &mut row[column..column + outputs.len()];
                write(row, sums, rows.scale(number), scales, bias);
            }
        }
    }
}

vectorized! {
    /// Integers with their scales, and the bias.
    fn write<A>(
        row: &mut [MaybeUninit<f32>],
        sums: &[i32],
        row_scale: f32,
        scales: &[f32],
        bias: &[f32],
    ) {
        // Not with a multiply-add: the bits are to be those of every processor.
        for (((value, sum), scale), bias) in row.iter_mut().zip(sums).zip(scales).zip(bias) {
            value.write(*sum as f32 * (row_scale * scale) + bias);
        }
    }
}

#[cfg(test)]
mod tests;
