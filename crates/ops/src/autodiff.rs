//! Autodiff node of an operation: one node with its own backward pass.

use std::fmt;
use std::marker::PhantomData;

use burn::backend::autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, NodeGuard, Ops, OpsKind},
};
use burn::backend::{Backend, tensor::FloatTensor};

/// Function from the gradient of the output, and which parents want one, to the gradients of the
/// parents. Its captured values are what the backward pass needs of the forward pass.
pub(crate) trait Gradient<B: Backend, const N: usize>:
    FnOnce(FloatTensor<B>, [bool; N]) -> [Option<FloatTensor<B>>; N]
    + Clone
    + Send
    + 'static
{
}

impl<B: Backend, F, const N: usize> Gradient<B, N> for F where
    F: FnOnce(FloatTensor<B>, [bool; N]) -> [Option<FloatTensor<B>>; N] + Clone + Send + 'static
{
}

#[derive(Clone)]
struct State<F>(F);

impl<F> fmt::Debug for State<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

struct Operation<F>(PhantomData<fn() -> F>);

impl<F> fmt::Debug for Operation<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operation")
    }
}

impl<B: Backend, F: Gradient<B, N>, const N: usize> Backward<B, N> for Operation<F> {
    type State = State<F>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let gradients = (ops.state.0)(gradient, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// Makes `output` a node with these parents.
pub(crate) fn node<B: Backend, C: CheckpointStrategy, const N: usize>(
    parents: [NodeGuard; N],
    output: FloatTensor<B>,
    gradient: impl Gradient<B, N>,
) -> FloatTensor<Autodiff<B, C>> {
    let operation = Operation(PhantomData);
    match operation.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(State(gradient), output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

/// Computes `forward` as a node with these parents. The inputs, and what `forward` leaves apart from
/// the output, are kept for the backward pass only if there is one; without, `forward` may work in
/// place.
pub(crate) fn node_of<
    B: Backend,
    C: CheckpointStrategy,
    I: Clone,
    L,
    F: Gradient<B, N>,
    const N: usize,
>(
    parents: [NodeGuard; N],
    inputs: I,
    forward: impl FnOnce(I) -> (FloatTensor<B>, L),
    gradient: impl FnOnce(I, L) -> F,
) -> FloatTensor<Autodiff<B, C>> {
    let operation = Operation::<F>(PhantomData);
    match operation.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (output, left) = forward(inputs.clone());
            prep.finish(State(gradient(inputs, left)), output)
        }
        OpsKind::UnTracked(prep) => prep.finish(forward(inputs).0),
    }
}
