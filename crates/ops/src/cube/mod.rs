//! Kernels in CubeCL: one source for wgpu and CUDA, with and without burn's operation fusion.
//!
//! Each replaces a chain of burn's operations by one or two launches, for tensors of f32. Sums have a
//! fixed order and no kernel uses atomics, so two runs on a device give the same bits.

mod adamw;
mod attention;
mod cross_entropy;
mod dropout;
mod embedding;
#[allow(
    unstable_name_collisions,
    reason = "the error function of std is unstable"
)]
mod gelu;
mod glu;
mod launch;
mod layer_norm;
mod norm;
mod queue;
mod rms_norm;
pub(crate) mod steps;

use burn::backend::TensorMetadata;
use burn::backend::fusion::Fusion;
use burn::backend::ops::ActivationOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;

use crate::attention::{Inputs, Settings};
use crate::dropout::Dropout;
use crate::dropout_add_layer_norm::Norm;
use crate::glu::GluActivation;
use crate::kernels::Kernels;

use gelu::Approximation;
use queue::Queue;

/// Whether there are kernels for these tensors.
fn takes<'a, Q: Queue>(tensors: impl IntoIterator<Item = &'a Q::Tensor>) -> bool
where
    Q::Tensor: 'a,
{
    let mut tensors = tensors.into_iter().peekable();
    // They are all on one device.
    tensors
        .peek()
        .is_some_and(|tensor| launch::fits(&tensor.device()))
        && tensors.all(|tensor| tensor.dtype() == DType::F32 && tensor.shape().num_elements() > 0)
}

/// Returns the results of a call.
fn exactly<T, const N: usize>(results: Vec<T>) -> [T; N] {
    match <[T; N]>::try_from(results) {
        Ok(results) => results,
        Err(results) => unreachable!("{} results of {N}", results.len()),
    }
}

fn one<T>(results: Vec<T>) -> T {
    let [result] = exactly(results);
    result
}

