//! The Gaussian error linear unit ([Hendrycks & Gimpel 2016](https://arxiv.org/abs/1606.08415)),
//! exact: `torch.nn.functional.gelu` with `approximate="none"`, which is what BERT's `gelu` means.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use burn::backend::autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Backend, Dispatch, tensor::FloatTensor};
use burn::tensor::Tensor;

use crate::EncoderOps;

/// `x · Φ(x)`, with `Φ` the distribution function of the standard normal.
///
/// burn's own GELU has the derivative of the tanh approximation on GPU backends; this one has
/// `Φ(x) + x · φ(x)` everywhere.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as EncoderOps>::gelu_exact(x.into_dispatch()))
}

/// `gradient · (Φ(x) + x · φ(x))`.
fn gradient<B: Backend>(x: FloatTensor<B>, gradient: FloatTensor<B>) -> FloatTensor<B> {
    let error = B::float_erf(B::float_mul_scalar(x.clone(), FRAC_1_SQRT_2.into()));
    let distribution = B::float_mul_scalar(B::float_add_scalar(error, 1.0.into()), 0.5.into());
    let exponent = B::float_mul_scalar(B::float_mul(x.clone(), x.clone()), (-0.5).into());
    let density = B::float_mul_scalar(B::float_exp(exponent), (1.0 / (2.0 * PI).sqrt()).into());
    let slope = B::float_add(distribution, B::float_mul(x, density));
    B::float_mul(gradient, slope)
}

#[derive(Debug)]
struct GeluBackward;

impl<B: Backend> Backward<B, 1> for GeluBackward {
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [x_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(node) = x_node {
            grads.register::<B>(node.id, gradient::<B>(ops.state, grad));
        }
    }
}

pub(crate) fn tracked<B: EncoderOps, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [x.node()];
    let x = x.into_primitive();
    match GeluBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(x.clone(), B::gelu_exact(x)),
        OpsKind::UnTracked(prep) => prep.finish(B::gelu_exact(x)),
    }
}
