//! Forward and backward passes of the operations on plain tensors, to be implemented by backends.

use burn::backend::{
    Backend,
    tensor::{FloatTensor, IntTensor},
};

use crate::attention::relative::{self, RelativeTables};
use crate::attention::{Inputs, Packing, Settings};
use crate::dropout::Dropout;
use crate::dropout_add_layer_norm::Norm;
use crate::fake_quantize::QuantizationAxis;
use crate::glu::GluActivation;
use crate::precision::Precision;
use crate::{
    attention, cross_entropy, dropout, dropout_add_layer_norm, embedding, fake_quantize, gelu, glu,
    layer_norm, linear, rms_norm, rotary,
};

/// Operations of this crate on a backend without autodiff.
///
/// The default implementations run on any burn backend. Backends with tensors in host memory (flex,
/// LibTorch) and CubeCL (wgpu, CUDA) override them. Gradients that are not `wanted` may be omitted.
pub trait Kernels: Backend {
    /// See [`linear`](crate::linear()); without a bias, the matrix product.
    fn linear_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        linear::forward::<Self>(rows, weight, bias, precision)
    }

    /// Returns the gradients of rows, weight and bias. `rows` is given if the gradient of the
    /// weight is wanted, and `weight` if that of the rows is.
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

    /// Returns the gradients of rows, gamma and beta.
    fn layer_norm_gradients(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
        gradient: FloatTensor<Self>,
        wanted: [bool; 3],
    ) -> [Option<FloatTensor<Self>>; 3] {
        layer_norm::gradients::<Self>(rows, gamma, epsilon, gradient, wanted)
    }

    /// See [`rms_norm`](crate::rms_norm()).
    fn rms_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        rms_norm::forward::<Self>(rows, gamma, epsilon)
    }

    /// Returns the gradients of rows and gamma.
    fn rms_norm_gradients(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
        gradient: FloatTensor<Self>,
        wanted: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2] {
        rms_norm::gradients::<Self>(rows, gamma, epsilon, gradient, wanted)
    }

    /// See [`dropout_add_layer_norm`](crate::dropout_add_layer_norm()): returns the result and the input of the
    /// normalization.
    fn residual_norm_rows(
        rows: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        dropout: Option<Dropout>,
        norm: Norm<FloatTensor<Self>>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        dropout_add_layer_norm::forward::<Self>(rows, residual, dropout, norm)
    }

    /// Returns the gradients of rows, residual, gamma and beta.
    fn residual_norm_gradients(
        sum: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
        gradient: FloatTensor<Self>,
        wanted: [bool; 4],
    ) -> [Option<FloatTensor<Self>>; 4] {
        dropout_add_layer_norm::gradients::<Self>(sum, gamma, epsilon, dropout, gradient, wanted)
    }

    /// See [`embedding`](crate::embedding()).
    fn embedding_rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        embedding::forward::<Self>(table, ids)
    }

    /// Returns the gradient of a table of `rows` rows.
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

    /// Returns the gradient of the input of `gelu_exact`.
    fn gelu_exact_gradient(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu::gradient::<Self>(x, gradient)
    }

    /// See [`gelu_tanh`](crate::gelu_tanh()).
    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu::tanh_forward::<Self>(x)
    }

    /// Returns the gradient of the input of `gelu_tanh`.
    fn gelu_tanh_gradient(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu::tanh_gradient::<Self>(x, gradient)
    }

    /// See [`dropout`](crate::dropout()). Also computes its own gradient.
    fn dropout_hashed(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        dropout::apply::<Self>(x, probability, key)
    }

    /// See [`fake_quantize`](crate::fake_quantize()).
    fn fake_quantized(x: FloatTensor<Self>, axis: QuantizationAxis) -> FloatTensor<Self> {
        fake_quantize::forward::<Self>(x, axis)
    }

    /// See [`attention`](crate::attention()): returns the result, and what the backward pass needs
    /// apart from the inputs.
    fn attention_rows(
        inputs: Inputs<FloatTensor<Self>>,
        packing: Packing<IntTensor<Self>>,
        settings: Settings,
    ) -> (FloatTensor<Self>, Vec<FloatTensor<Self>>) {
        attention::packed_forward::<Self>(inputs, &packing, settings)
    }

    /// Returns the gradients of query, key and value, from what the forward pass `left`.
    fn attention_gradients(
        inputs: Inputs<FloatTensor<Self>>,
        left: Vec<FloatTensor<Self>>,
        packing: Packing<IntTensor<Self>>,
        settings: Settings,
        gradient: FloatTensor<Self>,
        wanted: [bool; 3],
    ) -> [Option<FloatTensor<Self>>; 3] {
        attention::packed_gradients::<Self>(inputs, left, &packing, settings, gradient, wanted)
    }

    /// The same as `attention_rows`, of padded sequences.
    fn padded_attention(
        inputs: Inputs<FloatTensor<Self>>,
        settings: Settings,
    ) -> (FloatTensor<Self>, Vec<FloatTensor<Self>>) {
        attention::forward::<Self>(inputs, settings)
    }

    /// The same as `attention_gradients`, of padded sequences.
    fn padded_attention_gradients(
        inputs: Inputs<FloatTensor<Self>>,
        left: Vec<FloatTensor<Self>>,
        settings: Settings,
        gradient: FloatTensor<Self>,
        wanted: [bool; 3],
    ) -> [Option<FloatTensor<Self>>; 3] {
        attention::gradients::<Self>(inputs, left, settings, gradient, wanted)
    }

    /// See [`relative_attention`](crate::relative_attention()): as `attention_rows`.
    fn relative_attention_rows(
        inputs: Inputs<FloatTensor<Self>>,
        tables: RelativeTables<FloatTensor<Self>, IntTensor<Self>>,
        packing: Packing<IntTensor<Self>>,
        settings: Settings,
    ) -> (FloatTensor<Self>, Vec<FloatTensor<Self>>) {
        relative::forward::<Self>(inputs, &tables, &packing, settings)
    }

    /// Returns the gradients of query, key and value, and of the keys, queries and bias of the tables,
    /// from what the forward pass `left`.
    fn relative_attention_gradients(
        inputs: Inputs<FloatTensor<Self>>,
        tables: RelativeTables<FloatTensor<Self>, IntTensor<Self>>,
        left: Vec<FloatTensor<Self>>,
        packing: Packing<IntTensor<Self>>,
        settings: Settings,
        gradient: FloatTensor<Self>,
        wanted: [bool; 6],
    ) -> [Option<FloatTensor<Self>>; 6] {
        relative::gradients::<Self>(inputs, &tables, left, &packing, settings, gradient, wanted)
    }

    /// See [`rotary`](crate::rotary()).
    fn rotary_rows(
        rows: FloatTensor<Self>,
        cosine: FloatTensor<Self>,
        sine: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        rotary::forward::<Self>(rows, cosine, sine, heads)
    }

    /// See [`geglu`](crate::geglu()) and [`swiglu`](crate::swiglu()).
    fn glu_rows(rows: FloatTensor<Self>, activation: GluActivation) -> FloatTensor<Self> {
        glu::forward::<Self>(rows, activation)
    }

    /// Returns the gradient of the input of `glu_rows`.
    fn glu_gradient(
        rows: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        activation: GluActivation,
    ) -> FloatTensor<Self> {
        glu::gradient::<Self>(rows, gradient, activation)
    }

    /// See [`cross_entropy`](crate::cross_entropy()); `factor` is 1 / divisor.
    fn class_loss(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        factor: f64,
    ) -> FloatTensor<Self> {
        cross_entropy::forward::<Self>(logits, labels, factor)
    }

    /// Returns the gradient of the logits, from that of the loss.
    fn class_loss_gradient(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        factor: f64,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        cross_entropy::gradient::<Self>(logits, labels, factor, gradient)
    }
}
