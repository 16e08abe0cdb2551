//! Relative positions: DeBERTa's disentangled attention ([He et al.
//! 2021](https://arxiv.org/abs/2006.03654)), and MPNet's bias ([Song et al.
//! 2020](https://arxiv.org/abs/2004.09297)).

use burn::module::Module;
use burn::nn::{Embedding, LayerNorm};
use burn::tensor::{Device, Tensor};
use finetune_ops::{RelativeBuckets, Sequences};
use serde::{Deserialize, Serialize};

use super::EncoderConfig;
use crate::error::ModelError;
use crate::layers;
use crate::limits::LARGEST_SIZE;

/// Scores of attention by the distance between two tokens, with the names of DeBERTa's
/// `config.json`.
///
/// A vector for each distance, shared by all layers, is projected to a key and a query in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelativeAttention {
    /// Distance from which on all have one vector, with buckets and without (default: 512).
    pub max_relative_positions: usize,
    /// Vectors on either side, an even number of at least 4, of which half belong to one distance
    /// each and the others to a range; `None` for one of each distance (default: 256).
    pub position_buckets: Option<usize>,
    /// Whether queries meet the keys of distances (default: true).
    pub c2p: bool,
    /// Whether keys meet the queries of distances (default: true).
    pub p2c: bool,
    /// Whether distances are projected as tokens are, instead of by linear layers of their own
    /// (default: true).
    pub share_att_key: bool,
    /// Whether the vectors are normalized (default: true).
    pub norm_rel_ebd: bool,
}

/// As DeBERTa-v3.
impl Default for RelativeAttention {
    fn default() -> Self {
        Self {
            max_relative_positions: 512,
            position_buckets: Some(256),
            c2p: true,
            p2c: true,
            share_att_key: true,
            norm_rel_ebd: true,
        }
    }
}

impl RelativeAttention {
    /// Returns the number of terms beside that of query and key.
    pub(super) fn terms(self) -> usize {
        usize::from(self.c2p) + usize::from(self.p2c)
    }

    /// Returns the vector of each distance.
    fn buckets(self) -> RelativeBuckets {
        let most = self.max_relative_positions;
        match self.position_buckets {
            Some(buckets) => RelativeBuckets::logarithmic(buckets, most),
            None => RelativeBuckets::clamped(most),
        }
    }

    /// Checks that every value is in its range.
    pub(super) fn validate(self) -> Result<(), ModelError> {
        const MOST: usize = LARGEST_SIZE / 2;
        let check = ModelError::check::<usize, String>;
        let buckets = self.position_buckets.unwrap_or(4);
        let valid = (4..=MOST).contains(&buckets) && buckets.is_multiple_of(2);
        let expected = format!("an even number in 4..={MOST}");
        check(valid, "position_buckets", buckets, expected)?;
        let fewest = self.position_buckets.map_or(1, |buckets| buckets / 2 + 2);
        let most = self.max_relative_positions;
        let valid = (fewest..=MOST).contains(&most);
        let expected = format!("in {fewest}..={MOST}");
        check(valid, "max_relative_positions", most, expected)?;
        let expected = "c2p, p2c or both";
        ModelError::check(self.terms() > 0, "pos_att_type", "empty", expected)
    }
}

/// Distance from which on all have one bucket, in MPNet.
const FARTHEST_BIAS: usize = 128;

/// Vectors or biases of the distances between tokens.
#[derive(Module, Debug)]
pub struct RelativeEmbeddings {
    /// Vector of each bucket of distances, `[R, D]`, or its bias for each head, `[R, H]`.
    pub embeddings: Embedding,
    /// Layer normalization of the vectors, if they have one.
    pub norm: Option<LayerNorm>,
    epsilon: f64,
    #[module(skip)]
    buckets: RelativeBuckets,
}

/// Vectors or biases of the distances that a batch has.
#[derive(Debug, Clone)]
pub(super) struct BatchDistances {
    /// `[R, D]` or `[R, H]`
    pub(super) rows: Tensor<2>,
    pub(super) buckets: RelativeBuckets,
}

impl RelativeEmbeddings {
    /// Creates vectors or biases of zeros; `None` for an encoder without relative positions.
    pub(super) fn new(config: &EncoderConfig, device: &Device) -> Option<Self> {
        let of_terms = |relative: RelativeAttention| {
            let width = config.hidden_size;
            (relative.buckets(), width, relative.norm_rel_ebd)
        };
        let of_bias = |buckets| {
            let buckets = RelativeBuckets::two_sided(buckets, FARTHEST_BIAS);
            (buckets, config.num_attention_heads, false)
        };
        let terms = config.relative_attention.map(of_terms);
        let bias = config.relative_attention_num_buckets.map(of_bias);
        let (buckets, width, norm) = terms.or(bias)?;
        Some(Self {
            embeddings: layers::embedding(buckets.num_rows(), width, device),
            norm: norm.then(|| layers::layer_norm(width, config.norm_bias, device)),
            epsilon: config.layer_norm_eps,
            buckets,
        })
    }

    /// Returns the row of each distance.
    pub fn buckets(&self) -> &RelativeBuckets {
        &self.buckets
    }

    /// Returns the vectors or biases of all rows, normalized if they are to be.
    ///
    /// # Shapes
    /// - output: `[R, D]` or `[R, H]`
    pub fn vectors(&self) -> Tensor<2> {
        self.normalized(self.embeddings.weight.val())
    }

    /// Returns the rows of the distances in sequences: a short text has few.
    pub(super) fn of_batch(&self, sequences: &Sequences) -> BatchDistances {
        let farthest = sequences.padded_length() - 1;
        let (rows, buckets) = self.buckets.within(farthest);
        let rows = self.embeddings.weight.val().slice([rows]);
        BatchDistances {
            rows: self.normalized(rows),
            buckets,
        }
    }

    fn normalized(&self, rows: Tensor<2>) -> Tensor<2> {
        match &self.norm {
            Some(norm) => layers::apply_layer_norm(norm, rows, self.epsilon),
            None => rows,
        }
    }
}

impl BatchDistances {
    /// Returns the same rows as a node of their own, which adds up its gradients before it passes them on.
    pub(super) fn node(self) -> Self {
        match self.rows.is_tracked() {
            true => Self {
                rows: self.rows * 1.0,
                ..self
            },
            false => self,
        }
    }

    /// Returns the rows on the same device without autodiff.
    pub(super) fn without_autodiff(&self) -> Self {
        Self {
            rows: self.rows.clone().inner(),
            buckets: self.buckets.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_values_are_named() {
        let base = RelativeAttention::default();
        base.validate().unwrap();
        for (relative, problem) in [
            (
                RelativeAttention {
                    position_buckets: Some(7),
                    ..base
                },
                "position_buckets is 7",
            ),
            (
                RelativeAttention {
                    position_buckets: Some(usize::MAX - 1),
                    ..base
                },
                "position_buckets is",
            ),
            (
                RelativeAttention {
                    max_relative_positions: 129,
                    ..base
                },
                "max_relative_positions is 129, expected in 130..=",
            ),
            (
                RelativeAttention {
                    max_relative_positions: 0,
                    position_buckets: None,
                    ..base
                },
                "max_relative_positions is 0, expected in 1..=",
            ),
            (
                RelativeAttention {
                    c2p: false,
                    p2c: false,
                    ..base
                },
                "pos_att_type is empty, expected c2p, p2c or both",
            ),
        ] {
            let message = relative.validate().unwrap_err().to_string();
            assert!(message.contains(problem), "{message}");
        }
    }
}
