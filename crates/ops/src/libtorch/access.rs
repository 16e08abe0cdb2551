//! Access to the tensors of LibTorch's CPU device, which are in host memory.

use std::mem::MaybeUninit;

use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use burn::tensor::{Device, PrimitiveConversionError, Shape, Tensor};
use tch::Kind;

use crate::host::Host;
use crate::native::memory::Buffer;

/// Memory that torch owns.
#[derive(Debug)]
pub(crate) struct TorchBuffer(tch::Tensor);

impl Buffer for TorchBuffer {
    fn with_room(length: usize) -> Self {
        Self(tch::Tensor::empty(
            [length as i64],
            (Kind::Float, tch::Device::Cpu),
        ))
    }

    #[allow(unsafe_code, reason = "torch hands out a pointer")]
    fn room(&mut self, length: usize) -> &mut [MaybeUninit<f32>] {
        assert!(length <= self.0.numel(), "{length} values");
        // SAFETY: the tensor has room for them, is this buffer's alone, and is borrowed with it.
        unsafe { std::slice::from_raw_parts_mut(self.0.data_ptr().cast(), length) }
    }

    #[allow(unsafe_code, reason = "memory that is not written before")]
    unsafe fn with_values(self, length: usize) -> Self {
        assert_eq!(length, self.0.numel(), "values");
        self
    }
}

/// The values from the first of a tensor on, `length` in memory.
///
/// # Safety
/// The tensor is of 32-bit floats in this machine's memory, and has as many from its first on.
#[allow(unsafe_code, reason = "torch hands out a pointer")]
unsafe fn slice(tensor: &TchTensor, length: usize) -> &[f32] {
    // SAFETY: as the caller says; who writes to a tensor holds it alone.
    unsafe { std::slice::from_raw_parts(tensor.tensor.data_ptr().cast(), length) }
}

impl Host for LibTorch {
    type Buffer = TorchBuffer;

    fn device() -> Device {
        Device::libtorch()
    }

    fn primitive<const D: usize>(tensor: Tensor<D>) -> Result<TchTensor, PrimitiveConversionError> {
        tensor.try_into_primitive::<Self>()
    }

    fn from_primitive<const D: usize>(primitive: TchTensor) -> Tensor<D> {
        Tensor::from_primitive::<Self>(primitive)
    }

    fn is_here(tensor: &TchTensor) -> bool {
        tensor.tensor.device() == tch::Device::Cpu && !super::is_aten_on_cpu()
    }

    fn contiguous(tensor: &TchTensor) -> TchTensor {
        match tensor.tensor.is_contiguous() {
            true => tensor.clone(),
            false => TchTensor::new(tensor.tensor.contiguous()),
        }
    }

    #[allow(unsafe_code, reason = "torch hands out a pointer")]
    fn values(tensor: &TchTensor) -> Option<&[f32]> {
        let values = &tensor.tensor;
        let whole = is_of_floats(tensor) && values.is_contiguous();
        // SAFETY: the values lie here, one after the other.
        whole.then(|| unsafe { slice(tensor, values.numel()) })
    }

    #[allow(unsafe_code, reason = "torch hands out a pointer")]
    fn strided(tensor: &TchTensor) -> Option<(&[f32], [usize; 2])> {
        let values = &tensor.tensor;
        let ([rows, columns], [row, column]) = (
            <[i64; 2]>::try_from(values.size()).ok()?,
            <[i64; 2]>::try_from(values.stride()).ok()?,
        );
        let strides = [usize::try_from(row).ok()?, usize::try_from(column).ok()?];
        let last = (rows - 1) * row + (columns - 1) * column;
        let length = usize::try_from(last).ok()? + 1;
        // SAFETY: the last value of the matrix lies there, and the others between.
        is_of_floats(tensor).then(|| (unsafe { slice(tensor, length) }, strides))
    }

    #[allow(unsafe_code, reason = "torch hands out a pointer")]
    fn own(tensor: &mut TchTensor) -> Option<&mut [f32]> {
        let values = &tensor.tensor;
        let alone = tensor.can_mut() && is_of_floats(tensor) && values.is_contiguous();
        let length = values.numel();
        // SAFETY: the values lie here, and burn counts who holds them: nobody else.
        alone.then(|| unsafe { std::slice::from_raw_parts_mut(values.data_ptr().cast(), length) })
    }

    fn tensor(TorchBuffer(values): TorchBuffer, shape: Shape) -> TchTensor {
        let sizes: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
        TchTensor::new(values.view(&sizes[..]))
    }

    fn indices(tensor: TchTensor) -> Vec<usize> {
        let labels = tensor.tensor.to_kind(Kind::Int64).contiguous();
        let mut indices = vec![0i64; labels.numel()];
        labels.copy_data(&mut indices, labels.numel());
        indices.into_iter().map(|index| index as usize).collect()
    }
}

fn is_of_floats(tensor: &TchTensor) -> bool {
    tensor.tensor.kind() == Kind::Float && LibTorch::is_here(tensor)
}
