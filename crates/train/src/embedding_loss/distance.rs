//! Cosines and distances of pairs of embeddings.

use burn::tensor::Tensor;
use finetune_model::normalize;
use serde::{Deserialize, Serialize};

/// Minimum squared distance: the gradient of its root is then finite.
const SHORTEST: f64 = 1e-24;

/// What `torch.nn.functional.pairwise_distance` adds to each difference.
const OFFSET: f64 = 1e-6;

/// Distance of two embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingDistance {
    /// 1 minus the cosine.
    Cosine,
    /// Euclidean distance.
    Euclidean,
}

impl EmbeddingDistance {
    /// Returns the distance of each pair, as the triplet loss has it.
    ///
    /// # Shapes
    /// - `a`, `b`: `[B, W]`
    /// - output: `[B]`
    pub(super) fn of_triplets(self, a: &Tensor<2>, b: &Tensor<2>) -> Tensor<1> {
        match self {
            Self::Cosine => cosines(a, b).neg().add_scalar(1.0),
            Self::Euclidean => length(a.clone() - b.clone()),
        }
    }

    /// Returns the distance of each pair, as the contrastive losses have it.
    ///
    /// # Shapes
    /// - `a`, `b`: `[B, W]`
    /// - output: `[B]`
    pub(super) fn of_pairs(self, a: &Tensor<2>, b: &Tensor<2>) -> Tensor<1> {
        match self {
            Self::Cosine => self.of_triplets(a, b),
            Self::Euclidean => length((a.clone() - b.clone()).add_scalar(OFFSET)),
        }
    }
}

/// Returns the cosine of each pair.
///
/// # Shapes
/// - `a`, `b`: `[B, W]`
/// - output: `[B]`
pub(super) fn cosines(a: &Tensor<2>, b: &Tensor<2>) -> Tensor<1> {
    (normalize(a.clone()) * normalize(b.clone()))
        .sum_dim(1)
        .squeeze_dim(1)
}

/// # Shapes
/// - `rows`: `[B, W]`
/// - output: `[B]`
fn length(rows: Tensor<2>) -> Tensor<1> {
    let squares: Tensor<1> = rows.square().sum_dim(1).squeeze_dim(1);
    squares.clamp_min(SHORTEST).sqrt()
}
