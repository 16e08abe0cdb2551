//! Rows of length 1.

use serde::{Deserialize, Serialize};

/// What the values of a row are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Nothing.
    None,
    /// The sum of their magnitudes.
    L1,
    /// The square root of the sum of their squares.
    L2,
}

impl Norm {
    /// Divides the values of a row. A row of zeros stays one.
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
