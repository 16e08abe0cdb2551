//! Hashed dropout where it is used: the factors of [`Mask`] as part of a kernel.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{address, contiguous, empty_like, values};
use crate::dropout::{Dropout, Mask};

/// A mask as an argument of kernels.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct Factors {
    threshold: u32,
    kept: f32,
    low: u32,
    high: u32,
}

/// Returns the argument for a dropout; without, one that keeps all values.
pub(crate) fn factors(dropout: Option<Dropout>) -> FactorsLaunch {
    let mask = match dropout {
        Some(dropout) => Mask::new(dropout),
        None => Mask::KEEP_ALL,
    };
    let [threshold, low, high] = [mask.threshold, mask.low, mask.high];
    FactorsLaunch::new(threshold, mask.kept, low, high)
}

#[cube]
fn mix(value: u32) -> u32 {
    let value = value ^ (value >> 16u32);
    let value = value * 0x7feb_352du32;
    let value = value ^ (value >> 15u32);
    let value = value * 0x846c_a68bu32;
    value ^ (value >> 16u32)
}

/// Returns 0 where the value is dropped, `1 / (1 - probability)` where it is kept.
#[cube]
pub(crate) fn factor(factors: &Factors, position: u32) -> f32 {
    let hash = mix(mix(position ^ factors.low) ^ factors.high);
    select(hash < factors.threshold, 0.0f32, factors.kept)
}

#[cube(launch, address_type = "dynamic")]
fn dropout_kernel(x: &Tensor<f32>, output: &mut Tensor<f32>, count: usize, factors: Factors) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    output[ABSOLUTE_POS] = x[ABSOLUTE_POS] * factor(&factors, ABSOLUTE_POS as u32);
}

/// Multiplies by the factors of a mask.
pub(crate) fn apply(inputs: Vec<CubeTensor>, dropout: Dropout) -> Vec<CubeTensor> {
    let [x] = contiguous(inputs);
    let output = empty_like(&x, x.meta.shape().clone());
    let count = output.meta.num_elements();
    let client = x.client.clone();
    let (cubes, dim) = values(&client, count);
    let address = address(&[&output]);
    dropout_kernel::launch(
        &client,
        cubes,
        dim,
        address,
        x.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
        factors(Some(dropout)),
    );
    vec![output]
}
