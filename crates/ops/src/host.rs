//! Tensors in host memory, as inputs of the native kernels.

use burn::backend::{
    TensorMetadata,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::{DType, Device, PrimitiveConversionError, Shape, Tensor};

use crate::kernels::Kernels;
use crate::native::memory::{self, Buffer};
use crate::native::product::Matrix;

/// Backend whose tensors may be in host memory.
pub(crate) trait Host: Kernels {
    /// Memory of a tensor to be written.
    type Buffer: Buffer;

    /// Returns the device whose tensors are in host memory.
    fn device() -> Device;

    /// Returns the primitive of a tensor on [`Self::device`], without autodiff.
    fn primitive<const D: usize>(
        tensor: Tensor<D>,
    ) -> Result<FloatTensor<Self>, PrimitiveConversionError>;

    /// Wraps a primitive.
    fn from_primitive<const D: usize>(primitive: FloatTensor<Self>) -> Tensor<D>;

    /// Returns whether a tensor is in host memory and for the native kernels, rather than on an
    /// accelerator.
    fn is_here(tensor: &FloatTensor<Self>) -> bool;

    /// Returns a contiguous tensor: the same one, or a copy.
    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self>;

    /// Returns the values of a contiguous f32 tensor.
    fn values(tensor: &FloatTensor<Self>) -> Option<&[f32]>;

    /// Returns the values of a matrix from its first one, and the strides of rows and columns;
    /// `None` for negative strides.
    fn strided(tensor: &FloatTensor<Self>) -> Option<(&[f32], [usize; 2])>;

    /// Returns the values of a tensor that is not shared and covers all of its memory.
    fn own(tensor: &mut FloatTensor<Self>) -> Option<&mut [f32]>;

    /// Creates a tensor of written values.
    fn tensor(values: Self::Buffer, shape: Shape) -> FloatTensor<Self>;

    /// Returns non-negative integers.
    fn indices(tensor: IntTensor<Self>) -> Vec<usize>;
}

/// Whether all are of 32-bit floats that lie here, and none is empty.
pub(crate) fn are_native<'a, B: Host>(
    tensors: impl IntoIterator<Item = &'a FloatTensor<B>>,
) -> bool {
    let mut tensors = tensors.into_iter();
    tensors.all(|tensor| {
        tensor.dtype() == DType::F32 && tensor.shape().num_elements() > 0 && B::is_here(tensor)
    })
}

/// The values, which are copied if they do not lie one after the other.
pub(crate) struct Values<B: Host>(FloatTensor<B>);

impl<B: Host> Values<B> {
    pub(crate) fn of(tensor: &FloatTensor<B>) -> Self {
        Self(B::contiguous(tensor))
    }

    pub(crate) fn slice(&self) -> &[f32] {
        match B::values(&self.0) {
            Some(values) => values,
            None => unreachable!("contiguous, and of 32-bit floats"),
        }
    }
}

/// A matrix that goes backwards along a dimension is copied.
pub(crate) fn with_strides<B: Host>(tensor: FloatTensor<B>) -> FloatTensor<B> {
    match B::strided(&tensor) {
        Some(_) => tensor,
        None => B::contiguous(&tensor),
    }
}

/// A matrix as it lies in memory.
pub(crate) fn matrix<B: Host>(tensor: &FloatTensor<B>) -> Matrix<'_> {
    match B::strided(tensor) {
        Some((values, strides)) => Matrix::new(values, strides),
        None => unreachable!("a matrix with strides"),
    }
}

/// A tensor of a copy of values.
pub(crate) fn copied<B: Host>(values: &[f32], shape: Shape) -> FloatTensor<B> {
    B::tensor(B::Buffer::copied(values), shape)
}

/// Runs a kernel on the tasks of a tensor: in place if nobody else holds it.
pub(crate) fn transform<B: Host, P: Default + Send>(
    mut x: FloatTensor<B>,
    task: usize,
    kernel: impl Fn(usize, &mut [f32], &mut P) + Sync,
) -> (FloatTensor<B>, Vec<P>) {
    if let Some(values) = B::own(&mut x) {
        let left = memory::transform(values, task, kernel);
        return (x, left);
    }
    let (values, left) = memory::transformed(Values::<B>::of(&x).slice(), task, kernel);
    (B::tensor(values, x.shape()), left)
}

/// The same, of a kernel that leaves nothing.
pub(crate) fn transform_each<B: Host>(
    x: FloatTensor<B>,
    task: usize,
    kernel: impl Fn(usize, &mut [f32]) + Sync,
) -> FloatTensor<B> {
    transform::<B, ()>(x, task, |start, values, ()| kernel(start, values)).0
}

/// The tensor, or a copy if someone else holds it.
pub(crate) fn own_or_copy<B: Host>(mut x: FloatTensor<B>) -> FloatTensor<B> {
    if B::own(&mut x).is_some() {
        return x;
    }
    copied::<B>(Values::<B>::of(&x).slice(), x.shape())
}

/// The values of what [`own_or_copy`] gave.
pub(crate) fn own<B: Host>(tensor: &mut FloatTensor<B>) -> &mut [f32] {
    match B::own(tensor) {
        Some(values) => values,
        None => unreachable!("nobody else holds it"),
    }
}
