//! What a backend computes for the operations: each forward and backward, on plain tensors.

use burn::backend::{
    Backend,
    tensor::{FloatTensor, IntTensor},
};

use crate::attention::{Inputs, Settings};
use crate::{
    Dropout, Norm, Precision, attention, cross_entropy, dropout, embedding, gelu, gelu_tanh,
    layer_norm, linear, residual_norm,
};

/// The operations of this crate on a backend without autodiff.
///
/// The default bodies run on any burn backend. Those whose tensors lie in this machine's memory, flex
/// and LibTorch, override them. A gradient that is not `wanted` may be left out.
pub trait Kernels: Backend {
    /// See [`linear`](crate::linear()); without a bias, the product alone.
    fn linear_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        linear::forward::<Self>(rows, weight, bias, precision)
    }

    /// The gradients of rows, weight and bias. `rows` is there if that of the weight is wanted, and
    /// `weight` if that of the rows is.
    fn linear_gradients(
        rows: Option<FloatTensor<Self>>,
        weight: Option<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
        bias_wanted: bool,
        precision: Precision,
    ) -> [Option<FloatTensor<Self>>; 3] {
        linear::gradients::<Self>(rows, weight, gradient, bias_wanted, precision)
    }

    /// See [`layer_norm`](crate::layer_norm()).
    fn layer_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        layer_norm::forward::<Self>(rows, gamma, beta, epsilon)
    }

    /// The gradients of rows, gamma and beta.
    fn layer_norm_gradients(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
        gradient: FloatTensor<Self>,
        wanted: [bool; 3],
    ) -> [Option<FloatTensor<Self>>; 3] {
        layer_norm::gradients::<Self>(rows, gamma, epsilon, gradient, wanted)
    }

    /// See [`residual_norm`](crate::residual_norm()): the result, and what was normalised.
    fn residual_norm_rows(
        rows: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        dropout: Option<Dropout>,
        norm: Norm<FloatTensor<Self>>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        residual_norm::forward::<Self>(rows, residual, dropout, norm)
    }

    /// The gradients of rows, residual, gamma and beta.
    fn residual_norm_gradients(
        sum: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
        gradient: FloatTensor<Self>,
        wanted: [bool; 4],
    ) -> [Option<FloatTensor<Self>>; 4] {
        residual_norm::gradients::<Self>(sum, gamma, epsilon, dropout, gradient, wanted)
    }

    /// See [`embedding`](crate::embedding()).
    fn embedding_rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        embedding::forward::<Self>(table, ids)
    }

    /// The gradient of a table of so many rows.
    fn embedding_gradient(
        rows: usize,
        ids: IntTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        embedding::gradient::<Self>(rows, ids, gradient)
    }

    /// See [`gelu`](crate::gelu()).
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::gelu(x)
    }

    /// The gradient of its input.
    fn gelu_exact_gradient(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu::gradient::<Self>(x, gradient)
    }

    /// See [`gelu_tanh`](crate::gelu_tanh()).
    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu_tanh::forward::<Self>(x)
    }

    /// See [`dropout`](crate::dropout()). Its own gradient, too.
    fn dropout_hashed(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        dropout::apply::<Self>(x, probability, key)
    }

    /// See [`attention`](crate::attention()): the result, and what the backward needs beside its
    /// inputs.
    fn attention_rows(
        inputs: Inputs<FloatTensor<Self>>,
        settings: Settings,
    ) -> (FloatTensor<Self>, Option<FloatTensor<Self>>) {
        let (context, probabilities) = attention::forward::<Self>(inputs, settings);
        (context, Some(probabilities))
    }

    /// The gradients of query, key and value, from what the forward left.
    fn attention_gradients(
        inputs: Inputs<FloatTensor<Self>>,
        left: Option<FloatTensor<Self>>,
        settings: Settings,
        gradient: FloatTensor<Self>,
        wanted: [bool; 3],
    ) -> [Option<FloatTensor<Self>>; 3] {
        attention::gradients::<Self>(inputs, left, settings, gradient, wanted)
    }

    /// See [`class_cross_entropy`](crate::class_cross_entropy()); `factor` is one over the divisor.
    fn class_loss(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        factor: f64,
    ) -> FloatTensor<Self> {
        cross_entropy::forward::<Self>(logits, labels, factor)
    }

    /// The gradient of the logits, from that of the loss.
    fn class_loss_gradient(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        factor: f64,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        cross_entropy::gradient::<Self>(logits, labels, factor, gradient)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl Kernels for burn::backend::Cube {}
