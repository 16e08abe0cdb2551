//! Linear layer with a weight that is packed once, for prediction.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

use crate::host_steps::on_host;
use crate::native::panels::Panels;
use crate::native::product::Matrix;

/// Weight of a linear layer in f32, laid out as the products of a processor read it, so that short texts
/// do not wait for memory. Clones share it.
#[derive(Debug, Clone)]
pub struct PackedWeight(Arc<Panels>);

impl PackedWeight {
    /// Packs a weight, if its products gain from it: if it is in host memory, not under autodiff, and its
    /// outputs are a multiple of 16 (of 32 on a processor with AVX-512).
    ///
    /// # Shapes
    /// - `weight`: `[input, output]`
    pub fn pack(weight: Tensor<2>) -> Option<Self> {
        if !crate::host_steps::is_host(&weight.device()) {
            return None;
        }
        let [inputs, outputs] = weight.dims();
        let values = weight.into_data();
        let values = values.as_slice::<f32>().ok()?;
        let panels = Panels::pack(Matrix::rows(values, outputs), [inputs, outputs])?;
        Some(Self(Arc::new(panels)))
    }

    /// Returns the weight as it was.
    ///
    /// # Shapes
    /// - output: `[input, output]`
    pub fn unpack(&self, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.0.unpack(), self.0.shape()), device)
    }

    pub(crate) fn panels(&self) -> &Panels {
        &self.0
    }
}

/// Computes `rows · weight + bias` with the bits of [`linear`](crate::linear()) in f32.
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
/// use finetune_ops::{PackedWeight, packed_linear};
///
/// let device = Device::flex();
/// let weight = Tensor::<2>::ones([3, 64], &device);
/// let packed = PackedWeight::pack(weight).expect("a multiple of 32 outputs");
/// let y = packed_linear(Tensor::from_data([[1.0, 2.0, 3.0]], &device), &packed, None);
/// assert_eq!(y.max().into_scalar::<f32>(), 6.0);
/// ```
pub fn packed_linear(rows: Tensor<2>, weight: &PackedWeight, bias: Option<Tensor<1>>) -> Tensor<2> {
    assert_eq!(rows.dims()[1], weight.0.shape()[0], "inputs of the weight");
    on_host!(packed_linear(rows, weight, bias), [&rows]);
    panic!("a packed weight is multiplied in host memory, without autodiff");
}
