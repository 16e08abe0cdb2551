//! Normalization of rows.

use serde::{Deserialize, Serialize};

/// Norm that the values of a row are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// No normalization.
    None,
    /// Sum of absolute values.
    L1,
    /// Euclidean norm.
    L2,
}

impl Norm {
    /// Normalizes the values of a row. A zero row is unchanged.
    pub(super) fn apply(self, values: &mut [f64]) {
        let norm = match self {
            Self::None => return,
            Self::L1 => values.iter().map(|value| value.abs()).sum::<f64>(),
            Self::L2 => values.iter().map(|value| value * value).sum::<f64>().sqrt(),
        };
        if norm > 0.0 {
            values.iter_mut().for_each(|value| *value /= norm);
        }
    }
}
