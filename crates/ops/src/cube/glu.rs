//! Gated linear units and their gradients: one pass each.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::gelu::{self, Approximation};
use super::launch::{address, contiguous, empty_like, values};
use crate::glu::GluActivation;

/// The logistic function, without an infinity for inputs far below 0.
#[cube]
fn logistic(x: f32) -> f32 {
    let tail = (-x.abs()).exp();
    let larger = 1.0f32 / (1.0f32 + tail);
    select(x > 0.0f32, larger, tail * larger)
}

#[cube]
fn activated(x: f32, #[comptime] activation: GluActivation) -> f32 {
    match comptime!(activation) {
        GluActivation::Gelu => gelu::value(x, comptime!(Approximation::None)),
        GluActivation::Silu => x * logistic(x),
    }
}

#[cube]
fn slope(x: f32, #[comptime] activation: GluActivation) -> f32 {
    match comptime!(activation) {
        GluActivation::Gelu => gelu::slope(x, comptime!(Approximation::None)),
        GluActivation::Silu => {
            let distribution = logistic(x);
            distribution + x * distribution * logistic(-x)
        }
    }
}

#[cube(launch, address_type = "dynamic")]
fn forward_kernel(
    rows: &Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
    half: usize,
    #[comptime] activation: GluActivation,
) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    // The input lies in the first half of its row of twice the width.
    let input = ABSOLUTE_POS + ABSOLUTE_POS / half * half;
    output[ABSOLUTE_POS] = activated(rows[input], activation) * rows[input + half];
}

#[cube(launch, address_type = "dynamic")]
fn gradient_kernel(
    rows: &Tensor<f32>,
    gradient: &Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
    half: usize,
    #[comptime] activation: GluActivation,
) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    let input = ABSOLUTE_POS + ABSOLUTE_POS / half * half;
    let x = rows[input];
    let upstream = gradient[ABSOLUTE_POS];
    output[input] = upstream * rows[input + half] * slope(x, activation);
    output[input + half] = upstream * activated(x, activation);
}

/// Returns the values of `[rows]`.
pub(crate) fn forward(inputs: Vec<CubeTensor>, activation: GluActivation) -> Vec<CubeTensor> {
    let [rows] = contiguous(inputs);
    let [count, width] = rows.meta.shape().dims();
    let half = width / 2;
    let output = empty_like(&rows, [count, half]);
    let client = rows.client.clone();
    let (cubes, dim) = values(&client, count * half);
    let address = address(&[&rows]);
    forward_kernel::launch(
        &client,
        cubes,
        dim,
        address,
        rows.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count * half,
        half,
        activation,
    );
    vec![output]
}

/// Returns the gradient of rows from `[rows, gradient]`.
pub(crate) fn gradient(inputs: Vec<CubeTensor>, activation: GluActivation) -> Vec<CubeTensor> {
    let [rows, gradient] = contiguous(inputs);
    let [count, width] = rows.meta.shape().dims();
    let half = width / 2;
    let output = empty_like(&rows, [count, width]);
    let client = rows.client.clone();
    let (cubes, dim) = values(&client, count * half);
    let address = address(&[&rows]);
    gradient_kernel::launch(
        &client,
        cubes,
        dim,
        address,
        rows.into_tensor_arg(),
        gradient.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count * half,
        half,
        activation,
    );
    vec![output]
}
