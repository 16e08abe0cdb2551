//! Autodiff node of activations: element-wise functions whose gradient depends on their input.

use burn::backend::autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Backend, tensor::FloatTensor};

/// Function from the input and the gradient of the output to the gradient of the input.
type InputGradient<B> = fn(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>;

#[derive(Debug)]
struct ActivationBackward<B: Backend>(InputGradient<B>);

impl<B: Backend> Backward<B, 1> for ActivationBackward<B> {
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
            grads.register::<B>(node.id, (self.0)(ops.state, grad));
        }
    }
}

/// Computes `forward(x)` as one node that keeps `x` for the backward pass.
pub(crate) fn tracked<B: Backend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    forward: fn(FloatTensor<B>) -> FloatTensor<B>,
    gradient: InputGradient<B>,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [x.node()];
    let x = x.into_primitive();
    let backward = ActivationBackward::<B>(gradient);
    match backward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(x.clone(), forward(x)),
        OpsKind::UnTracked(prep) => prep.finish(forward(x)),
    }
}
