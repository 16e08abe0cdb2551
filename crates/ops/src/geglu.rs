//! GELU-gated linear unit ([Shazeer 2020](https://arxiv.org/abs/2002.05202)), the inner part of
//! `ModernBertMLP`.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Slice, Tensor};

use crate::autodiff::node_of;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;

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
    let [_, width] = rows.dims();
    assert_eq!(width % 2, 0, "width {width} in two halves");
    Tensor::from_dispatch(<Dispatch as EncoderOps>::geglu_rows(rows.into_dispatch()))
}

fn halves<B: Backend>(rows: &FloatTensor<B>) -> [FloatTensor<B>; 2] {
    let half = rows.shape()[1] / 2;
    [0, half].map(|start| {
        let slices = [Slice::from(..), Slice::from(start..start + half)];
        B::float_slice(rows.clone(), &slices)
    })
}

/// [`geglu`] by GELU and burn's primitives.
pub(crate) fn forward<B: Kernels>(rows: FloatTensor<B>) -> FloatTensor<B> {
    let [input, gate] = halves::<B>(&rows);
    B::float_mul(<B as Kernels>::gelu_exact(input), gate)
}

/// The gradient of the rows.
pub(crate) fn gradient<B: Kernels>(
    rows: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let [input, gate] = halves::<B>(&rows);
    let of_gate = B::float_mul(<B as Kernels>::gelu_exact(input.clone()), gradient.clone());
    let of_input = B::gelu_exact_gradient(input, B::float_mul(gradient, gate));
    B::float_cat(vec![of_input, of_gate], 1)
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    node_of::<B, C, _, _, _, 1>(
        [rows.node()],
        rows.into_primitive(),
        |rows| (<B as Kernels>::geglu_rows(rows), ()),
        |rows, ()| move |gradient, _| [Some(B::geglu_gradient(rows, gradient))],
    )
}
