//! Exact GELU ([Hendrycks & Gimpel 2016](https://arxiv.org/abs/1606.08415)):
//! `torch.nn.functional.gelu` with `approximate="none"`, BERT's `gelu`.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use burn::backend::{Backend, Dispatch, tensor::FloatTensor};
use burn::tensor::Tensor;

use crate::EncoderOps;

/// Computes `x · Φ(x)`, with the standard normal distribution function `Φ`.
///
/// On GPU backends, burn's GELU has the derivative of the tanh approximation; this one has `Φ(x) +
/// x · φ(x)` on every backend.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as EncoderOps>::gelu_exact(x.into_dispatch()))
}

/// `gradient · (Φ(x) + x · φ(x))`.
pub(crate) fn gradient<B: Backend>(x: FloatTensor<B>, gradient: FloatTensor<B>) -> FloatTensor<B> {
    let error = B::float_erf(B::float_mul_scalar(x.clone(), FRAC_1_SQRT_2.into()));
    let distribution = B::float_mul_scalar(B::float_add_scalar(error, 1.0.into()), 0.5.into());
    let exponent = B::float_mul_scalar(B::float_mul(x.clone(), x.clone()), (-0.5).into());
    let density = B::float_mul_scalar(B::float_exp(exponent), (1.0 / (2.0 * PI).sqrt()).into());
    let slope = B::float_add(distribution, B::float_mul(x, density));
    B::float_mul(gradient, slope)
}
