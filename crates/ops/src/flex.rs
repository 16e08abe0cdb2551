//! Access to the tensors of flex, which are always in host memory.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Device, PrimitiveConversionError, Shape, Tensor, TensorData};

use crate::host::Host;

impl Host for Flex {
    type Buffer = Vec<f32>;

    fn device() -> Device {
        Device::flex()
    }

    fn primitive<const D: usize>(
        tensor: Tensor<D>,
    ) -> Result<FlexTensor, PrimitiveConversionError> {
        tensor.try_into_primitive::<Self>()
    }

    fn from_primitive<const D: usize>(primitive: FlexTensor) -> Tensor<D> {
        Tensor::from_primitive::<Self>(primitive)
    }

    fn is_here(_tensor: &FlexTensor) -> bool {
        true
    }

    fn contiguous(tensor: &FlexTensor) -> FlexTensor {
        tensor.to_contiguous()
    }

    fn values(tensor: &FlexTensor) -> Option<&[f32]> {
        tensor.as_slice()
    }

    fn strided(tensor: &FlexTensor) -> Option<(&[f32], [usize; 2])> {
        let layout = tensor.layout();
        let &[row, column] = layout.strides() else {
            return None;
        };
        let strides = [usize::try_from(row).ok()?, usize::try_from(column).ok()?];
        Some((&tensor.storage()[layout.start_offset()..], strides))
    }

    fn own(tensor: &mut FlexTensor) -> Option<&mut [f32]> {
        let length = tensor.layout().num_elements();
        let whole = tensor.is_contiguous() && tensor.layout().start_offset() == 0;
        let values = tensor.try_storage_mut()?;
        (whole && values.len() == length).then_some(values)
    }

    fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
        FlexTensor::from_data(TensorData::new(values, shape))
    }

    fn indices(tensor: FlexTensor) -> Vec<usize> {
        let data = tensor.into_data();
        data.iter::<i64>().map(|index| index as usize).collect()
    }
}
