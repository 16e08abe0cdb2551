//! Node of an operation that is computed again in the backward pass.

use std::sync::Arc;

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{
    AutodiffBackend, Backend, BackendTensor, Dispatch, DispatchKindConversion, DispatchTensor,
    backend_extension, tensor::FloatTensor,
};
use burn::tensor::Tensor;

use crate::autodiff::node;

/// Maximum number of inputs of a recomputed encoder layer: it has 29, with adapters everywhere.
const LAYER_INPUTS: usize = 32;

/// Maximum number of inputs of a recomputed operation: an encoder of 24 layers has about 400.
const MAX_INPUTS: usize = 1024;

/// Function from the gradient of the output to those of the inputs.
type Gradients = Arc<dyn Fn(DispatchTensor) -> Vec<Option<DispatchTensor>> + Send + Sync>;

/// Makes `output` the result of one operation on `inputs`, of which only what `gradients` holds is
/// kept: gradient checkpointing ([Chen et al. 2016](https://arxiv.org/abs/1604.06174)).
///
/// `output` must have been computed from the inputs without autodiff. In the backward pass,
/// `gradients` gets its gradient and returns that of each input, where it wants one. It may compute
/// the operation again with autodiff, on leaves of its own, and go backward: graphs may be nested as
/// long as they share no tensor.
///
/// # Panics
/// - If there are more than 1,024 inputs.
/// - In the backward pass, if `gradients` returns a tensor with autodiff.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::recomputed;
///
/// let x = Tensor::<1>::from_data([3.0], &Device::flex().autodiff()).require_grad();
/// let plain = x.clone().inner();
/// let output = plain.clone() * plain.clone();
/// let square = recomputed(output, vec![x.clone().into_dispatch()], move |gradient| {
///     let x = Tensor::from_inner(plain.clone()).require_grad();
///     let output = x.clone() * x.clone();
///     let mut gradients = (output * Tensor::from_inner(gradient)).sum().backward();
///     vec![x.grad_remove(&mut gradients).map(Tensor::into_dispatch)]
/// });
/// let gradients = (square * 2.0).backward();
/// assert_eq!(x.grad(&gradients).unwrap().into_scalar::<f32>(), 12.0);
/// ```
pub fn recomputed<const D: usize>(
    output: Tensor<D>,
    inputs: Vec<DispatchTensor>,
    gradients: impl Fn(Tensor<D>) -> Vec<Option<DispatchTensor>> + Send + Sync + 'static,
) -> Tensor<D> {
    let count = inputs.len();
    assert!(count <= MAX_INPUTS, "{count} inputs, above {MAX_INPUTS}");
    let gradients = Arc::new(move |gradient| gradients(Tensor::from_dispatch(gradient)));
    Tensor::from_dispatch(<Dispatch as Recomputed>::recomputed(
        Tensor::from_inner(output).into_dispatch(),
        inputs,
        gradients,
    ))
}

/// [`recomputed`] as a backend method.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    LibTorch: cfg(feature = "tch"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda")),
    Autodiff
)]
trait Recomputed: Backend {
    /// Returns `output`, with a node if there is autodiff.
    fn recomputed(
        output: FloatTensor<Self>,
        inputs: Vec<DispatchTensor>,
        gradients: Gradients,
    ) -> FloatTensor<Self>;
}

/// Implements [`Recomputed`] for backends without autodiff.
macro_rules! without_autodiff {
    ($($feature:meta => $backend:ty),*) => {
        $(#[cfg($feature)]
        #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
        impl Recomputed for $backend {
            fn recomputed(
                output: FloatTensor<Self>,
                _inputs: Vec<DispatchTensor>,
                _gradients: Gradients,
            ) -> FloatTensor<Self> {
                output
            }
        })*
    };
}

without_autodiff! {
    feature = "flex" => burn::backend::Flex,
    feature = "tch" => burn::backend::LibTorch,
    any(feature = "wgpu", feature = "cuda") => burn::backend::Cube
}

impl<B: Backend, C: CheckpointStrategy> Recomputed for Autodiff<B, C>
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Self>,
{
    fn recomputed(
        output: FloatTensor<Self>,
        inputs: Vec<DispatchTensor>,
        gradients: Gradients,
    ) -> FloatTensor<Self> {
        match inputs.len() {
            0..=LAYER_INPUTS => with_parents::<B, C, LAYER_INPUTS>(output, inputs, gradients),
            _ => with_parents::<B, C, MAX_INPUTS>(output, inputs, gradients),
        }
    }
}

/// Makes `output` a node with up to `N` parents.
fn with_parents<B: Backend, C: CheckpointStrategy, const N: usize>(
    output: FloatTensor<Autodiff<B, C>>,
    inputs: Vec<DispatchTensor>,
    gradients: Gradients,
) -> FloatTensor<Autodiff<B, C>>
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B, C>>,
{
    let output = output.into_primitive();
    let mut inputs = inputs.into_iter().map(unwrapped::<Autodiff<B, C>>);
    // The others take no gradient.
    let unused = || <Autodiff<B, C> as AutodiffBackend>::from_inner(output.clone());
    let inputs: [_; N] = std::array::from_fn(|_| inputs.next().unwrap_or_else(unused).node());
    node::<B, C, N>(inputs, output, move |gradient, wanted| {
        let gradient = BackendTensor::Float(gradient);
        let gradient = <DispatchTensor as DispatchKindConversion<B>>::from_backend(gradient);
        let mut gradients = gradients(gradient).into_iter();
        wanted.map(|wanted| {
            let gradient = gradients.next().flatten().filter(|_| wanted);
            gradient.map(unwrapped::<B>)
        })
    })
}

/// Returns the tensor of a backend.
fn unwrapped<B: Backend>(tensor: DispatchTensor) -> FloatTensor<B>
where
    DispatchTensor: DispatchKindConversion<B>,
{
    match <DispatchTensor as DispatchKindConversion<B>>::try_into_backend(tensor) {
        Ok(BackendTensor::Float(tensor)) => tensor,
        Ok(other) => panic!("a tensor of floats, not {}", other.name()),
        Err(problem) => panic!("{problem}"),
    }
}
