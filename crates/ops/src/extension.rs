//! Backend extension that connects the operations to the backends.
//!
//! Each operation has its own file with forward, backward and public function.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{
    Backend, backend_extension,
    tensor::{FloatTensor, IntTensor},
};

use crate::attention::relative::{self, Terms};
use crate::attention::{Inputs, Packing, Settings};
use crate::dropout::Dropout;
use crate::dropout_add_layer_norm::Norm;
use crate::fake_quantize::QuantizationAxis;
use crate::glu::GluActivation;
use crate::kernels::Kernels;
use crate::precision::Precision;
use crate::sequences::Offsets;
use crate::{
    attention, cross_entropy, dropout, dropout_add_layer_norm, embedding, fake_quantize, gelu, glu,
    layer_norm, linear, rms_norm, rotary,
};

/// Operations of this crate as backend methods, dispatched to the backend of a tensor.
///
/// Backends implement them as [`Kernels`]; `Autodiff` wraps each in one graph node.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    LibTorch: cfg(feature = "tch"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda")),
    Autodiff
)]
pub trait EncoderOps: Backend {
    /// See [`linear`](crate::linear()).
    fn linear_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self>;

    /// As `linear_rows`, without bias.
    fn product_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self>;

    /// See [`layer_norm`](crate::layer_norm()).
    fn layer_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    /// See [`rms_norm`](crate::rms_norm()).
    fn rms_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    /// See [`dropout_add_layer_norm`](crate::dropout_add_layer_norm()).
    fn residual_norm_rows(
        rows: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self>;

    /// See [`embedding`](crate::embedding()).
    fn embedding_rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self>;

    /// See [`gelu`](crate::gelu()).
    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`gelu_tanh`](crate::gelu_tanh()).
    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`dropout`](crate::dropout()).
    fn dropout_hashed(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self>;

    /// See [`fake_quantize`](crate::fake_quantize()).
    fn fake_quantized(x: FloatTensor<Self>, axis: QuantizationAxis) -> FloatTensor<Self>;

    /// See [`attention`](crate::attention()).
    #[allow(
        clippy::too_many_arguments,
        reason = "tensors are dispatched one by one"
    )]
    fn attention_rows(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        additive_key_mask: FloatTensor<Self>,
        token_of_slot: IntTensor<Self>,
        slot_of_token: IntTensor<Self>,
        offsets: Offsets,
        settings: Settings,
    ) -> FloatTensor<Self>;

    /// See [`relative_attention`](crate::relative_attention()); any tensor stands for a table that there
    /// is not.
    #[allow(
        clippy::too_many_arguments,
        reason = "tensors are dispatched one by one"
    )]
    fn relative_attention_rows(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        additive_key_mask: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        queries: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        token_of_slot: IntTensor<Self>,
        slot_of_token: IntTensor<Self>,
        row_of_distance: IntTensor<Self>,
        offsets: Offsets,
        terms: Terms,
        settings: Settings,
    ) -> FloatTensor<Self>;

    /// See [`rotary`](crate::rotary()).
    fn rotary_rows(
        rows: FloatTensor<Self>,
        cosine: FloatTensor<Self>,
        sine: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self>;

    /// See [`geglu`](crate::geglu()) and [`swiglu`](crate::swiglu()).
    fn glu_rows(rows: FloatTensor<Self>, activation: GluActivation) -> FloatTensor<Self>;

    /// See [`cross_entropy`](crate::cross_entropy()); `factor` is 1 / divisor.
    fn class_loss(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        factor: f64,
    ) -> FloatTensor<Self>;
}

