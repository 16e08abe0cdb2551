//! Gated linear units ([Shazeer 2020](https://arxiv.org/abs/2002.05202)): the inner part of
//! `ModernBertMLP` with GELU, and of `EuroBertMLP` with SiLU.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Slice, Tensor};

use crate::autodiff::node_of;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;

/// Activation of the first half of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GluActivation {
    /// Exact GELU, `x · Φ(x)`.
    Gelu,
    /// SiLU, `x · sigmoid(x)`.
    Silu,
}

/// Computes `gelu(x₁) · x₂` with exact GELU, where `x₁` and `x₂` are the halves of each row.
///
/// # Shapes
/// - `rows`: `[T, 2 I]`
/// - output: `[T, I]`
///
/// # Panics
/// If the width is odd.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::geglu;
///
/// let rows = Tensor::<2>::from_data([[10.0, 0.5]], &Device::flex());
/// assert_eq!(geglu(rows).into_data().as_slice::<f32>(), Ok(&[5.0][..]));
/// ```
pub fn geglu(rows: Tensor<2>) -> Tensor<2> {
    glu(rows, GluActivation::Gelu)
}

/// Computes `silu(x₁) · x₂`, where `x₁` and `x₂` are the halves of each row.
///
/// # Shapes
/// - `rows`: `[T, 2 I]`
/// - output: `[T, I]`
///
/// # Panics
/// If the width is odd.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::swiglu;
///
/// let rows = Tensor::<2>::from_data([[40.0, 0.5]], &Device::flex());
/// assert_eq!(swiglu(rows).into_data().as_slice::<f32>(), Ok(&[20.0][..]));
/// ```
pub fn swiglu(rows: Tensor<2>) -> Tensor<2> {
    glu(rows, GluActivation::Silu)
}

fn glu(rows: Tensor<2>, activation: GluActivation) -> Tensor<2> {
    let [_, width] = rows.dims();
    assert_eq!(width % 2, 0, "width {width} in two halves");
    let rows = rows.into_dispatch();
    Tensor::from_dispatch(<Dispatch as EncoderOps>::glu_rows(rows, activation))
}

impl GluActivation {
    fn apply<B: Kernels>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        match self {
            Self::Gelu => <B as Kernels>::gelu_exact(x),
            Self::Silu => B::float_mul(x.clone(), B::sigmoid(x)),
        }
    }

    fn gradient<B: Kernels>(self, x: FloatTensor<B>, gradient: FloatTensor<B>) -> FloatTensor<B> {
        match self {
            Self::Gelu => B::gelu_exact_gradient(x, gradient),
            Self::Silu => {
                // s + x s (1 - s)
                let sigmoid = B::sigmoid(x.clone());
                let rest = B::float_add_scalar(B::float_neg(sigmoid.clone()), 1.0.into());
                let rising = B::float_add_scalar(B::float_mul(x, rest), 1.0.into());
                B::float_mul(gradient, B::float_mul(sigmoid, rising))
            }
        }
    }
}

fn halves<B: Backend>(rows: &FloatTensor<B>) -> [FloatTensor<B>; 2] {
    let half = rows.shape()[1] / 2;
    [0, half].map(|start| {
        let slices = [Slice::from(..), Slice::from(start..start + half)];
        B::float_slice(rows.clone(), &slices)
    })
}

/// The unit by its activation and burn's primitives.
pub(crate) fn forward<B: Kernels>(
    rows: FloatTensor<B>,
    activation: GluActivation,
) -> FloatTensor<B> {
    let [input, gate] = halves::<B>(&rows);
    B::float_mul(activation.apply::<B>(input), gate)
}

/// The gradient of the rows.
pub(crate) fn gradient<B: Kernels>(
    rows: FloatTensor<B>,
    gradient: FloatTensor<B>,
    activation: GluActivation,
) -> FloatTensor<B> {
    let [input, gate] = halves::<B>(&rows);
    let of_gate = B::float_mul(activation.apply::<B>(input.clone()), gradient.clone());
    let of_input = activation.gradient::<B>(input, B::float_mul(gradient, gate));
    B::float_cat(vec![of_input, of_gate], 1)
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
    activation: GluActivation,
) -> FloatTensor<Autodiff<B, C>> {
    node_of::<B, C, _, _, _, 1>(
        [rows.node()],
        rows.into_primitive(),
        |rows| (<B as Kernels>::glu_rows(rows, activation), ()),
        |rows, ()| move |gradient, _| [Some(B::glu_gradient(rows, gradient, activation))],
    )
}
