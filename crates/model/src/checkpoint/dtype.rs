//! Element types of saved weights.

use std::fmt;
use std::str::FromStr;

use burn::tensor::DType;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;

/// Element type of the weights that a checkpoint is saved with, `dtype` in `config.json`.
///
/// ```
/// use finetune_model::CheckpointDtype;
/// assert_eq!("bf16".parse::<CheckpointDtype>()?, CheckpointDtype::Bf16);
/// let message = "int8".parse::<CheckpointDtype>().unwrap_err().to_string();
/// assert!(message.ends_with("dtype is int8, expected f32, bf16 or f16"));
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckpointDtype {
    /// 32-bit floats: exact (default).
    #[default]
    F32,
    /// [bfloat16](https://en.wikipedia.org/wiki/Bfloat16_floating-point_format): 8 significant bits.
    Bf16,
    /// Half precision: 11 significant bits, up to 65504.
    F16,
}

impl CheckpointDtype {
    /// All element types.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F16];

    /// Returns PyTorch's name.
    pub(super) fn torch_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::Bf16 => "bfloat16",
            Self::F16 => "float16",
        }
    }

    /// Returns the largest finite value.
    pub(super) fn largest(self) -> f32 {
        match self {
            Self::F32 => f32::MAX,
            Self::Bf16 => 3.389_531e38,
            Self::F16 => 65_504.0,
        }
    }
}

impl From<CheckpointDtype> for DType {
    fn from(dtype: CheckpointDtype) -> Self {
        match dtype {
            CheckpointDtype::F32 => Self::F32,
            CheckpointDtype::Bf16 => Self::BF16,
            CheckpointDtype::F16 => Self::F16,
        }
    }
}

impl fmt::Display for CheckpointDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

impl FromStr for CheckpointDtype {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        let named = Self::ALL.into_iter().find(|one| one.to_string() == name);
        named.ok_or_else(|| ModelError::config("dtype", name, "f32, bf16 or f16"))
    }
}
