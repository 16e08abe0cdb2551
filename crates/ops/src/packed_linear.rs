//! Linear layer with a weight that is packed once, for prediction.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

use crate::host_steps::on_host;
#[cfg(target_arch = "x86_64")]
use crate::native::bf16;
use crate::native::memory::Buffer;
use crate::native::panels::Panels;
use crate::native::product::Matrix;
use crate::precision::Precision;

/// Weight of a linear layer, laid out as the products of a processor read it, so that short texts
/// do not wait for memory. Clones share it.
#[derive(Debug, Clone)]
pub struct PackedWeight(Arc<Packed>);

#[derive(Debug)]
enum Packed {
    F32(Panels),
    #[cfg(target_arch = "x86_64")]
    Bf16(bf16::Weight),
}

impl PackedWeight {
    /// Packs a weight for products in a precision, if they gain from it: if it is in host memory, not under
    /// autodiff, and
    /// - in f32, its outputs are a multiple of 16 (of 32 on a processor with AVX-512);
    /// - in bf16, the processor has instructions for it;
    /// - in other precisions never.
    ///
    /// # Shapes
    /// - `weight`: `[input, output]`
    pub fn pack(weight: Tensor<2>, precision: Precision) -> Option<Self> {
        if !crate::host_steps::is_host(&weight.device()) {
            return None;
        }
        let sizes = weight.dims();
        let values = weight.into_data();
        let values = Matrix::rows(values.as_slice::<f32>().ok()?, sizes[1]);
        let packed = match precision {
            Precision::F32 => Packed::F32(Panels::pack(values, sizes)?),
            #[cfg(target_arch = "x86_64")]
            Precision::Bf16 => Packed::Bf16(bf16::Weight::pack(values, sizes)?),
            _ => return None,
        };
        Some(Self(Arc::new(packed)))
    }

    /// Returns the weight, rounded to its precision.
    ///
    /// # Shapes
    /// - output: `[input, output]`
    pub fn unpack(&self, device: &Device) -> Tensor<2> {
        let values = match &*self.0 {
            Packed::F32(panels) => panels.unpack(),
            #[cfg(target_arch = "x86_64")]
            Packed::Bf16(weight) => weight.unpack(),
        };
        Tensor::from_data(TensorData::new(values, self.shape()), device)
    }

    /// Returns the precision of its products.
    pub fn precision(&self) -> Precision {
        match &*self.0 {
            Packed::F32(_) => Precision::F32,
            #[cfg(target_arch = "x86_64")]
            Packed::Bf16(_) => Precision::Bf16,
        }
    }

    pub(crate) fn shape(&self) -> [usize; 2] {
        match &*self.0 {
            Packed::F32(panels) => panels.shape(),
            #[cfg(target_arch = "x86_64")]
            Packed::Bf16(weight) => weight.shape(),
        }
    }

    pub(crate) fn apply<B: Buffer>(
        &self,
        rows: Matrix<'_>,
        count: usize,
        bias: Option<&[f32]>,
    ) -> B {
        match &*self.0 {
            Packed::F32(panels) => panels.apply(rows, count, bias),
            #[cfg(target_arch = "x86_64")]
            Packed::Bf16(weight) => weight.apply(rows, count, bias),
        }
    }
}

/// Computes `rows · weight + bias` with the bits of [`linear`](crate::linear()) in the precision of the weight.
///
/// # Shapes
/// - `rows`: `[T, input]`
/// - `bias`: `[output]`
/// - output: `[T, output]`
///
/// # Panics
/// If the shapes do not match, or the rows are not in host memory or are under autodiff.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{PackedWeight, Precision, packed_linear};
///
/// let device = Device::flex();
/// let weight = Tensor::<2>::ones([3, 64], &device);
/// let packed = PackedWeight::pack(weight, Precision::F32).expect("a multiple of 32 outputs");
/// let y = packed_linear(Tensor::from_data([[1.0, 2.0, 3.0]], &device), &packed, None);
/// assert_eq!(y.max().into_scalar::<f32>(), 6.0);
/// ```
pub fn packed_linear(rows: Tensor<2>, weight: &PackedWeight, bias: Option<Tensor<1>>) -> Tensor<2> {
    assert_eq!(rows.dims()[1], weight.shape()[0], "inputs of the weight");
    on_host!(packed_linear(rows, weight, bias), [&rows]);
    panic!("a packed weight is multiplied in host memory, without autodiff");
}
