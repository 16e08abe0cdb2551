//! Normalization of rows: layer normalization, or by the root mean square.

use burn::nn::LayerNorm;
use burn::tensor::{Device, Tensor};
use finetune_ops::{Dropout, dropout as drop_out, rms_norm};
use serde::{Deserialize, Serialize};

use super::EncoderConfig;
use crate::layers;

/// Kind of the normalizations of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormType {
    /// Mean 0 and variance 1 ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)).
    #[default]
    LayerNorm,
    /// Mean square 1, without a bias ([Zhang and Sennrich
    /// 2019](https://arxiv.org/abs/1910.07467)).
    RmsNorm,
}

impl NormType {
    /// Returns whether the field has its default and need not be written.
    pub(super) fn is_layer_norm(&self) -> bool {
        *self == Self::LayerNorm
    }
}

/// How the rows of an encoder are normalized. The parameters of either kind are those of burn's
/// [`LayerNorm`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Normalization {
    kind: NormType,
    epsilon: f64,
    bias: bool,
}

impl Normalization {
    pub(super) fn new(config: &EncoderConfig) -> Self {
        Self {
            kind: config.norm_type,
            epsilon: config.layer_norm_eps,
            bias: config.norm_bias,
        }
    }

    /// Creates the parameters of rows of a width.
    pub(super) fn init(self, width: usize, device: &Device) -> LayerNorm {
        layers::layer_norm(width, self.bias, device)
    }

    /// Returns normalized rows.
    ///
    /// # Shapes
    /// - `rows`, output: `[T, D]`
    pub(super) fn apply(self, norm: &LayerNorm, rows: Tensor<2>) -> Tensor<2> {
        match self.kind {
            NormType::LayerNorm => layers::apply_layer_norm(norm, rows, self.epsilon),
            NormType::RmsNorm => rms_norm(rows, norm.gamma.val(), self.epsilon),
        }
    }

    /// Returns the normalized sum of `residual` and the rows that are left of a block by `dropout`.
    ///
    /// # Shapes
    /// - `rows`, `residual`, output: `[T, D]`
    pub(super) fn apply_to_sum(
        self,
        norm: &LayerNorm,
        rows: Tensor<2>,
        residual: Tensor<2>,
        dropout: Option<Dropout>,
    ) -> Tensor<2> {
        match self.kind {
            NormType::LayerNorm => {
                layers::apply_residual_norm(norm, rows, residual, dropout, self.epsilon)
            }
            NormType::RmsNorm => {
                let rows = match dropout {
                    Some(settings) => drop_out(rows, settings),
                    None => rows,
                };
                self.apply(norm, residual + rows)
            }
        }
    }
}
