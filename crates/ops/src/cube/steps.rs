//! Kernels on parameters and gradients outside any graph.

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Shape, Tensor};

use super::queue::Queue;
use super::{exactly, norm, one};
use crate::adamw::{AdamWState, AdamWStep};

/// Whether a tensor has these kernels: without autodiff, and of f32.
pub(crate) fn is_here<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32
        && tensor.shape().num_elements() > 0
        && tensor.clone().try_into_primitive::<Cube>().is_ok()
}

fn primitive<const D: usize>(tensor: Tensor<D>) -> FloatTensor<Cube> {
    match tensor.try_into_primitive::<Cube>() {
        Ok(tensor) => tensor,
        Err(error) => unreachable!("a tensor of this backend: {error:?}"),
    }
}

/// See [`AdamWStep::step`].
pub(crate) fn adamw<const D: usize>(
    rule: AdamWStep,
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
pub(crate) fn sum_of_squares(tensors: Vec<Tensor<1>>) -> Tensor<1> {
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
