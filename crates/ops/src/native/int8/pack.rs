//! A weight in 8-bit integers, packed for the instructions of the machine.

use std::ops::Range;

use rayon::prelude::*;

use super::instructions::{Instructions, Layout};
use super::rows::{factors, integer};
use crate::native::product::Matrix;

/// A line of the cache, so that no vector lies in two.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([u32; 16]);

/// Quantized weight `[input, output]`, with a scale per output.
#[derive(Debug)]
pub(crate) struct Weight {
    inputs: usize,
    outputs: usize,
    instructions: Instructions,
    /// Panels of outputs, each with all its words: see [`Instructions::place`].
    lines: Vec<Line>,
    /// What an integer of each output stands for.
    scales: Vec<f32>,
    /// What the sums of each output begin with: less 128 times its values where rows have that added.
    starts: Vec<i32>,
}

impl Weight {
    /// Quantizes a matrix `[inputs, outputs]` of finite values, by all threads.
    pub(crate) fn quantize(matrix: Matrix<'_>, sizes: [usize; 2]) -> Self {
        Self::for_instructions(Instructions::best(), matrix, sizes)
    }

    pub(super) fn for_instructions(
        instructions: Instructions,
        matrix: Matrix<'_>,
        [inputs, outputs]: [usize; 2],
    ) -> Self {
        let width = instructions.panel_width();
        let panels = outputs.div_ceil(width);
        let size = (instructions.words(inputs) * width).div_ceil(16);
        let mut lines = vec![Line([0; 16]); panels * size];
        let mut scales = vec![0.0; panels * width];
        let mut starts = vec![0; panels * width];
        let of_panels = lines
            .par_chunks_mut(size)
            .zip(scales.par_chunks_mut(width))
            .zip(starts.par_chunks_mut(width));
        of_panels
            .enumerate()
            .for_each(|(panel, ((lines, scales), starts))| {
                let first = panel * width;
                let columns = columns(matrix, inputs, first..(first + width).min(outputs));
                let of_columns = columns.chunks_exact(inputs).zip(scales).zip(starts);
                for (column, ((values, scale), start)) in of_columns.enumerate() {
                    let inverse;
                    (inverse, *scale) = factors(values);
                    let integers = values
                        .iter()
                        .map(|value| integer(*value, inverse) as u8 as i8);
                    let integers: Vec<i8> = integers.collect();
                    if instructions.layout() == Layout::Unsigned {
                        *start = -128 * integers.iter().map(|value| i32::from(*value)).sum::<i32>();
                    }
                    let words = integers.chunks(instructions.layout().values_in_word());
                    for (number, values) in words.enumerate() {
                        let place = instructions.place(number, column);
                        lines[place / 16].0[place % 16] = word(values, instructions.layout());
                    }
                }
            });
        Self {
            inputs,
            outputs,
            instructions,
            lines,
            scales,
            starts,
        }
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// The matrix `[inputs, outputs]` that the integers stand for, in rows.
    pub(crate) fn dequantize(&self) -> Vec<f32> {
        let value = |input: usize, output: usize| {
            let layout = self.instructions.layout();
            let (panel, column) = (output / self.panel_width(), output % self.panel_width());
            let per_word = layout.values_in_word();
            let place = self.instructions.place(input / per_word, column);
            let bytes = self.panel(panel)[place / 16].0[place % 16].to_le_bytes();
            // The low byte of a value has all its bits but the sign of the high one.
            let byte = bytes[input % per_word * layout.value_bytes()];
            f32::from(byte as i8) * self.scales[output]
        };
        let rows = (0..self.inputs).into_par_iter();
        rows.flat_map_iter(|input| (0..self.outputs).map(move |output| value(input, output)))
            .collect()
    }

    pub(super) fn instructions(&self) -> Instructions {
        self.instructions
    }

    pub(super) fn panel_width(&self) -> usize {
        self.instructions.panel_width()
    }

    pub(super) fn panels(&self) -> usize {
        self.outputs.div_ceil(self.panel_width())
    }

    pub(super) fn panel(&self, number: usize) -> &[Line] {
        let size = self.lines.len() / self.panels();
        &self.lines[number * size..][..size]
    }

    pub(super) fn starts(&self, panel: usize) -> &[i32] {
        &self.starts[panel * self.panel_width()..][..self.panel_width()]
    }

    pub(super) fn scales(&self, outputs: Range<usize>) -> &[f32] {
        &self.scales[outputs]
    }
}

/// Some columns of a matrix, one after the other.
fn columns(matrix: Matrix<'_>, inputs: usize, columns: Range<usize>) -> Vec<f32> {
    let mut values = vec![0.0; columns.len() * inputs];
    for input in 0..inputs {
        for (column, output) in columns.clone().enumerate() {
            values[column * inputs + input] = matrix.at(input, output);
        }
    }
    values
}

/// Values in a word, with zeros up to whole ones.
fn word(values: &[i8], layout: Layout) -> u32 {
    let word = |bits: fn(i8) -> u32, size: usize| {
        let places = values.iter().enumerate();
        places.fold(0, |word, (place, value)| {
            word | bits(*value) << (place * size)
        })
    };
    match layout {
        Layout::Signed | Layout::Unsigned => word(|value| u32::from(value as u8), 8),
        Layout::Pairs => word(|value| u32::from(i16::from(value) as u16), 16),
    }
}
