//! Combination of the pooled vectors of two texts.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Combination of the pooled vectors `u` and `v` of two texts ([Reimers & Gurevych
/// 2019](https://arxiv.org/abs/1908.10084), table 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// `[u; v]`
    Concatenation,
    /// `[|u - v|; u * v]`: symmetric in the two texts.
    DifferenceAndProduct,
    /// `[u; v; |u - v|]`
    ConcatenationAndDifference,
}

impl Combination {
    /// Returns the width of the combined vector.
    pub fn width(self, width: usize) -> usize {
        match self {
            Self::Concatenation | Self::DifferenceAndProduct => width.saturating_mul(2),
            Self::ConcatenationAndDifference => width.saturating_mul(3),
        }
    }

    /// # Shapes
    /// - `u`, `v`: `[B, W]`
    /// - output: `[B, 2 W]` or `[B, 3 W]`
    pub(super) fn apply(self, u: Tensor<2>, v: Tensor<2>) -> Tensor<2> {
        let difference = |u: &Tensor<2>, v: &Tensor<2>| (u.clone() - v.clone()).abs();
        let parts = match self {
            Self::Concatenation => vec![u, v],
            Self::DifferenceAndProduct => vec![difference(&u, &v), u * v],
            Self::ConcatenationAndDifference => {
                let apart = difference(&u, &v);
                vec![u, v, apart]
            }
        };
        Tensor::cat(parts, 1)
    }
}
