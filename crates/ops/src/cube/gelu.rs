//! GELU and its gradient, exact and with the tanh approximation: one pass each.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{address, contiguous, empty_like, values};

/// `1 / sqrt(2)`
const ROOT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// `1 / sqrt(2 π)`
const DENSITY: f32 = 0.398_942_3;
/// `sqrt(2 / π)`
const SCALE: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Approximation {
    /// With the error function.
    None,
    /// With tanh.
    Tanh,
}

#[cube]
fn inner_tanh(x: f32) -> f32 {
    (x * (SCALE + SCALE * CUBIC * x * x)).tanh()
}

/// The value of an input.
#[cube]
pub(super) fn value(x: f32, #[comptime] approximation: Approximation) -> f32 {
    match comptime!(approximation) {
        Approximation::None => 0.5f32 * x * (1.0f32 + f32::erf(x * ROOT_HALF)),
        Approximation::Tanh => 0.5f32 * x * (1.0f32 + inner_tanh(x)),
    }
}

/// The derivative at an input.
#[cube]
pub(super) fn slope(x: f32, #[comptime] approximation: Approximation) -> f32 {
    match comptime!(approximation) {
        Approximation::None => {
            let distribution = 0.5f32 * (1.0f32 + f32::erf(x * ROOT_HALF));
            distribution + x * DENSITY * (-0.5f32 * x * x).exp()
        }
        Approximation::Tanh => {
            let tanh = inner_tanh(x);
            let inner = 0.5f32 * SCALE * x * (1.0f32 + 3.0f32 * CUBIC * x * x);
            0.5f32 * (1.0f32 + tanh) + (1.0f32 - tanh * tanh) * inner
        }
    }
}

#[cube(launch, address_type = "dynamic")]
fn forward_kernel(
    x: &Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
    #[comptime] approximation: Approximation,
) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    output[ABSOLUTE_POS] = value(x[ABSOLUTE_POS], approximation);
}

#[cube(launch, address_type = "dynamic")]
fn gradient_kernel(
    x: &Tensor<f32>,
    gradient: &Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
    #[comptime] approximation: Approximation,
) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    output[ABSOLUTE_POS] = gradient[ABSOLUTE_POS] * slope(x[ABSOLUTE_POS], approximation);
}

/// Returns the values of `[x]`.
pub(crate) fn forward(inputs: Vec<CubeTensor>, approximation: Approximation) -> Vec<CubeTensor> {
    let [x] = contiguous(inputs);
    let output = empty_like(&x, x.meta.shape().clone());
    let count = output.meta.num_elements();
    let client = x.client.clone();
    let (cubes, dim) = values(&client, count);
    forward_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&output]),
        x.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
        approximation,
    );
    vec![output]
}

/// Returns the gradient of x from `[x, gradient]`.
pub(crate) fn gradient(inputs: Vec<CubeTensor>, approximation: Approximation) -> Vec<CubeTensor> {
    let [x, gradient] = contiguous(inputs);
    let output = empty_like(&x, x.meta.shape().clone());
    let count = output.meta.num_elements();
    let client = x.client.clone();
    let (cubes, dim) = values(&client, count);
    gradient_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&output]),
        x.into_tensor_arg(),
        gradient.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
        approximation,
    );
    vec![output]
}
