//! Dropout, residual and layer normalization in one pass, as at the end of both blocks of a
//! Transformer layer.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Dispatch, tensor::FloatTensor};
use burn::tensor::Tensor;

use crate::autodiff::node;
use crate::dropout::Dropout;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;

/// Parameters of a layer normalization.
#[derive(Debug, Clone, Copy)]
pub struct Norm<T> {
    /// Weight, `[D]`.
    pub gamma: T,
    /// Bias, `[D]`.
    pub beta: T,
    /// Constant added to the variance.
    pub epsilon: f64,
}

/// Computes `norm(residual + dropout(rows))`, bit-identical to [`dropout`](crate::dropout()), a sum
/// and [`layer_norm`](crate::layer_norm()).
///
/// # Shapes
/// - `rows`, `residual`: `[T, D]`
/// - output: `[T, D]`
///
/// # Panics
/// If the shapes do not match, or the probability is not in `[0, 1)`.
///
/// ```
/// use burn::tensor::{Device, Tensor, TensorData};
/// use finetune_ops::{Norm, dropout_add_layer_norm};
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::from_data([[1.0, 2.0]], &device);
/// let residual = Tensor::from_data([[0.0, 1.0]], &device);
/// let norm = Norm { gamma: Tensor::ones([2], &device), beta: Tensor::zeros([2], &device), epsilon: 0.0 };
/// let output = dropout_add_layer_norm(rows, residual, None, norm).into_data();
/// output.assert_approx_eq::<f32>(&TensorData::from([[-1.0f32, 1.0]]), Default::default());
/// ```
pub fn dropout_add_layer_norm(
    rows: Tensor<2>,
    residual: Tensor<2>,
    dropout: Option<Dropout>,
    norm: Norm<Tensor<1>>,
) -> Tensor<2> {
    assert_eq!(rows.dims(), residual.dims(), "rows and their residual");
    Tensor::from_dispatch(<Dispatch as EncoderOps>::residual_norm_rows(
        rows.into_dispatch(),
        residual.into_dispatch(),
        norm.gamma.into_dispatch(),
        norm.beta.into_dispatch(),
        norm.epsilon,
        dropout.and_then(Dropout::checked),
    ))
}

/// Returns the output and the input of the normalization.
pub(crate) fn forward<B: Kernels>(
    rows: FloatTensor<B>,
    residual: FloatTensor<B>,
    dropout: Option<Dropout>,
    norm: Norm<FloatTensor<B>>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let sum = B::float_add(residual, dropped::<B>(rows, dropout));
    let Norm {
        gamma,
        beta,
        epsilon,
    } = norm;
    let output = <B as Kernels>::layer_norm_rows(sum.clone(), gamma, beta, epsilon);
    (output, sum)
}

/// Returns the gradients of rows, residual, gamma and beta.
pub(crate) fn gradients<B: Kernels>(
    sum: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
    dropout: Option<Dropout>,
    gradient: FloatTensor<B>,
    wanted: [bool; 4],
) -> [Option<FloatTensor<B>>; 4] {
    let [rows, residual, of_gamma, of_beta] = wanted;
    let wanted = [rows || residual, of_gamma, of_beta];
    let [of_sum, of_gamma, of_beta] =
        B::layer_norm_gradients(sum, gamma, epsilon, gradient, wanted);
    let of_rows = of_sum.clone().filter(|_| rows);
    let of_rows = of_rows.map(|gradient| dropped::<B>(gradient, dropout));
    [of_rows, of_sum.filter(|_| residual), of_gamma, of_beta]
}

fn dropped<B: Kernels>(rows: FloatTensor<B>, dropout: Option<Dropout>) -> FloatTensor<B> {
    match dropout {
        Some(Dropout { probability, key }) => {
            <B as Kernels>::dropout_hashed(rows, probability, key)
        }
        None => rows,
    }
}

/// The normalized rows are recomputed from the sum for the backward pass.
pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    rows: FloatTensor<Autodiff<B, C>>,
    residual: FloatTensor<Autodiff<B, C>>,
    dropout: Option<Dropout>,
    norm: Norm<FloatTensor<Autodiff<B, C>>>,
) -> FloatTensor<Autodiff<B, C>> {
    let Norm {
        gamma,
        beta,
        epsilon,
    } = norm;
    let parents = [rows.node(), residual.node(), gamma.node(), beta.node()];
    let (rows, residual) = (rows.into_primitive(), residual.into_primitive());
    let gamma = gamma.into_primitive();
    let norm = Norm {
        gamma: gamma.clone(),
        beta: beta.into_primitive(),
        epsilon,
    };
    let (output, sum) = <B as Kernels>::residual_norm_rows(rows, residual, dropout, norm);
    node::<B, C, 4>(parents, output, move |gradient, wanted| {
        B::residual_norm_gradients(sum, gamma, epsilon, dropout, gradient, wanted)
    })
}
