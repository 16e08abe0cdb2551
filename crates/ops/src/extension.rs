//! The backend extension: which operations there are, and who runs them.
//!
//! Each operation lives in a file of its own, with its body, its backward and its public function;
//! this file only names them and connects the backends.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, backend_extension, tensor::FloatTensor};

use crate::{activation, attention, dropout, gelu, gelu_tanh, layer_norm};

/// The operations of this crate as backend methods.
///
/// The default bodies run on any burn backend. `Autodiff` wraps each in one graph node.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    LibTorch: cfg(feature = "tch"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda")),
    Autodiff
)]
pub trait EncoderOps: Backend {
    /// See [`layer_norm`](crate::layer_norm()).
    fn layer_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        layer_norm::forward::<Self>(rows, gamma, beta, epsilon)
    }

    /// See [`gelu`](crate::gelu()).
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::gelu(x)
    }

    /// See [`gelu_tanh`](crate::gelu_tanh()).
    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu_tanh::forward::<Self>(x)
    }

    /// See [`dropout`](crate::dropout()).
    fn dropout_hashed(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        dropout::apply::<Self>(x, probability, key)
    }

    /// See [`attention`](crate::attention()). A probability of 0 means no dropout.
    fn attention_rows(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        key_bias: FloatTensor<Self>,
        heads: usize,
        dropout_probability: f64,
        dropout_key: u64,
    ) -> FloatTensor<Self> {
        let layout = attention::Layout::new::<Self>(&query, &key_bias, heads);
        let mask = attention::ProbabilityDropout::new(dropout_probability, dropout_key);
        attention::forward::<Self>(query, key, value, key_bias, layout, mask).context
    }
}

#[cfg(feature = "flex")]
impl EncoderOps for burn::backend::Flex {}

#[cfg(feature = "tch")]
#[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
impl EncoderOps for burn::backend::LibTorch {}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl EncoderOps for burn::backend::Cube {}

impl<B: EncoderOps, C: CheckpointStrategy> EncoderOps for Autodiff<B, C> {
    fn layer_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        layer_norm::tracked::<B, C>(rows, gamma, beta, epsilon)
    }

    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        activation::tracked::<B, C>(x, B::gelu_exact, gelu::gradient::<B>)
    }

    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        activation::tracked::<B, C>(x, B::gelu_tanh, gelu_tanh::gradient::<B>)
    }

    fn dropout_hashed(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        dropout::tracked::<B, C>(x, probability, key)
    }

    fn attention_rows(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        key_bias: FloatTensor<Self>,
        heads: usize,
        dropout_probability: f64,
        dropout_key: u64,
    ) -> FloatTensor<Self> {
        let mask = attention::ProbabilityDropout::new(dropout_probability, dropout_key);
        attention::tracked::<B, C>(query, key, value, key_bias, heads, mask)
    }
}
