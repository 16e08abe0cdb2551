//! Values rounded to a type of 16 bits, and kept as 32-bit floats: what a product of that precision
//! reads, for machines that have no instructions for it.

use half::{bf16, f16};
use rayon::prelude::*;

use super::TASK;
use super::product::Matrix;
use crate::Precision;

/// Rounds to the nearest, ties to even. Beyond the largest value lies infinity, as everywhere.
fn rounded(value: f32, precision: Precision) -> f32 {
    match precision {
        Precision::F32 => value,
        Precision::Bf16 => bf16::from_f32(value).to_f32(),
        Precision::F16 => f16::from_f32(value).to_f32(),
    }
}

impl Matrix<'_> {
    /// A copy of the values in a precision, as they lie in memory.
    pub(super) fn round<'a>(
        self,
        [rows, columns]: [usize; 2],
        precision: Precision,
        copy: &'a mut Vec<f32>,
    ) -> Matrix<'a> {
        let values = self.values().par_iter().with_min_len(TASK);
        let values = values.take(self.length(rows, columns));
        values
            .map(|value| rounded(*value, precision))
            .collect_into_vec(copy);
        Matrix::new(copy, [self.row_stride(), self.column_stride()])
    }
}
