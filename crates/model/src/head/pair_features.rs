//! Combination of the pooled vectors of two texts.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Combination of the pooled vectors `u` and `v` of two texts ([Reimers & Gurevych
/// 2019](https://arxiv.org/abs/1908.10084), table 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairFeatures {
    /// `[u; v]`
    Concat,
    /// `[|u - v|; u * v]`: symmetric in the two texts.
    DiffProduct,
    /// `[u; v; |u - v|]`
    ConcatDiff,
}

impl PairFeatures {
    /// Returns the width of the combined vector.
    pub fn width(self, width: usize) -> usize {
        match self {
            Self::Concat | Self::DiffProduct => width.saturating_mul(2),
            Self::ConcatDiff => width.saturating_mul(3),
        }
    }

    /// Combines two vectors.
    ///
    /// # Shapes
    /// - `u`, `v`: `[B, W]`
    /// - output: `[B, 2 W]` or `[B, 3 W]`
    pub(super) fn apply(self, u: Tensor<2>, v: Tensor<2>) -> Tensor<2> {
        let difference = |u: &Tensor<2>, v: &Tensor<2>| (u.clone() - v.clone()).abs();
        let parts = match self {
            Self::Concat => vec![u, v],
            Self::DiffProduct => vec![difference(&u, &v), u * v],
            Self::ConcatDiff => {
                let apart = difference(&u, &v);
                vec![u, v, apart]
            }
        };
        Tensor::cat(parts, 1)
    }
}
