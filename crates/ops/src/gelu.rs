//! GELU ([Hendrycks & Gimpel 2016](https://arxiv.org/abs/1606.08415)): `torch.nn.functional.gelu`,
//! exact (BERT's `gelu`), and with `approximate="tanh"` (`gelu_new` in checkpoints).

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI, SQRT_2};

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, tensor::FloatTensor};
use burn::tensor::Tensor;

use crate::autodiff::node_of;
use crate::extension::EncoderOps;

/// `sqrt(2 / π)`
const SCALE: f64 = FRAC_2_SQRT_PI / SQRT_2;
const CUBIC: f64 = 0.044_715;

/// Computes `x · Φ(x)`, with the standard normal distribution function `Φ`.
///
/// On GPU backends, burn's GELU has the derivative of the tanh approximation; this one has `Φ(x) +
/// x · φ(x)` on every backend.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as EncoderOps>::gelu_exact(x.into_dispatch()))
}

/// Returns `gradient · (Φ(x) + x · φ(x))`.
pub(crate) fn gradient<B: Backend>(x: FloatTensor<B>, gradient: FloatTensor<B>) -> FloatTensor<B> {
    let error = B::float_erf(B::float_mul_scalar(x.clone(), FRAC_1_SQRT_2.into()));
    let distribution = B::float_mul_scalar(B::float_add_scalar(error, 1.0.into()), 0.5.into());
    let exponent = B::float_mul_scalar(B::float_mul(x.clone(), x.clone()), (-0.5).into());
    let density = B::float_mul_scalar(B::float_exp(exponent), (1.0 / (2.0 * PI).sqrt()).into());
    let slope = B::float_add(distribution, B::float_mul(x, density));
    B::float_mul(gradient, slope)
}

/// Computes `x / 2 · (1 + tanh(sqrt(2 / π) · (x + 0.044715 x³)))`.
pub fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as EncoderOps>::gelu_tanh(x.into_dispatch()))
}

/// Computes [`gelu_tanh`] from burn's primitives.
pub(crate) fn tanh_forward<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let tanh = inner_tanh::<B>(x.clone());
    let half = B::float_mul_scalar(x, 0.5.into());
    B::float_mul(half, B::float_add_scalar(tanh, 1.0.into()))
}

/// Returns `tanh(sqrt(2 / π) · (x + 0.044715 x³))`, written `x · (s + s · 0.044715 x²)`.
fn inner_tanh<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let square = B::float_mul(x.clone(), x.clone());
    let factor = B::float_mul_scalar(square, (SCALE * CUBIC).into());
    B::float_tanh(B::float_mul(x, B::float_add_scalar(factor, SCALE.into())))
}

/// Returns `gradient · ((1 + t) / 2 + x / 2 · (1 - t²) · sqrt(2 / π) · (1 + 3 · 0.044715 x²))`.
pub(crate) fn tanh_gradient<B: Backend>(
    x: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let tanh = inner_tanh::<B>(x.clone());
    let rising = B::float_mul_scalar(B::float_add_scalar(tanh.clone(), 1.0.into()), 0.5.into());

    let squared = B::float_mul(tanh.clone(), tanh);
    let slope_of_tanh = B::float_add_scalar(B::float_neg(squared), 1.0.into());
    let square = B::float_mul(x.clone(), x.clone());
    let inner = B::float_mul_scalar(square, (1.5 * SCALE * CUBIC).into());
    let inner = B::float_mul(x, B::float_add_scalar(inner, (0.5 * SCALE).into()));

    let slope = B::float_add(rising, B::float_mul(slope_of_tanh, inner));
    B::float_mul(gradient, slope)
}

/// Computes `forward(x)` as one node that keeps `x` for the backward pass.
pub(crate) fn tracked<B: Backend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    forward: fn(FloatTensor<B>) -> FloatTensor<B>,
    gradient_of: fn(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    node_of::<B, C, _, _, _, 1>(
        [x.node()],
        x.into_primitive(),
        |x| (forward(x), ()),
        |x, ()| move |gradient, _| [Some(gradient_of(x, gradient))],
    )
}
