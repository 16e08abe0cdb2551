//! Layer normalization of rows ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)), as
//! `torch.nn.LayerNorm` (biased variance).

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Shape, Tensor};

use crate::autodiff::node_of;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;

/// Computes `(x - mean) / sqrt(variance + epsilon) * gamma + beta` per row. On flex, the result of
/// a row is bit-identical for any other rows.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - `gamma`, `beta`: `[D]`
/// - output: `[T, D]`
pub fn layer_norm(rows: Tensor<2>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as EncoderOps>::layer_norm_rows(
        rows.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
    ))
}

pub(crate) fn forward<B: Backend>(
    rows: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    let (normalized, _) = normalize::<B>(rows, epsilon);
    let scaled = B::float_mul(normalized, as_row::<B>(gamma));
    B::float_add(scaled, as_row::<B>(beta))
}

/// Returns rows with mean 0 and variance 1, and the reciprocal standard deviation of each.
fn normalize<B: Backend>(rows: FloatTensor<B>, epsilon: f64) -> (FloatTensor<B>, FloatTensor<B>) {
    let centered = B::float_sub(rows.clone(), B::float_mean_dim(rows, 1));
    let variance = B::float_mean_dim(B::float_mul(centered.clone(), centered.clone()), 1);
    let deviation = B::float_sqrt(B::float_add_scalar(variance, epsilon.into()));
    let inverse = B::float_recip(deviation);
    (B::float_mul(centered, inverse.clone()), inverse)
}

pub(crate) fn as_row<B: Backend>(vector: FloatTensor<B>) -> FloatTensor<B> {
    let width = vector.shape()[0];
    B::float_reshape(vector, Shape::from([1, width]))
}

pub(crate) fn sum_rows<B: Backend>(rows: FloatTensor<B>) -> FloatTensor<B> {
    let width = rows.shape()[1];
    B::float_reshape(B::float_sum_dim(rows, 0), Shape::from([width]))
}

/// Returns the gradients of rows, gamma and beta.
pub(crate) fn gradients<B: Backend>(
    rows: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
    gradient: FloatTensor<B>,
    [rows_wanted, gamma_wanted, beta_wanted]: [bool; 3],
) -> [Option<FloatTensor<B>>; 3] {
    let (normalized, inverse) = normalize::<B>(rows, epsilon);
    let of_beta = beta_wanted.then(|| sum_rows::<B>(gradient.clone()));
    let of_gamma = gamma_wanted.then(|| {
        let scaled = B::float_mul(gradient.clone(), normalized.clone());
        sum_rows::<B>(scaled)
    });
    let of_rows = rows_wanted.then(|| {
        let gradient = B::float_mul(gradient, as_row::<B>(gamma));
        let mean = B::float_mean_dim(gradient.clone(), 1);
        let along = B::float_mean_dim(B::float_mul(gradient.clone(), normalized.clone()), 1);
        let centered = B::float_sub(gradient, mean);
        let projected = B::float_sub(centered, B::float_mul(normalized, along));
        B::float_mul(projected, inverse)
    });
    [of_rows, of_gamma, of_beta]
}

/// The normalized rows are recomputed for the backward pass: one pass over the rows is cheaper than
/// keeping a second tensor of their size per layer.
pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
    gamma: FloatTensor<Autodiff<B, C>>,
    beta: FloatTensor<Autodiff<B, C>>,
    epsilon: f64,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [rows.node(), gamma.node(), beta.node()];
    node_of::<B, C, _, _, _, 3>(
        parents,
        [rows, gamma, beta].map(|tensor| tensor.into_primitive()),
        |[rows, gamma, beta]| (B::layer_norm_rows(rows, gamma, beta, epsilon), ()),
        |[rows, gamma, _], ()| {
            move |gradient, wanted| B::layer_norm_gradients(rows, gamma, epsilon, gradient, wanted)
        },
    )
}
