//! Steps on parameters and gradients outside any graph.

use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use burn::tensor::Tensor;

use super::archive::{self, Argument};
use super::{are_aten, own_or_copy};
use crate::adamw::{AdamWState, AdamWStep};

/// Returns whether torch's kernels compute on these tensors: without autodiff, and as [`are_aten`] says.
pub(crate) fn takes<'a, const D: usize>(tensors: impl IntoIterator<Item = &'a Tensor<D>>) -> bool {
    let mut tensors = tensors.into_iter();
    tensors.all(|tensor| {
        let primitive = tensor.clone().try_into_primitive::<LibTorch>();
        primitive.is_ok_and(|tensor| are_aten([&tensor]))
    })
}

fn primitive<const D: usize>(tensor: Tensor<D>) -> TchTensor {
    match tensor.try_into_primitive::<LibTorch>() {
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
    let AdamWState {
        parameter,
        moments: [first, second],
    } = state;
    let moved = [parameter, first, second].map(|tensor| own_or_copy(primitive(tensor)));
    let gradient = primitive(gradient).tensor.contiguous();
    let [parameter, first, second] = moved.each_ref().map(|tensor| &tensor.tensor);
    for other in [&gradient, first, second] {
        assert_eq!(parameter.size(), other.size(), "sizes of one parameter");
    }
    archive::call(
        "adamw",
        &[
            Argument::Tensors(&[parameter]),
            Argument::Tensors(&[&gradient]),
            Argument::Tensors(&[first]),
            Argument::Tensors(&[second]),
            Argument::Int(time as i64),
            Argument::Floats(&[
                rule.learning_rate,
                rule.beta1,
                rule.beta2,
                rule.weight_decay,
                rule.epsilon,
            ]),
        ],
    );
    let [parameter, first, second] = moved.map(Tensor::from_primitive::<LibTorch>);
    AdamWState {
        parameter,
        moments: [first, second],
    }
}

/// See [`sum_of_squares`](crate::sum_of_squares).
pub(crate) fn sum_of_squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let values = primitive(x).tensor.reshape(-1);
    let sum = values.dot(&values).view(1);
    Tensor::from_primitive::<LibTorch>(TchTensor::new(sum))
}

/// See [`scale`](crate::scale).
pub(crate) fn scale<const D: usize>(x: Tensor<D>, factor: &Tensor<1>) -> Tensor<D> {
    let factor = primitive(factor.clone()).tensor;
    let scaled = primitive(x).unary_ops(|mut x| x.g_mul_(&factor), |x| x.g_mul(&factor));
    Tensor::from_primitive::<LibTorch>(scaled)
}
