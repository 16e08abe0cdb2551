//! Rotary position embeddings ([Su et al. 2021](https://arxiv.org/abs/2104.09864)) of queries or
//! keys: `apply_rotary_pos_emb` of transformers, which rotates the first half of a head's values
//! with the second.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Shape, Slice, Tensor};

use crate::autodiff::node_of;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;

/// Rotates the values `x` of each head: `[x₁ cos - x₂ sin, x₂ cos + x₁ sin]`, with the halves `x₁`
/// and `x₂` of `x`.
///
/// # Shapes
/// - `rows`, output: `[T, D]`
/// - `cosine`, `sine`: `[T, K / 2]`, of the angles of each row's position; they take no gradient
///
/// # Panics
/// If `D` is not a multiple of twice the number of heads, or the tables have other sizes.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::rotary;
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::from_data([[1.0, 2.0]], &device);
/// // A quarter turn.
/// let (cosine, sine) = (Tensor::zeros([1, 1], &device), Tensor::ones([1, 1], &device));
/// let rotated = rotary(rows, cosine, sine, 1);
/// assert_eq!(rotated.into_data().as_slice::<f32>(), Ok(&[-2.0, 1.0][..]));
/// ```
pub fn rotary(rows: Tensor<2>, cosine: Tensor<2>, sine: Tensor<2>, heads: usize) -> Tensor<2> {
    let [tokens, hidden] = rows.dims();
    assert_eq!(hidden % (2 * heads), 0, "width {hidden} in {heads} heads");
    for table in [&cosine, &sine] {
        assert_eq!(table.dims(), [tokens, hidden / heads / 2], "angles of rows");
    }
    Tensor::from_dispatch(<Dispatch as EncoderOps>::rotary_rows(
        rows.into_dispatch(),
        cosine.into_dispatch(),
        sine.into_dispatch(),
        heads,
    ))
}

/// [`rotary`] by burn's primitives.
pub(crate) fn forward<B: Backend>(
    rows: FloatTensor<B>,
    cosine: FloatTensor<B>,
    sine: FloatTensor<B>,
    heads: usize,
) -> FloatTensor<B> {
    let shape = rows.shape();
    let (tokens, half) = (shape[0], shape[1] / heads / 2);
    let angles = |table| B::float_reshape(table, Shape::from([tokens, 1, half]));
    let (cosine, sine) = (angles(cosine), angles(sine));
    let heads = B::float_reshape(rows, Shape::from([tokens, heads, 2 * half]));
    let part = |start: usize| {
        let all = Slice::from(..);
        let slices = [all, all, Slice::from(start..start + half)];
        B::float_slice(heads.clone(), &slices)
    };
    let (first, second) = (part(0), part(half));
    let product =
        |x: &FloatTensor<B>, table: &FloatTensor<B>| B::float_mul(x.clone(), table.clone());
    let rotated = vec![
        B::float_sub(product(&first, &cosine), product(&second, &sine)),
        B::float_add(product(&second, &cosine), product(&first, &sine)),
    ];
    B::float_reshape(B::float_cat(rotated, 2), shape)
}

/// One node; its backward pass rotates back.
pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
    cosine: FloatTensor<Autodiff<B, C>>,
    sine: FloatTensor<Autodiff<B, C>>,
    heads: usize,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [rows.node()];
    let tables = (cosine.into_primitive(), sine.into_primitive());
    node_of::<B, C, _, _, _, 1>(
        parents,
        (rows.into_primitive(), tables),
        |(rows, (cosine, sine))| {
            let kept = (cosine.clone(), sine.clone());
            (<B as Kernels>::rotary_rows(rows, cosine, sine, heads), kept)
        },
        |_, (cosine, sine)| {
            move |gradient, _| {
                let back = B::float_neg(sine);
                [Some(<B as Kernels>::rotary_rows(
                    gradient, cosine, back, heads,
                ))]
            }
        },
    )
}
