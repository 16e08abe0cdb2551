//! Registration of gradients with the autodiff graph.

use burn::backend::autodiff::{NodeId, grads::Gradients};
use burn::backend::{Backend, tensor::FloatTensor};

/// Registers the gradient of each parent that has a node.
pub(crate) fn register<B: Backend, const N: usize>(
    grads: &mut Gradients,
    parents: [Option<NodeId>; N],
    gradients: [Option<FloatTensor<B>>; N],
) {
    for (parent, gradient) in parents.into_iter().zip(gradients) {
        if let (Some(node), Some(gradient)) = (parent, gradient) {
            grads.register::<B>(node, gradient);
        }
    }
}
