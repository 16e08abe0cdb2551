//! Dropout with the mask computed on the device of the tensor: the same bits as
//! [`Mask::factor`](crate::dropout::Mask), by operations on int32 tensors.

use burn::backend::libtorch::TchTensor;
use tch::{Kind, Tensor};

use super::archive::{self, Argument};
use crate::dropout::Mask;

/// Values whose factors are computed at once, so that the tensors of the computation stay in the cache of a
/// GPU. A power of two: adding a multiple of it to a smaller position is an exclusive or.
const SLICE: i64 = 1 << 23;

/// Multiplies by the factors of a mask, in place if the tensor is not shared.
pub(super) fn apply(x: TchTensor, mask: Mask) -> TchTensor {
    let values = x.tensor.contiguous();
    let in_place = x.can_mut() && x.tensor.is_contiguous();
    let output = match in_place {
        true => x,
        false => TchTensor::new(values.empty_like()),
    };
    multiply(&values, &output.tensor, mask);
    output
}

/// Both tensors are contiguous, and may be the same.
fn multiply(values: &Tensor, output: &Tensor, mask: Mask) {
    let (values, output) = (values.view(-1), output.view(-1));
    let length = values.size()[0];
    let positions = Tensor::arange(length.min(SLICE), (Kind::Int, values.device()));
    for start in (0..length).step_by(SLICE as usize) {
        let count = SLICE.min(length - start);
        let part = |tensor: &Tensor| tensor.narrow(0, start, count);
        let factors = factors(&positions.narrow(0, 0, count), start, mask);
        // What it returns is the output.
        let _ = part(&values).mul_out(&part(&output), &factors);
    }
}

/// The factors at `positions` after `start`.
fn factors(positions: &Tensor, start: i64, mask: Mask) -> Tensor {
    // Torch has 32-bit integers with a sign only; the order of those without is theirs with the highest
    // bit flipped.
    let bits = |value: u32| Argument::Int(i64::from(value as i32));
    archive::call_for_one(
        "dropout_factors",
        &[
            Argument::Tensor(positions),
            bits(mask.low ^ start as u32),
            bits(mask.high),
            bits(mask.threshold ^ (1 << 31)),
            Argument::Float(f64::from(mask.kept)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dropout::Dropout;

    /// Positions are numbered modulo 2^32, of which no test has as many values.
    #[test]
    fn factors_at_any_start_are_those_of_the_cpu() {
        let positions = Tensor::arange(1000, (Kind::Int, tch::Device::Cpu));
        for key in [0, 1, 42, 1 << 31, (1 << 63) + 5, u64::MAX] {
            for probability in [1e-9, 0.1, 0.5, 0.999] {
                let mask = Mask::new(Dropout { probability, key });
                for start in [0, SLICE, 255 * SLICE, 256 * SLICE, 511 * SLICE, 512 * SLICE] {
                    let found = factors(&positions, start, mask);
                    let found: Vec<f32> = Vec::try_from(&found).unwrap();
                    let expected = (start as u64..).take(1000);
                    let expected = expected.map(|position| mask.factor(position as u32));
                    assert_eq!(found, expected.collect::<Vec<f32>>(), "{mask:?} {start}");
                }
            }
        }
    }
}
