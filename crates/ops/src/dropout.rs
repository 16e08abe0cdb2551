//! Dropout with a hash-based mask: the mask depends only on the key and the position of a value. It
//! need not be stored for the backward pass, resumed runs have the same masks, and all backends
//! agree.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::autodiff::node;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;
use crate::native::{self, TASK};

/// Dropout probability, with the key of the mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Dropout probability, in `[0, 1)`. Kept values are divided by `1 - probability`.
    pub probability: f64,
    /// Key that determines the mask.
    pub key: u64,
}

impl Dropout {
    /// The same, once the probability is known to be one; with a probability of 0 there is nothing to
    /// drop.
    pub(crate) fn checked(self) -> Option<Self> {
        let probability = self.probability;
        assert!(
            (0.0..1.0).contains(&probability),
            "dropout of {probability}, not in [0, 1)"
        );
        (probability > 0.0).then_some(self)
    }
}

/// Applies `dropout`; a probability of 0 returns the tensor unchanged.
///
/// # Panics
/// If the probability is not in `[0, 1)`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{Dropout, dropout};
///
/// let ones = Tensor::<1>::ones([1000], &Device::flex());
/// let dropped = dropout(ones, Dropout { probability: 0.5, key: 1 });
/// let kept = dropped.greater_scalar(0.0).int().sum().into_scalar::<i32>();
/// assert!((430..570).contains(&kept));
/// ```
pub fn dropout<const D: usize>(x: Tensor<D>, dropout: Dropout) -> Tensor<D> {
    let Some(Dropout { probability, key }) = dropout.checked() else {
        return x;
    };
    Tensor::from_dispatch(<Dispatch as EncoderOps>::dropout_hashed(
        x.into_dispatch(),
        probability,
        key,
    ))
}

/// A mask: the factor of every position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask {
    /// Hashes below it are dropped.
    pub(crate) threshold: u32,
    pub(crate) kept: f32,
    pub(crate) low: u32,
    pub(crate) high: u32,
}

impl Mask {
    pub(crate) fn new(dropout: Dropout) -> Self {
        let Dropout { probability, key } = dropout;
        Self {
            threshold: (probability * 4_294_967_296.0) as u32,
            kept: (1.0 / (1.0 - probability)) as f32,
            low: key as u32,
            high: (key >> 32) as u32,
        }
    }

    /// 0 where the value is dropped, `1 / (1 - probability)` where it is kept.
    #[inline(always)]
    pub(crate) fn factor(self, position: u32) -> f32 {
        let hash = mix(mix(position ^ self.low) ^ self.high);
        if hash < self.threshold {
            0.0
        } else {
            self.kept
        }
    }
}

/// A bijection of 32-bit numbers that leaves no visible pattern: the "lowbias32" constants of
/// [Wellons' hash prospector](https://nullprogram.com/blog/2018/07/31/). 32-bit, so that any GPU
/// can compute it too.
#[inline(always)]
fn mix(mut value: u32) -> u32 {
    value ^= value >> 16;
    value = value.wrapping_mul(0x7feb_352d);
    value ^= value >> 15;
    value = value.wrapping_mul(0x846c_a68b);
    value ^ (value >> 16)
}

/// The factor of each value.
fn factors(length: usize, probability: f64, key: u64) -> Vec<f32> {
    let mask = Mask::new(Dropout { probability, key });
    let mut factors = vec![0.0f32; length];
    factors
        .par_chunks_mut(TASK)
        .enumerate()
        .for_each(|(task, factors)| native::dropout::fill(factors, mask, task * TASK));
    factors
}

/// Multiplies by the factors of a mask: the forward pass, and the backward pass with the gradient
/// in the place of `x`.
pub(crate) fn apply<B: Backend>(x: FloatTensor<B>, probability: f64, key: u64) -> FloatTensor<B> {
    let shape = x.shape();
    let data = TensorData::new(factors(shape.num_elements(), probability, key), shape);
    let factors = B::float_from_data(data.convert_dtype(x.dtype()), &x.device());
    B::float_mul(x, factors)
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    probability: f64,
    key: u64,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [x.node()];
    let output = B::dropout_hashed(x.into_primitive(), probability, key);
    node::<B, C, 1>(parents, output, move |gradient, _| {
        [Some(B::dropout_hashed(gradient, probability, key))]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_dropped_is_the_probability() {
        for (probability, key) in [(0.1, 1), (0.1, u64::MAX), (0.5, 2), (0.9, 1 << 40)] {
            let length = 1 << 20;
            let dropped = factors(length, probability, key)
                .iter()
                .filter(|f| **f == 0.0)
                .count();
            let share = dropped as f64 / length as f64;
            let error = (probability * (1.0 - probability) / length as f64).sqrt();
            assert!(
                (share - probability).abs() < 4.0 * error,
                "{share} for {probability}"
            );
        }
    }

    /// Neighboring keys, and neighboring positions of one key, agree no more often than chance.
    #[test]
    fn masks_are_independent() {
        let length = 1 << 18;
        let masks: Vec<_> = [5, 6, 5 + (1 << 32)]
            .map(|key| factors(length, 0.5, key))
            .into();
        let agreement = |first: &[f32], second: &[f32]| {
            let equal = first.iter().zip(second).filter(|(a, b)| a == b).count();
            equal as f64 / first.len() as f64
        };
        for share in [
            agreement(&masks[0], &masks[1]),
            agreement(&masks[0], &masks[2]),
            agreement(&masks[0][1..], &masks[0][..length - 1]),
            agreement(&masks[0][384..], &masks[0][..length - 384]),
        ] {
            assert!((share - 0.5).abs() < 0.005, "{share}");
        }
    }

    /// A changed value here means that published runs can no longer be repeated.
    #[test]
    fn masks_never_change() {
        let kept: String = factors(24, 0.5, 42)
            .iter()
            .map(|factor| if *factor == 0.0 { '.' } else { 'x' })
            .collect();
        assert_eq!(kept, ".....xx..xx.....xxxxx...");
    }
}
