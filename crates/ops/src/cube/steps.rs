//! Kernels on parameters and gradients outside any graph.

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Shape, Tensor};

use super::queue::Queue;
use super::{exactly, norm, one};
use crate::adamw::{AdamWState, AdamWStep};

/// Whether there are kernels for these tensors: without autodiff, and as for those of the graph.
pub(crate) fn takes<'a, const D: usize>(tensors: impl IntoIterator<Item = &'a Tensor<D>>) -> bool {
    let mut tensors = tensors.into_iter();
    tensors.all(|tensor| {
        let primitive = tensor.clone().try_into_primitive::<Cube>();
        primitive.is_ok_and(|tensor| super::takes::<Cube>([&tensor]))
    })
}

fn primitive<const D: usize>(tensor: Tensor<D>) -> FloatTensor<Cube> {
    match tensor.try_into_primitive::<Cube>() {
        Ok(tensor) => tensor,
        Err(error) => unreachable!("a tensor of this backend: {error:?}"),
    }
}

/// See [`AdamWStep::step`].
pub(crate) fn adamw<const D: usize>(
    rule: &AdamWStep,
    state: AdamWState<D>,
    gradient: Tensor<D>,
    time: usize,
) -> AdamWState<D> {
    let shape = gradient.shape();
    let [first, second] = state.moments;
    let inputs = [state.parameter, first, second, gradient].map(primitive);
    for input in &inputs {
        let input = burn::backend::TensorMetadata::shape(input);
        assert_eq!(input, shape, "shapes of one parameter");
    }
    let rule = *rule;
    let moved = Cube::call("adamw", Vec::from(inputs), vec![shape; 3], move |inputs| {
        super::adamw::step(inputs, &rule, time)
    });
    let [parameter, first, second] = exactly(moved).map(Tensor::from_primitive::<Cube>);
    AdamWState {
        parameter,
        moments: [first, second],
    }
}

/// See [`sum_of_squares`](crate::sum_of_squares).
pub(crate) fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let length = tensor.shape().num_elements();
    sum_of_all_squares(vec![tensor.reshape([length])])
}

/// Returns the sum of the squares of all values of several tensors.
pub(crate) fn sum_of_all_squares(tensors: Vec<Tensor<1>>) -> Tensor<1> {
    let inputs = tensors.into_iter().map(primitive).collect();
    let outputs = vec![Shape::from([1])];
    let sum = Cube::call("sum_of_squares", inputs, outputs, norm::sum_of_squares);
    Tensor::from_primitive::<Cube>(one(sum))
}

/// See [`scale`](crate::scale).
pub(crate) fn scale<const D: usize>(x: Tensor<D>, factor: &Tensor<1>) -> Tensor<D> {
    let outputs = vec![x.shape()];
    let inputs = vec![primitive(x), primitive(factor.clone())];
    Tensor::from_primitive::<Cube>(one(Cube::call("scale", inputs, outputs, norm::scale)))
}
