//! Rounding of f32 values to 16-bit types, for machines without instructions for products in them.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::TASK;
use super::instructions::vectorized;
use super::memory::transformed;
use super::product::Matrix;
use crate::precision::Precision;

/// Rounds to the nearest, ties to even. Beyond the largest value lies infinity, as everywhere.
pub(super) fn round(values: &mut [f32], precision: Precision) {
    match precision {
        // Rounded before, with a scale for each row.
        Precision::F32 | Precision::Int8 => {}
        Precision::Bf16 => round_to_bf16(values),
        Precision::F16 => round_to_f16(values),
    }
}

vectorized! {
    fn round_to_bf16<A>(values: &mut [f32]) {
        for value in values {
            let bits = value.to_bits();
            // Half a unit of the last bit that is kept, and what makes a tie end in an even one.
            let tie = (bits >> 16) & 1;
            let nearest = bits.wrapping_add(0x7fff + tie) & 0xffff_0000;
            *value = if value.is_nan() {
                *value
            } else {
                f32::from_bits(nearest)
            };
        }
    }
}

/// By the machine's conversions, some values at a time.
fn round_to_f16(values: &mut [f32]) {
    let mut narrow = [f16::ZERO; 64];
    for values in values.chunks_mut(narrow.len()) {
        let narrow = &mut narrow[..values.len()];
        narrow.convert_from_f32_slice(values);
        narrow.convert_to_f32_slice(values);
    }
}

/// Values in a precision: as they are, or rounded in `copy`.
pub(super) fn rounded<'a>(
    values: &'a [f32],
    precision: Precision,
    copy: &'a mut Vec<f32>,
) -> &'a [f32] {
    if precision == Precision::F32 {
        return values;
    }
    copy.clear();
    copy.extend_from_slice(values);
    round(copy, precision);
    copy
}

impl Matrix<'_> {
    /// A copy of the values in a precision, as they lie in memory, by all threads.
    pub(super) fn round<'a>(
        self,
        [rows, columns]: [usize; 2],
        precision: Precision,
        copy: &'a mut Vec<f32>,
    ) -> Matrix<'a> {
        let values = &self.values()[..self.length(rows, columns)];
        (*copy, _) = transformed(values, TASK, |_, values, _: &mut ()| {
            round(values, precision);
        });
        Matrix::new(copy, [self.row_stride(), self.column_stride()])
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    #[test]
    fn every_value_is_the_nearest_of_the_type() {
        // All upper halves, with lower halves around a tie.
        let lower = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
        let bits = (0..1u32 << 16).flat_map(|upper| lower.map(|lower| upper << 16 | lower));
        let values: Vec<f32> = bits.map(f32::from_bits).collect();
        for precision in Precision::ALL {
            let mut found = values.clone();
            round(&mut found, precision);
            for (value, found) in values.iter().zip(found) {
                let expected = match precision {
                    Precision::F32 | Precision::Int8 => *value,
                    Precision::Bf16 => bf16::from_f32(*value).to_f32(),
                    Precision::F16 => f16::from_f32(*value).to_f32(),
                };
                let same = found.to_bits() == expected.to_bits();
                assert!(
                    same || found.is_nan() && expected.is_nan(),
                    "{value} {found}"
                );
            }
        }
    }
}
