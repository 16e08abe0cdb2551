//! Precision of matrix products.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, FloatDType};
use serde::{Deserialize, Serialize};

/// Precision to which the operands of matrix products are rounded. Results, parameters and all other
/// operations are f32, as in PyTorch's [automatic mixed
/// precision](https://docs.pytorch.org/docs/stable/amp.html).
///
/// ```
/// use finetune_ops::Precision;
/// assert_eq!("bf16".parse(), Ok(Precision::Bf16));
/// assert_eq!("f64".parse::<Precision>().unwrap_err().to_string(), "unknown precision f64, expected f32, bf16, f16 or int8");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// No rounding: f32 with 24 significant bits (default).
    #[default]
    F32,
    /// [bfloat16](https://en.wikipedia.org/wiki/Bfloat16_floating-point_format): 8 significant
    /// bits, with the range of f32.
    Bf16,
    /// Half precision: 11 significant bits, from 6e-8 to 65504. Smaller gradients underflow, so
    /// training needs loss scaling.
    F16,
    /// 8-bit integers, with a scale for each row and for each output of a weight: see
    /// [`fake_quantize`](crate::fake_quantize). For the linear layers of an encoder alone; the rest is f32. In training,
    /// gradients pass the rounding unchanged (quantization-aware training); for prediction,
    /// [`Int8Weight`](crate::Int8Weight) multiplies the integers themselves.
    Int8,
}

impl Precision {
    /// All precisions.
    pub const ALL: [Self; 4] = [Self::F32, Self::Bf16, Self::F16, Self::Int8];

    /// Returns the precision of products that are never in integers, such as those of attention: f32 beside
    /// 8-bit integers.
    pub fn floating(self) -> Self {
        match self {
            Self::Int8 => Self::F32,
            other => other,
        }
    }

    /// Checks that a device supports this precision.
    ///
    /// # Errors
    /// - [`PrecisionError::NotOnDevice`] if it does not.
    pub fn check(self, device: &Device) -> Result<(), PrecisionError> {
        let has = |precision: Self| match precision.dtype() {
            FloatDType::F32 => true,
            dtype => device.supports_dtype(dtype),
        };
        self.check_among(&format!("{:?}", device.clone().without_autodiff()), has)
    }

    fn check_among(self, device: &str, has: impl Fn(Self) -> bool) -> Result<(), PrecisionError> {
        if has(self) {
            return Ok(());
        }
        Err(PrecisionError::NotOnDevice {
            precision: self,
            device: device.to_string(),
            has: names(Self::ALL.into_iter().filter(|other| has(*other))),
        })
    }

    /// Returns the error of a device that has no integer products.
    pub(crate) fn no_integers_on(device: &Device) -> PrecisionError {
        let floats = Self::ALL.into_iter().filter(|other| *other != Self::Int8);
        let has = floats.filter(|other| other.check(device).is_ok());
        PrecisionError::NotOnDevice {
            precision: Self::Int8,
            device: format!("{:?}", device.clone().without_autodiff()),
            has: names(has),
        }
    }

    /// Returns the dtype of the operands; that of rounded ones in 8-bit integers is f32.
    pub fn dtype(self) -> FloatDType {
        match self {
            Self::F32 | Self::Int8 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }
}

fn names(precisions: impl Iterator<Item = Precision>) -> String {
    let names: Vec<String> = precisions.map(|one| one.to_string()).collect();
    names.join(", ")
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        })
    }
}

/// Error of selecting a precision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrecisionError {
    /// No precision has this name.
    #[error("unknown precision {name}, expected f32, bf16, f16 or int8")]
    Unknown {
        /// Name found.
        name: String,
    },
    /// The device does not support the precision.
    #[error("{device} does not compute in {precision}, but in {has}")]
    NotOnDevice {
        /// Requested precision.
        precision: Precision,
        /// Device.
        device: String,
        /// Supported precisions.
        has: String,
    },
}

impl FromStr for Precision {
    type Err = PrecisionError;

    fn from_str(name: &str) -> Result<Self, PrecisionError> {
        let named = Self::ALL.into_iter().find(|one| one.to_string() == name);
        named.ok_or_else(|| PrecisionError::Unknown {
            name: name.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_lacks_it_is_named_with_what_it_has() {
        let found =
            Precision::Bf16.check_among("the GPU", |precision| precision != Precision::Bf16);
        assert_eq!(
            found.unwrap_err().to_string(),
            "the GPU does not compute in bf16, but in f32, f16, int8"
        );
    }

    #[test]
    fn a_processor_computes_in_all() {
        for precision in Precision::ALL {
            precision.check(&Device::flex()).unwrap();
        }
    }
}
