//! Linear layer in 8-bit integers, for prediction.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

use crate::host_steps::on_host;
use crate::native::int8::{LONGEST_ROW, Weight};
use crate::native::product::Matrix;
use crate::precision::{Precision, PrecisionError};

/// Weight of a linear layer in 8-bit integers with a scale for each output, packed for the instructions
/// of the processor. Clones share it.
///
/// The scale of an output is the largest absolute value of its weights divided by 127.
#[derive(Debug, Clone)]
pub struct Int8Weight(Arc<Weight>);

impl Int8Weight {
    /// Checks that a device has products of 8-bit integers: that its tensors are in host memory, without
    /// autodiff.
    ///
    /// # Errors
    /// - [`PrecisionError::NotOnDevice`] if it has not, with the precisions that it has.
    pub fn check_device(device: &Device) -> Result<(), PrecisionError> {
        match crate::host_steps::is_host(device) {
            true => Ok(()),
            false => Err(Precision::no_integers_on(device)),
        }
    }

    /// Quantizes a weight.
    ///
    /// # Shapes
    /// - `weight`: `[input, output]`
    ///
    /// # Errors
    /// - [`Int8Error::Device`] if the weight is not in host memory: there are no integer products
    ///   elsewhere.
    /// - [`Int8Error::NotFinite`] for a weight with a value that is not finite.
    /// - [`Int8Error::TooManyInputs`] if sums might not fit 32 bits.
    pub fn quantize(weight: Tensor<2>) -> Result<Self, Int8Error> {
        Self::check_device(&weight.device())?;
        let [inputs, outputs] = weight.dims();
        if inputs > LONGEST_ROW {
            return Err(Int8Error::TooManyInputs {
                found: inputs,
                limit: LONGEST_ROW,
            });
        }
        let values = weight.into_data().iter::<f32>().collect::<Vec<_>>();
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(Int8Error::NotFinite {
                input: place / outputs,
                output: place % outputs,
                found: values[place],
            });
        }
        let matrix = Matrix::rows(&values, outputs);
        Ok(Self(Arc::new(Weight::quantize(matrix, [inputs, outputs]))))
    }

    /// Returns the numbers of inputs and outputs.
    pub fn shape(&self) -> [usize; 2] {
        [self.0.inputs(), self.0.outputs()]
    }

    /// Returns the weight that the integers stand for.
    ///
    /// # Shapes
    /// - output: `[input, output]`
    pub fn dequantize(&self, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.0.dequantize(), self.shape()), device)
    }

    pub(crate) fn packed(&self) -> &Weight {
        &self.0
    }
}

/// Computes `rows · weight + bias` in integers: each row is rounded to 255 multiples of its own scale,
/// sums are exact. So the bits of a row do not depend on other rows, on the number of threads or on the
/// processor. A row with a value that is not finite gives NaN.
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
/// use finetune_ops::{Int8Weight, int8_linear};
///
/// let device = Device::flex();
/// let weight = Int8Weight::quantize(Tensor::from_data([[1.0], [10.0]], &device))?;
/// let y = int8_linear(Tensor::from_data([[1.0, 2.0]], &device), &weight, None);
/// assert!((y.into_scalar::<f32>() - 21.0).abs() < 0.1);
/// # Ok::<(), finetune_ops::Int8Error>(())
/// ```
pub fn int8_linear(rows: Tensor<2>, weight: &Int8Weight, bias: Option<Tensor<1>>) -> Tensor<2> {
    assert_eq!(rows.dims()[1], weight.shape()[0], "inputs of the weight");
    on_host!(int8_linear(rows, weight, bias), [&rows]);
    panic!("8-bit integers are multiplied in host memory, without autodiff");
}

/// Error of quantizing a weight.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Int8Error {
    /// The device has no products of 8-bit integers.
    #[error(transparent)]
    Device(#[from] PrecisionError),
    /// A value is not finite.
    #[error("weight [{input}, {output}] is {found}, expected a finite number")]
    NotFinite {
        /// Row of the weight.
        input: usize,
        /// Its column.
        output: usize,
        /// Value found.
        found: f32,
    },
    /// Sums might not fit 32 bits.
    #[error("weight has {found} inputs, expected at most {limit} in 8-bit integers")]
    TooManyInputs {
        /// Number found.
        found: usize,
        /// Limit.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_that_cannot_be_quantized_says_where() {
        let weight = Tensor::from_data([[1.0, 2.0], [3.0, f32::NAN]], &Device::flex());
        let message = Int8Weight::quantize(weight).unwrap_err().to_string();
        assert_eq!(message, "weight [1, 1] is NaN, expected a finite number");
        let weight = Tensor::<2>::zeros([LONGEST_ROW + 1, 1], &Device::flex());
        let message = Int8Weight::quantize(weight).unwrap_err().to_string();
        assert_eq!(
            message,
            "weight has 133145 inputs, expected at most 133144 in 8-bit integers"
        );
    }

    #[test]
    fn a_device_without_integers_is_told_what_it_has() {
        let device = Device::flex().autodiff();
        let message = Int8Weight::quantize(Tensor::zeros([2, 2], &device)).unwrap_err();
        let message = message.to_string();
        assert!(
            message.ends_with("does not compute in int8, but in f32, bf16, f16"),
            "{message}"
        );
    }
}
