//! Products with a weight that is packed once, for prediction.
//!
//! The crate of the product multiplies a few outputs at a time by all inputs. In a weight as it is, the
//! values of these lie far apart, and a short text waits for memory. Packed as panels, `[input, width]` one
//! after the other, they are neighbors. Sums are added up in the same order: the bits are those of
//! [`linear::apply`](super::linear::apply).

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::linear::{padded, repeat};
use super::memory::{Buffer, written};
use super::product::{Matrix, Place, in_one_order};

/// Rows that are multiplied at a time: their values should stay in a near cache.
const MOST_ROWS: usize = 256;

/// Products in a task, at least.
const TASK_PRODUCTS: usize = 1 << 19;

/// A weight `[input, output]` in panels.
#[derive(Debug)]
pub(crate) struct Panels {
    /// `[panels, input, width]`
    values: Vec<f32>,
    inputs: usize,
    outputs: usize,
    width: usize,
}

impl Panels {
    /// Packs a weight; `None` if its outputs cannot be divided into whole panels.
    pub(crate) fn pack(weight: Matrix<'_>, [inputs, outputs]: [usize; 2]) -> Option<Self> {
        let width = panel_width();
        if inputs == 0 || outputs == 0 || outputs % width != 0 {
            return None;
        }
        let mut values = vec![0.0; inputs * outputs];
        let panels = values.par_chunks_exact_mut(inputs * width).enumerate();
        panels.for_each(|(panel, values)| {
            for (input, values) in values.chunks_exact_mut(width).enumerate() {
                for (output, value) in values.iter_mut().enumerate() {
                    *value = weight.at(input, panel * width + output);
                }
            }
        });
        Some(Self {
            values,
            inputs,
            outputs,
            width,
        })
    }

    /// The weight as it was, in rows.
    pub(crate) fn unpack(&self) -> Vec<f32> {
        let mut weight = vec![0.0; self.values.len()];
        let rows = weight.par_chunks_exact_mut(self.outputs).enumerate();
        rows.for_each(|(input, row)| {
            for (panel, row) in row.chunks_exact_mut(self.width).enumerate() {
                row.copy_from_slice(&self.panel(panel)[input * self.width..][..self.width]);
            }
        });
        weight
    }

    pub(crate) fn shape(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    fn panel(&self, number: usize) -> &[f32] {
        let length = self.inputs * self.width;
        &self.values[number * length..][..length]
    }

    /// `rows · weight + bias`.
    ///
    /// # Shapes
    /// - `rows`: `[count, input]`
    /// - `bias`: `[output]`
    /// - output: `[count, output]`
    #[allow(unsafe_code, reason = "memory that is not written before")]
    pub(crate) fn apply<B: Buffer>(
        &self,
        rows: Matrix<'_>,
        count: usize,
        bias: Option<&[f32]>,
    ) -> B {
        if count == 1 {
            // A lone row has an order of sums of its own.
            let mut two = Vec::new();
            let rows = padded(&mut two, rows, [1, self.inputs], [2, self.inputs]);
            let both: Vec<f32> = self.apply(rows, 2, bias);
            return B::copied(&both[..self.outputs]);
        }
        let fill = |out: &mut [MaybeUninit<f32>]| {
            if let Some(bias) = bias {
                repeat(bias, out, self.outputs);
            }
            let place = match bias {
                Some(_) => Place::AddTo,
                None => Place::Overwrite,
            };
            self.multiply(rows, count, Output(out.as_mut_ptr().cast()), place);
        };
        // SAFETY: every block of rows is multiplied by every panel.
        unsafe { written(count * self.outputs, fill) }
    }

    /// Adds the product to what is at `out`, or overwrites it.
    #[allow(unsafe_code, reason = "tasks write columns of the same rows")]
    fn multiply(&self, rows: Matrix<'_>, count: usize, out: Output, place: Place) {
        // Blocks are about as long as each other, so that none is a lone row.
        let blocks = count.div_ceil(MOST_ROWS);
        let start_of = |block: usize| block * count / blocks;
        let panels = self.outputs / self.width;
        let task = TASK_PRODUCTS / (count.div_ceil(blocks) * self.inputs * self.width);
        let parts = (0..blocks * panels).into_par_iter();
        parts.with_min_len(task.max(1)).for_each(|part| {
            let (block, panel) = (part / panels, part % panels);
            let (start, end) = (start_of(block), start_of(block + 1));
            let rows = rows.skip_rows(start);
            let weight = Matrix::rows(self.panel(panel), self.width);
            let shape = [end - start, self.width, self.inputs];
            let stride = self.outputs;
            // SAFETY: rows and columns of the part are in the output, and no other part has them.
            unsafe {
                let out = out.at(start * stride + panel * self.width);
                in_one_order(out, stride, place, shape, rows, weight, false);
            }
        });
    }
}

/// Where the values of a product go, `[count, output]`.
#[derive(Clone, Copy)]
struct Output(*mut f32);

// SAFETY: each task writes values of its own.
#[allow(unsafe_code, reason = "tasks write columns of the same rows")]
unsafe impl Sync for Output {}

impl Output {
    /// # Safety
    /// There are so many values.
    #[allow(unsafe_code, reason = "tasks write columns of the same rows")]
    unsafe fn at(self, position: usize) -> *mut f32 {
        // SAFETY: as the caller says.
        unsafe { self.0.add(position) }
    }
}

/// Outputs that the crate of the product multiplies at a time.
fn panel_width() -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        return 32;
    }
    16
}

#[cfg(test)]
mod tests {
    use super::super::linear::{self, Sizes};
    use super::*;
    use crate::precision::Precision;

    fn values(count: usize, step: usize) -> Vec<f32> {
        let value = |place: usize| (place * step % 1013) as f32 / 1013.0 - 0.5;
        (0..count).map(value).collect()
    }

    #[test]
    fn bits_are_those_of_the_weight_as_it_is() {
        for (count, inputs, outputs) in [(1, 24, 64), (2, 700, 96), (16, 384, 384), (515, 40, 32)] {
            let (rows, weight) = (values(count * inputs, 7), values(inputs * outputs, 11));
            let bias = values(outputs, 13);
            let (left, right) = (Matrix::rows(&rows, inputs), Matrix::rows(&weight, outputs));
            let panels = Panels::pack(right, [inputs, outputs]).unwrap();
            assert_eq!(panels.unpack(), weight);
            for bias in [None, Some(&bias[..])] {
                let sizes = Sizes {
                    rows: count,
                    inputs,
                    outputs,
                };
                let expected: Vec<f32> = linear::apply(left, right, bias, sizes, Precision::F32);
                let found: Vec<f32> = panels.apply(left, count, bias);
                assert!(expected == found, "{count} x {inputs} x {outputs}");
            }
        }
    }

    #[test]
    fn outputs_that_are_no_whole_panels_are_not_packed() {
        let weight = values(5 * 24, 3);
        assert!(Panels::pack(Matrix::rows(&weight, 24), [5, 24]).is_none());
    }
}
