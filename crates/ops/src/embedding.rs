//! Embedding lookup, as `torch.nn.Embedding`.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{
    Backend, Dispatch, TensorMetadata,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::{IndexingUpdateOp, Int, Shape, Tensor};

use crate::autodiff::node;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;

/// Returns the rows of `table` at `ids`.
///
/// The gradient is dense, as all gradients of burn: rows without an id are zero. The gradients of a
/// repeated id are added in order.
///
/// # Shapes
/// - `table`: `[V, D]`
/// - `ids`: `[T]`, in `0..V`
/// - output: `[T, D]`
///
/// # Panics
/// On a CPU, if an id is not a row of the table.
///
/// ```
/// use burn::tensor::{Device, Tensor, TensorData};
///
/// let device = Device::flex();
/// let table = Tensor::from_data([[0.0f32], [1.0], [2.0]], &device);
/// let rows = finetune_ops::embedding(table, Tensor::from_data([2, 0], &device));
/// assert_eq!(rows.into_data(), TensorData::from([[2.0f32], [0.0]]));
/// ```
pub fn embedding(table: Tensor<2>, ids: Tensor<1, Int>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as EncoderOps>::embedding_rows(
        table.into_dispatch(),
        ids.into_dispatch(),
    ))
}

pub(crate) fn forward<B: Backend>(table: FloatTensor<B>, ids: IntTensor<B>) -> FloatTensor<B> {
    B::float_select(table, 0, ids)
}

/// Returns the gradient of a table of `rows` rows.
pub(crate) fn gradient<B: Backend>(
    rows: usize,
    ids: IntTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let shape = Shape::from([rows, gradient.shape()[1]]);
    let zeros = B::float_zeros(shape, &gradient.device(), gradient.dtype().into());
    B::float_select_assign(zeros, 0, ids, gradient, IndexingUpdateOp::Add)
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    table: FloatTensor<Autodiff<B, C>>,
    ids: IntTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [table.node()];
    let table = table.into_primitive();
    let rows = table.shape()[0];
    let output = <B as Kernels>::embedding_rows(table, ids.clone());
    node::<B, C, 1>(parents, output, move |gradient, _| {
        [Some(B::embedding_gradient(rows, ids, gradient))]
    })
}
