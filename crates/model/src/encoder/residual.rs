//! Residual connection around a block of a layer, with its layer normalization.

use burn::nn::LayerNorm;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::EncoderConfig;
use super::normalization::Normalization;
use crate::dropout::{DropoutStage, apply};

/// Position of the layer normalizations in an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NormPlacement {
    /// After each residual.
    #[default]
    PostNorm,
    /// Before attention and feed-forward network, and after the last layer
    /// ([Xiong et al. 2020](https://arxiv.org/abs/2002.04745)).
    PreNorm {
        /// Whether there is one before the attention of the first layer, too; its input comes
        /// normalized from the embeddings.
        before_first_attention: bool,
    },
}

impl NormPlacement {
    /// Returns whether the attention of a layer, counted from 0, has a normalization.
    pub(super) fn is_at_attention(self, layer: usize) -> bool {
        match self {
            Self::PostNorm => true,
            Self::PreNorm {
                before_first_attention,
            } => before_first_attention || layer > 0,
        }
    }
}

/// Residual connection around a block: `norm(x + dropout(block(x)))`, or, with the normalization
/// first, `x + dropout(block(norm(x)))`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residual {
    placement: NormPlacement,
    normalization: Normalization,
    /// Dropout probability of the block's output.
    dropout: f64,
    /// Place of this dropout in the layer.
    site: usize,
}

impl Residual {
    pub(super) fn new(config: &EncoderConfig, dropout: f64, site: usize) -> Self {
        Self {
            placement: config.norm_placement,
            normalization: Normalization::new(config),
            dropout,
            site,
        }
    }

    /// Returns whether the block gets other rows than the residual.
    pub(super) fn normalizes_before(self) -> bool {
        self.placement != NormPlacement::PostNorm
    }

    /// Returns the input of the block.
    ///
    /// # Shapes
    /// - `rows`, output: `[T, D]`
    pub(super) fn before(self, norm: Option<&LayerNorm>, rows: Tensor<2>) -> Tensor<2> {
        match norm.filter(|_| self.normalizes_before()) {
            Some(norm) => self.normalization.apply(norm, rows),
            None => rows,
        }
    }

    /// Returns the output of the block with the residual.
    ///
    /// # Shapes
    /// - `block`, `rows`, output: `[T, D]`
    pub(super) fn after(
        self,
        norm: Option<&LayerNorm>,
        block: Tensor<2>,
        rows: Tensor<2>,
        dropout: Option<DropoutStage>,
    ) -> Tensor<2> {
        match norm.filter(|_| !self.normalizes_before()) {
            Some(norm) => {
                let dropout = dropout.and_then(|stage| stage.at(self.dropout, self.site));
                self.normalization.apply_to_sum(norm, block, rows, dropout)
            }
            None => rows + apply(block, self.dropout, dropout, self.site),
        }
    }
}
