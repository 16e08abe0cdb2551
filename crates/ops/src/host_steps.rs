//! Native kernels on parameters and gradients outside any graph.

use burn::tensor::{DType, Device, Shape, Tensor};

use crate::adamw::{AdamWState, AdamWStep};
use crate::host::{Host, Values, copied, matrix, own, own_or_copy, transform_each, with_strides};
use crate::int8_linear::Int8Weight;
use crate::native::product::Matrix;
use crate::native::{self, TASK};
use crate::packed_linear::PackedWeight;

/// Returns from a function what a step gives, if all its tensors are of a backend that has it: of CubeCL,
/// of LibTorch, or in host memory.
macro_rules! on_backend {
    ($step:ident($($argument:expr),*), $($tensors:expr),*) => {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if $($crate::cube::steps::takes($tensors))&&* {
            return $crate::cube::steps::$step($($argument),*);
        }
        #[cfg(feature = "tch")]
        if $($crate::libtorch::optimizer::takes($tensors))&&* {
            return $crate::libtorch::optimizer::$step($($argument),*);
        }
        #[cfg(feature = "flex")]
        if $($crate::host_steps::take::<burn::backend::Flex, _>($tensors))&&* {
            return $crate::host_steps::$step::<burn::backend::Flex, _>($($argument),*);
        }
        #[cfg(feature = "tch")]
        #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
        if $($crate::host_steps::take::<burn::backend::LibTorch, _>($tensors))&&* {
            return $crate::host_steps::$step::<burn::backend::LibTorch, _>($($argument),*);
        }
    };
}

pub(crate) use on_backend;

/// Returns from a function what an operation gives, if its tensors are in host memory.
macro_rules! on_host {
    ($operation:ident($($argument:expr),*), $tensors:expr) => {
        #[cfg(feature = "flex")]
        if $crate::host_steps::take::<burn::backend::Flex, _>($tensors) {
            return $crate::host_steps::$operation::<burn::backend::Flex>($($argument),*);
        }
        #[cfg(feature = "tch")]
        #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
        if $crate::host_steps::take::<burn::backend::LibTorch, _>($tensors) {
            return $crate::host_steps::$operation::<burn::backend::LibTorch>($($argument),*);
        }
    };
}

pub(crate) use on_host;

/// Whether tensors of a device are in host memory, and without autodiff.
#[cfg_attr(feature = "tch", allow(deprecated))] // burn marks every LibTorch name so.
pub(crate) fn is_host(device: &Device) -> bool {
    let devices: &[Device] = &[
        #[cfg(feature = "flex")]
        <burn::backend::Flex as Host>::device(),
        #[cfg(feature = "tch")]
        <burn::backend::LibTorch as Host>::device(),
    ];
    !device.is_autodiff() && devices.contains(device)
}

/// Whether there are native kernels for these tensors: without autodiff, and in this machine's
/// memory.
pub(crate) fn take<'a, B: Host, const D: usize>(
    tensors: impl IntoIterator<Item = &'a Tensor<D>>,
) -> bool {
    let mut tensors = tensors.into_iter();
    tensors.all(|tensor| {
        let device = tensor.device();
        device == B::device()
            && !device.is_autodiff()
            && tensor.dtype() == DType::F32
            && tensor.shape().num_elements() > 0
    })
}

fn primitive<B: Host, const D: usize>(tensor: Tensor<D>) -> B::FloatTensorPrimitive {
    match B::primitive(tensor) {
        Ok(tensor) => tensor,
        Err(error) => unreachable!("a tensor of this backend: {error:?}"),
    }
}

/// See [`int8_linear`](crate::int8_linear()).
pub(crate) fn int8_linear<B: Host>(
    rows: Tensor<2>,
    weight: &Int8Weight,
    bias: Option<Tensor<1>>,
) -> Tensor<2> {
    let weight = weight.packed();
    linear_by::<B>(rows, bias, weight.outputs(), |rows, count, bias| {
        native::int8::product(rows, count, weight, bias)
    })
}

/// See [`packed_linear`](crate::packed_linear()).
pub(crate) fn packed_linear<B: Host>(
    rows: Tensor<2>,
    weight: &PackedWeight,
    bias: Option<Tensor<1>>,
) -> Tensor<2> {
    linear_by::<B>(rows, bias, weight.shape()[1], |rows, count, bias| {
        weight.apply(rows, count, bias)
    })
}

/// A linear layer by a product of so many rows, with a bias.
fn linear_by<B: Host>(
    rows: Tensor<2>,
    bias: Option<Tensor<1>>,
    outputs: usize,
    product: impl FnOnce(Matrix<'_>, usize, Option<&[f32]>) -> B::Buffer,
) -> Tensor<2> {
    let count = rows.dims()[0];
    let rows = with_strides::<B>(primitive::<B, 2>(rows));
    let bias = bias.map(|bias| Values::<B>::of(&primitive::<B, 1>(bias)));
    let bias = bias.as_ref().map(Values::slice);
    let values = product(matrix::<B>(&rows), count, bias);
    B::from_primitive(B::tensor(values, Shape::from([count, outputs])))
}

/// See [`AdamWStep::step`].
pub(crate) fn adamw<B: Host, const D: usize>(
    rule: &AdamWStep,
    state: AdamWState<D>,
    gradient: Tensor<D>,
    time: usize,
) -> AdamWState<D> {
    let AdamWState {
        parameter,
        moments: [first, second],
    } = state;
    let state = [parameter, first, second];
    let mut moved = state.map(|tensor| own_or_copy::<B>(primitive::<B, D>(tensor)));
    let gradient = Values::<B>::of(&primitive::<B, D>(gradient));
    let [parameter, first, second] = moved.each_mut().map(own::<B>);
    let gradient = gradient.slice();
    for other in [&*first, &*second, gradient] {
        assert_eq!(parameter.len(), other.len(), "values of one parameter");
    }
    native::adamw::step(parameter, gradient, first, second, rule, time);
    let [parameter, first, second] = moved.map(B::from_primitive);
    AdamWState {
        parameter,
        moments: [first, second],
    }
}

/// See [`sum_of_squares`](crate::sum_of_squares).
pub(crate) fn sum_of_squares<B: Host, const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let values = Values::<B>::of(&primitive::<B, D>(x));
    let sum = native::norm::sum_of_squares(values.slice());
    B::from_primitive(copied::<B>(&[sum], Shape::from([1])))
}

/// See [`scale`](crate::scale).
pub(crate) fn scale<B: Host, const D: usize>(x: Tensor<D>, factor: &Tensor<1>) -> Tensor<D> {
    let factor = Values::<B>::of(&primitive::<B, 1>(factor.clone())).slice()[0];
    if factor == 1.0 {
        return x;
    }
    let kernel = |_, values: &mut [f32]| native::norm::scale(values, factor);
    B::from_primitive(transform_each::<B>(primitive::<B, D>(x), TASK, kernel))
}
