//! A weight that is rounded and packed once, for prediction.

use rayon::prelude::*;

use super::pack::{Panels, Side};
use super::{is_available, product_by};
use crate::native::memory::{Buffer, written};
use crate::native::product::Matrix;

/// A weight `[input, output]`.
#[derive(Debug)]
pub(crate) struct Weight {
    columns: Panels,
    inputs: usize,
    outputs: usize,
}

impl Weight {
    /// Packs a weight; `None` if the machine has no instructions for its products, or it is empty.
    pub(crate) fn pack(weight: Matrix<'_>, [inputs, outputs]: [usize; 2]) -> Option<Self> {
        if inputs == 0 || outputs == 0 || !is_available() {
            return None;
        }
        Some(Self {
            columns: Panels::all(Side::Right, weight.transposed(), [outputs, inputs]),
            inputs,
            outputs,
        })
    }

    /// The weight as it was rounded, in rows.
    pub(crate) fn unpack(&self) -> Vec<f32> {
        let mut weight = vec![0.0; self.inputs * self.outputs];
        let rows = weight.par_chunks_exact_mut(self.outputs).enumerate();
        rows.for_each(|(input, row)| {
            for (output, value) in row.iter_mut().enumerate() {
                *value = self.columns.right_value(output, input);
            }
        });
        weight
    }

    pub(crate) fn shape(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
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
        let sizes = [count, self.outputs, self.inputs];
        // SAFETY: the product has as many values, and writes all of them.
        unsafe {
            written(count * self.outputs, |out| {
                product_by(out, sizes, rows, &self.columns, bias);
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::linear::{self, Sizes};
    use crate::precision::Precision;

    fn values(count: usize, step: usize) -> Vec<f32> {
        let value = |place: usize| (place * step % 1013) as f32 / 1013.0 - 0.5;
        (0..count).map(value).collect()
    }

    #[test]
    fn bits_are_those_of_the_weight_as_it_is() {
        for (count, inputs, outputs) in [(1, 24, 64), (2, 70, 97), (16, 384, 384), (515, 40, 33)] {
            let (rows, weight) = (values(count * inputs, 7), values(inputs * outputs, 11));
            let bias = values(outputs, 13);
            let (left, right) = (Matrix::rows(&rows, inputs), Matrix::rows(&weight, outputs));
            let Some(packed) = Weight::pack(right, [inputs, outputs]) else {
                assert!(!is_available());
                return;
            };
            let rounded = weight
                .iter()
                .map(|value| half::bf16::from_f32(*value).to_f32());
            assert_eq!(packed.unpack(), rounded.collect::<Vec<_>>());
            for bias in [None, Some(&bias[..])] {
                let sizes = Sizes {
                    rows: count,
                    inputs,
                    outputs,
                };
                let expected: Vec<f32> = linear::apply(left, right, bias, sizes, Precision::Bf16);
                let found: Vec<f32> = packed.apply(left, count, bias);
                assert!(expected == found, "{count} x {inputs} x {outputs}");
            }
        }
    }
}
