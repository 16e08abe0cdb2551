//! Root mean square normalization of rows ([Zhang and Sennrich
//! 2019](https://arxiv.org/abs/1910.07467)), as `torch.nn.RMSNorm`.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, tensor::FloatTensor};
use burn::tensor::Tensor;

use crate::autodiff::node_of;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;
use crate::layer_norm::{as_row, sum_rows};

/// Computes `x / sqrt(mean(x²) + epsilon) * gamma` per row. On flex, the result of a row is
/// bit-identical for any other rows.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - `gamma`: `[D]`
/// - output: `[T, D]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::rms_norm;
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::from_data([[1.0, 7.0]], &device);
/// let normalized = rms_norm(rows, Tensor::ones([2], &device), 0.0);
/// let expected = burn::tensor::TensorData::from([[0.2f32, 1.4]]);
/// normalized.into_data().assert_approx_eq::<f32>(&expected, Default::default());
/// ```
pub fn rms_norm(rows: Tensor<2>, gamma: Tensor<1>, epsilon: f64) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as EncoderOps>::rms_norm_rows(
        rows.into_dispatch(),
        gamma.into_dispatch(),
        epsilon,
    ))
}

/// [`rms_norm`] by burn's primitives.
pub(crate) fn forward<B: Backend>(
    rows: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    let (normalized, _) = normalize::<B>(rows, epsilon);
    B::float_mul(normalized, as_row::<B>(gamma))
}

/// Returns rows with root mean square 1, and the factor of each row.
fn normalize<B: Backend>(rows: FloatTensor<B>, epsilon: f64) -> (FloatTensor<B>, FloatTensor<B>) {
    let mean = B::float_mean_dim(B::float_mul(rows.clone(), rows.clone()), 1);
    let root = B::float_sqrt(B::float_add_scalar(mean, epsilon.into()));
    let inverse = B::float_recip(root);
    (B::float_mul(rows, inverse.clone()), inverse)
}

/// Returns the gradients of rows and gamma.
pub(crate) fn gradients<B: Backend>(
    rows: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
    gradient: FloatTensor<B>,
    [rows_wanted, gamma_wanted]: [bool; 2],
) -> [Option<FloatTensor<B>>; 2] {
    let (normalized, inverse) = normalize::<B>(rows, epsilon);
    let of_gamma = gamma_wanted.then(|| {
        let scaled = B::float_mul(gradient.clone(), normalized.clone());
        sum_rows::<B>(scaled)
    });
    let of_rows = rows_wanted.then(|| {
        let gradient = B::float_mul(gradient, as_row::<B>(gamma));
        let along = B::float_mean_dim(B::float_mul(gradient.clone(), normalized.clone()), 1);
        let projected = B::float_sub(gradient, B::float_mul(normalized, along));
        B::float_mul(projected, inverse)
    });
    [of_rows, of_gamma]
}

/// The normalized rows are recomputed for the backward pass, as those of layer normalization.
pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
    gamma: FloatTensor<Autodiff<B, C>>,
    epsilon: f64,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [rows.node(), gamma.node()];
    node_of::<B, C, _, _, _, 2>(
        parents,
        [rows, gamma].map(|tensor| tensor.into_primitive()),
        |[rows, gamma]| (<B as Kernels>::rms_norm_rows(rows, gamma, epsilon), ()),
        |[rows, gamma], ()| {
            move |gradient, wanted| B::rms_norm_gradients(rows, gamma, epsilon, gradient, wanted)
        },
    )
}
