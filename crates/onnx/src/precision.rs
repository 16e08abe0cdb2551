//! Precision of the weights in an exported file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Precision of the weights in an exported file.
///
/// ```
/// use finetune_onnx::OnnxPrecision;
///
/// assert_eq!("int8".parse(), Ok(OnnxPrecision::Int8));
/// let error = "int4".parse::<OnnxPrecision>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown precision int4, expected f32, f16 or int8");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnnxPrecision {
    /// 32-bit floats (default).
    #[default]
    F32,
    /// Half precision, converted to f32 where it is used: half the size, computed in f32.
    F16,
    /// Weights of linear layers with 8 bits, each output with a scale of its own; their inputs are
    /// rounded to 8 bits when the model runs, as in onnxruntime's [dynamic
    /// quantization](https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
    /// Other weights as in [`Self::F16`].
    Int8,
}

impl OnnxPrecision {
    /// All precisions.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Int8];
}

impl fmt::Display for OnnxPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        })
    }
}

/// Error of a precision's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown precision {name}, expected f32, f16 or int8")]
pub struct UnknownPrecision {
    /// Name found.
    pub name: String,
}

impl FromStr for OnnxPrecision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        let named = Self::ALL.into_iter().find(|one| one.to_string() == name);
        named.ok_or_else(|| UnknownPrecision {
            name: name.to_string(),
        })
    }
}