impl<B: Kernels> EncoderOps for B {
    fn linear_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        <B as Kernels>::linear_rows(rows, weight, Some(bias), precision)
    }

    fn product_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        <B as Kernels>::linear_rows(rows, weight, None, precision)
    }

    fn layer_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        <B as Kernels>::layer_norm_rows(rows, gamma, beta, epsilon)
    }

    fn rms_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        <B as Kernels>::rms_norm_rows(rows, gamma, epsilon)
    }

    fn residual_norm_rows(
        rows: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        let norm = Norm {
            gamma,
            beta,
            epsilon,
        };
        <B as Kernels>::residual_norm_rows(rows, residual, dropout, norm).0
    }

    fn embedding_rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        <B as Kernels>::embedding_rows(table, ids)
    }

    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        <B as Kernels>::gelu_exact(x)
    }

    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        <B as Kernels>::gelu_tanh(x)
    }

    fn dropout_hashed(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        <B as Kernels>::dropout_hashed(x, probability, key)
    }

    fn fake_quantized(x: FloatTensor<Self>, axis: QuantizationAxis) -> FloatTensor<Self> {
        <B as Kernels>::fake_quantized(x, axis)
    }

    fn attention_rows(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        additive_key_mask: FloatTensor<Self>,
        token_of_slot: IntTensor<Self>,
        slot_of_token: IntTensor<Self>,
        offsets: Offsets,
        settings: Settings,
    ) -> FloatTensor<Self> {
        let inputs = Inputs {
            query,
            key,
            value,
            additive_key_mask,
        };
        let packing = Packing {
            offsets,
            token_of_slot,
            slot_of_token,
        };
        <B as Kernels>::attention_rows(inputs, packing, settings).0
    }

    fn relative_attention_rows(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        additive_key_mask: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        queries: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        token_of_slot: IntTensor<Self>,
        slot_of_token: IntTensor<Self>,
        row_of_distance: IntTensor<Self>,
        offsets: Offsets,
        terms: Terms,
        settings: Settings,
    ) -> FloatTensor<Self> {
        let inputs = Inputs {
            query,
            key,
            value,
            additive_key_mask,
        };
        let packing = Packing {
            offsets,
            token_of_slot,
            slot_of_token,
        };
        let tables = terms.tables([keys, queries, bias], row_of_distance);
        <B as Kernels>::relative_attention_rows(inputs, tables, packing, settings).0
    }

    fn rotary_rows(
        rows: FloatTensor<Self>,
        cosine: FloatTensor<Self>,
        sine: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        <B as Kernels>::rotary_rows(rows, cosine, sine, heads)
    }

    fn glu_rows(rows: FloatTensor<Self>, activation: GluActivation) -> FloatTensor<Self> {
        <B as Kernels>::glu_rows(rows, activation)
    }

    fn class_loss(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        factor: f64,
    ) -> FloatTensor<Self> {
        <B as Kernels>::class_loss(logits, labels, factor)
    }
}

impl<B: Kernels, C: CheckpointStrategy> EncoderOps for Autodiff<B, C> {
    fn linear_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        linear::tracked::<B, C>(rows, weight, bias, precision)
    }

    fn product_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        linear::tracked_product::<B, C>(rows, weight, precision)
    }

    fn layer_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        layer_norm::tracked::<B, C>(rows, gamma, beta, epsilon)
    }

    fn rms_norm_rows(
        rows: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        rms_norm::tracked::<B, C>(rows, gamma, epsilon)
    }

    fn residual_norm_rows(
        rows: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        let norm = Norm {
            gamma,
            beta,
            epsilon,
        };
        dropout_add_layer_norm::tracked::<B, C>(rows, residual, dropout, norm)
    }

    fn embedding_rows(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        embedding::tracked::<B, C>(table, ids)
    }

    fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let forward = <B as Kernels>::gelu_exact;
        gelu::tracked::<B, C>(x, forward, B::gelu_exact_gradient)
    }

    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let forward = <B as Kernels>::gelu_tanh;
        gelu::tracked::<B, C>(x, forward, B::gelu_tanh_gradient)
    }

    fn dropout_hashed(x: FloatTensor<Self>, probability: f64, key: u64) -> FloatTensor<Self> {
        dropout::tracked::<B, C>(x, probability, key)
    }

    fn fake_quantized(x: FloatTensor<Self>, axis: QuantizationAxis) -> FloatTensor<Self> {
        fake_quantize::tracked::<B, C>(x, axis)
    }

    fn attention_rows(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        additive_key_mask: FloatTensor<Self>,
        token_of_slot: IntTensor<Self>,
        slot_of_token: IntTensor<Self>,
        offsets: Offsets,
        settings: Settings,
    ) -> FloatTensor<Self> {
        let inputs = Inputs {
            query,
            key,
            value,
            additive_key_mask,
        };
        let packing = Packing {
            offsets,
            token_of_slot,
            slot_of_token,
        };
        attention::tracked::<B, C>(inputs, packing, settings)
    }

    fn relative_attention_rows(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        additive_key_mask: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        queries: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        token_of_slot: IntTensor<Self>,
        slot_of_token: IntTensor<Self>,
        row_of_distance: IntTensor<Self>,
        offsets: Offsets,
        terms: Terms,
        settings: Settings,
    ) -> FloatTensor<Self> {
        let inputs = Inputs {
            query,
            key,
            value,
            additive_key_mask,
        };
        let packing = Packing {
            offsets,
            token_of_slot,
            slot_of_token,
        };
        let tables = [keys, queries, bias];
        relative::tracked::<B, C>(inputs, tables, row_of_distance, terms, packing, settings)
    }

    fn rotary_rows(
        rows: FloatTensor<Self>,
        cosine: FloatTensor<Self>,
        sine: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        rotary::tracked::<B, C>(rows, cosine, sine, heads)
    }

    fn glu_rows(rows: FloatTensor<Self>, activation: GluActivation) -> FloatTensor<Self> {
        glu::tracked::<B, C>(rows, activation)
    }

    fn class_loss(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        factor: f64,
    ) -> FloatTensor<Self> {
        cross_entropy::tracked::<B, C>(logits, labels, factor)
    }
}