macro_rules! kernels {
    ($backend:ty) => {
        impl Kernels for $backend {
            fn layer_norm_rows(
                rows: FloatTensor<Self>,
                gamma: FloatTensor<Self>,
                beta: FloatTensor<Self>,
                epsilon: f64,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&rows, &gamma, &beta]) {
                    return crate::layer_norm::forward::<Self>(rows, gamma, beta, epsilon);
                }
                let outputs = vec![rows.shape()];
                let inputs = vec![rows, gamma, beta];
                one(Self::call("layer_norm", inputs, outputs, move |inputs| {
                    layer_norm::forward(inputs, epsilon)
                }))
            }

            fn layer_norm_gradients(
                rows: FloatTensor<Self>,
                gamma: FloatTensor<Self>,
                epsilon: f64,
                gradient: FloatTensor<Self>,
                wanted: [bool; 3],
            ) -> [Option<FloatTensor<Self>>; 3] {
                if !takes::<Self>([&rows, &gamma, &gradient]) {
                    return crate::layer_norm::gradients::<Self>(
                        rows, gamma, epsilon, gradient, wanted,
                    );
                }
                let [of_rows, _, of_gamma, of_beta] =
                    norm_gradients::<Self>(rows, gamma, epsilon, None, gradient);
                [Some(of_rows), Some(of_gamma), Some(of_beta)]
            }

            fn rms_norm_rows(
                rows: FloatTensor<Self>,
                gamma: FloatTensor<Self>,
                epsilon: f64,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&rows, &gamma]) {
                    return crate::rms_norm::forward::<Self>(rows, gamma, epsilon);
                }
                let outputs = vec![rows.shape()];
                let inputs = vec![rows, gamma];
                one(Self::call("rms_norm", inputs, outputs, move |inputs| {
                    rms_norm::forward(inputs, epsilon)
                }))
            }

            fn rms_norm_gradients(
                rows: FloatTensor<Self>,
                gamma: FloatTensor<Self>,
                epsilon: f64,
                gradient: FloatTensor<Self>,
                wanted: [bool; 2],
            ) -> [Option<FloatTensor<Self>>; 2] {
                if !takes::<Self>([&rows, &gamma, &gradient]) {
                    return crate::rms_norm::gradients::<Self>(
                        rows, gamma, epsilon, gradient, wanted,
                    );
                }
                let outputs = vec![rows.shape(), gamma.shape()];
                let inputs = vec![rows, gradient, gamma];
                let results = Self::call("rms_norm_gradients", inputs, outputs, move |inputs| {
                    rms_norm::gradients(inputs, epsilon)
                });
                exactly::<_, 2>(results).map(Some)
            }

            fn residual_norm_rows(
                rows: FloatTensor<Self>,
                residual: FloatTensor<Self>,
                dropout: Option<Dropout>,
                norm: Norm<FloatTensor<Self>>,
            ) -> (FloatTensor<Self>, FloatTensor<Self>) {
                if !takes::<Self>([&rows, &residual, &norm.gamma, &norm.beta]) {
                    return crate::dropout_add_layer_norm::forward::<Self>(
                        rows, residual, dropout, norm,
                    );
                }
                let outputs = vec![rows.shape(); 2];
                let inputs = vec![rows, residual, norm.gamma, norm.beta];
                let epsilon = norm.epsilon;
                let results = Self::call("residual_norm", inputs, outputs, move |inputs| {
                    layer_norm::residual_forward(inputs, dropout, epsilon)
                });
                let [output, sum] = exactly(results);
                (output, sum)
            }

            fn residual_norm_gradients(
                sum: FloatTensor<Self>,
                gamma: FloatTensor<Self>,
                epsilon: f64,
                dropout: Option<Dropout>,
                gradient: FloatTensor<Self>,
                wanted: [bool; 4],
            ) -> [Option<FloatTensor<Self>>; 4] {
                if !takes::<Self>([&sum, &gamma, &gradient]) {
                    return crate::dropout_add_layer_norm::gradients::<Self>(
                        sum, gamma, epsilon, dropout, gradient, wanted,
                    );
                }
                let [of_sum, of_rows, of_gamma, of_beta] =
                    norm_gradients::<Self>(sum, gamma, epsilon, dropout, gradient);
                [of_rows, of_sum, of_gamma, of_beta].map(Some)
            }

            fn embedding_gradient(
                rows: usize,
                ids: IntTensor<Self>,
                gradient: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&gradient]) {
                    return crate::embedding::gradient::<Self>(rows, ids, gradient);
                }
                let outputs = vec![Shape::from([rows, gradient.shape()[1]])];
                let inputs = vec![ids, gradient];
                one(Self::call(
                    "embedding_gradient",
                    inputs,
                    outputs,
                    move |inputs| embedding::gradient(inputs, rows),
                ))
            }

            fn gelu_exact(x: FloatTensor<Self>) -> FloatTensor<Self> {
                if !takes::<Self>([&x]) {
                    return <Self as ActivationOps<Self>>::gelu(x);
                }
                let outputs = vec![x.shape()];
                one(Self::call("gelu", vec![x], outputs, |inputs| {
                    gelu::forward(inputs, Approximation::None)
                }))
            }

            fn gelu_exact_gradient(
                x: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&x, &gradient]) {
                    return crate::gelu::gradient::<Self>(x, gradient);
                }
                let outputs = vec![x.shape()];
                one(Self::call(
                    "gelu_gradient",
                    vec![x, gradient],
                    outputs,
                    |inputs| gelu::gradient(inputs, Approximation::None),
                ))
            }

            fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
                if !takes::<Self>([&x]) {
                    return crate::gelu::tanh_forward::<Self>(x);
                }
                let outputs = vec![x.shape()];
                one(Self::call("gelu_tanh", vec![x], outputs, |inputs| {
                    gelu::forward(inputs, Approximation::Tanh)
                }))
            }

            fn gelu_tanh_gradient(
                x: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&x, &gradient]) {
                    return crate::gelu::tanh_gradient::<Self>(x, gradient);
                }
                let outputs = vec![x.shape()];
                one(Self::call(
                    "gelu_tanh_gradient",
                    vec![x, gradient],
                    outputs,
                    |inputs| gelu::gradient(inputs, Approximation::Tanh),
                ))
            }

            fn glu_rows(rows: FloatTensor<Self>, activation: GluActivation) -> FloatTensor<Self> {
                if !takes::<Self>([&rows]) {
                    return crate::glu::forward::<Self>(rows, activation);
                }
                let [count, width] = rows.shape().dims();
                let outputs = vec![Shape::from([count, width / 2])];
                one(Self::call("glu", vec![rows], outputs, move |inputs| {
                    glu::forward(inputs, activation)
                }))
            }

            fn glu_gradient(
                rows: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
                activation: GluActivation,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&rows, &gradient]) {
                    return crate::glu::gradient::<Self>(rows, gradient, activation);
                }
                let outputs = vec![rows.shape()];
                one(Self::call(
                    "glu_gradient",
                    vec![rows, gradient],
                    outputs,
                    move |inputs| glu::gradient(inputs, activation),
                ))
            }

            fn dropout_hashed(
                x: FloatTensor<Self>,
                probability: f64,
                key: u64,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&x]) {
                    return crate::dropout::apply::<Self>(x, probability, key);
                }
                let outputs = vec![x.shape()];
                one(Self::call("dropout", vec![x], outputs, move |inputs| {
                    dropout::apply(inputs, Dropout { probability, key })
                }))
            }

            fn padded_attention(
                inputs: Inputs<FloatTensor<Self>>,
                settings: Settings,
            ) -> (FloatTensor<Self>, Vec<FloatTensor<Self>>) {
                match attention::takes::<Self>(&inputs, settings) {
                    true => attention::forward::<Self>(inputs, settings),
                    false => crate::attention::forward::<Self>(inputs, settings),
                }
            }

            fn padded_attention_gradients(
                inputs: Inputs<FloatTensor<Self>>,
                left: Vec<FloatTensor<Self>>,
                settings: Settings,
                gradient: FloatTensor<Self>,
                wanted: [bool; 3],
            ) -> [Option<FloatTensor<Self>>; 3] {
                match attention::takes::<Self>(&inputs, settings) {
                    true => attention::gradients::<Self>(inputs, left, settings, gradient),
                    false => crate::attention::gradients::<Self>(
                        inputs, left, settings, gradient, wanted,
                    ),
                }
            }

            fn class_loss(
                logits: FloatTensor<Self>,
                labels: IntTensor<Self>,
                factor: f64,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&logits]) {
                    return crate::cross_entropy::forward::<Self>(logits, labels, factor);
                }
                let inputs = vec![logits, labels];
                let outputs = vec![Shape::from([1])];
                one(Self::call(
                    "cross_entropy",
                    inputs,
                    outputs,
                    move |inputs| cross_entropy::loss(inputs, factor),
                ))
            }

            fn class_loss_gradient(
                logits: FloatTensor<Self>,
                labels: IntTensor<Self>,
                factor: f64,
                gradient: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                if !takes::<Self>([&logits, &gradient]) {
                    return crate::cross_entropy::gradient::<Self>(
                        logits, labels, factor, gradient,
                    );
                }
                let outputs = vec![logits.shape()];
                let inputs = vec![logits, labels, gradient];
                one(Self::call(
                    "cross_entropy_gradient",
                    inputs,
                    outputs,
                    move |inputs| cross_entropy::gradient(inputs, factor),
                ))
            }
        }
    };
}

kernels!(CubeBackend);
kernels!(Fusion<CubeBackend>);

/// Returns the gradients of the normalized sum, of the rows before dropout, of gamma and of beta.
fn norm_gradients<Q: Queue>(
    sum: Q::Tensor,
    gamma: Q::Tensor,
    epsilon: f64,
    dropout: Option<Dropout>,
    gradient: Q::Tensor,
) -> [Q::Tensor; 4] {
    let outputs = vec![sum.shape(), sum.shape(), gamma.shape(), gamma.shape()];
    let inputs = vec![sum, gradient, gamma];
    exactly(Q::call(
        "layer_norm_gradients",
        inputs,
        outputs,
        move |inputs| layer_norm::gradients(inputs, dropout, epsilon, true),
    ))
}
