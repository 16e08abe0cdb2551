//! Built-in losses of embedding models by name.

use std::sync::Arc;

use finetune_data::EmbeddingKind;
use serde::{Deserialize, Serialize};

use super::contrastive::Contrastive;
use super::cosent::CoSent;
use super::cosine_similarity::CosineSimilarity;
use super::multiple_negatives_ranking::MultipleNegativesRanking;
use super::online_contrastive::OnlineContrastive;
use super::triplet::Triplet;
use super::{EmbeddingDistance, EmbeddingLoss};
use crate::error::TrainError;

/// Built-in loss of an embedding model; names and defaults are those of sentence-transformers.
///
/// ```
/// use finetune_train::EmbeddingLossConfig;
///
/// let config: EmbeddingLossConfig = serde_json::from_str(
///     r#"{"kind": "multiple_negatives_ranking", "symmetric": true}"#,
/// )?;
/// let expected = EmbeddingLossConfig::MultipleNegativesRanking { scale: 20.0, symmetric: true };
/// assert_eq!(config, expected);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EmbeddingLossConfig {
    /// Multiple negatives ranking: the negatives of a row are its own and the texts of the other rows
    /// in the batch.
    MultipleNegativesRanking {
        /// Factor of the cosines, above 0: 1 divided by the temperature (default: 20).
        #[serde(default = "twenty")]
        scale: f64,
        /// Whether the second texts are to find the first ones, too (default: false).
        #[serde(default)]
        symmetric: bool,
    },
    /// CoSENT: pairs with a higher score are to have a higher cosine. Any range of scores will do.
    #[serde(rename = "cosent")]
    CoSent {
        /// Factor of the cosines, above 0 (default: 20).
        #[serde(default = "twenty")]
        scale: f64,
    },
    /// Mean squared difference of cosines and scores, which are in `[-1, 1]`.
    CosineSimilarity {},
    /// Triplet loss.
    Triplet {
        /// Distance (default: Euclidean).
        #[serde(default = "euclidean")]
        distance: EmbeddingDistance,
        /// By how much the positive is to be nearer, at least 0 (default: 5).
        #[serde(default = "five")]
        margin: f64,
    },
    /// Contrastive loss.
    Contrastive {
        /// Distance (default: cosine).
        #[serde(default = "cosine")]
        distance: EmbeddingDistance,
        /// Distance from which pairs with label 0 are far enough, at least 0 (default: 0.5).
        #[serde(default = "half")]
        margin: f64,
    },
    /// Contrastive loss of the hard pairs of each batch.
    OnlineContrastive {
        /// Distance (default: cosine).
        #[serde(default = "cosine")]
        distance: EmbeddingDistance,
        /// Distance from which pairs with label 0 are far enough, at least 0 (default: 0.5).
        #[serde(default = "half")]
        margin: f64,
    },
    /// A loss of your own, by its name; it is passed to the run.
    Custom {
        /// Name of the loss.
        name: String,
    },
}

fn twenty() -> f64 {
    20.0
}

fn five() -> f64 {
    5.0
}

fn half() -> f64 {
    0.5
}

fn euclidean() -> EmbeddingDistance {
    EmbeddingDistance::Euclidean
}

fn cosine() -> EmbeddingDistance {
    EmbeddingDistance::Cosine
}

impl EmbeddingLossConfig {
    /// Returns multiple negatives ranking, CoSENT or the online contrastive loss, as the rows allow.
    pub fn for_rows(kind: EmbeddingKind) -> Self {
        match kind {
            EmbeddingKind::Positives => Self::MultipleNegativesRanking {
                scale: twenty(),
                symmetric: false,
            },
            EmbeddingKind::Scores => Self::CoSent { scale: twenty() },
            EmbeddingKind::Labels => Self::OnlineContrastive {
                distance: cosine(),
                margin: half(),
            },
        }
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range.
    pub fn validate(&self) -> Result<(), TrainError> {
        let (setting, value, valid, expected) = match *self {
            Self::MultipleNegativesRanking { scale, .. } | Self::CoSent { scale } => {
                ("loss.scale", scale, scale > 0.0, "above 0")
            }
            Self::Triplet { margin, .. }
            | Self::Contrastive { margin, .. }
            | Self::OnlineContrastive { margin, .. } => {
                ("loss.margin", margin, margin >= 0.0, "at least 0")
            }
            Self::CosineSimilarity {} | Self::Custom { .. } => return Ok(()),
        };
        match valid && value.is_finite() {
            true => Ok(()),
            false => Err(TrainError::setting(setting, value, expected)),
        }
    }

    /// Creates the loss.
    ///
    /// # Errors
    /// - The errors of [`Self::validate`].
    /// - [`TrainError::InvalidSetting`] for a loss of your own, which only the program that has it can
    ///   make.
    pub fn init(&self) -> Result<Arc<dyn EmbeddingLoss>, TrainError> {
        self.validate()?;
        Ok(match *self {
            Self::MultipleNegativesRanking { scale, symmetric } => {
                Arc::new(MultipleNegativesRanking { scale, symmetric })
            }
            Self::CoSent { scale } => Arc::new(CoSent { scale }),
            Self::CosineSimilarity {} => Arc::new(CosineSimilarity),
            Self::Triplet { distance, margin } => Arc::new(Triplet { distance, margin }),
            Self::Contrastive { distance, margin } => Arc::new(Contrastive { distance, margin }),
            Self::OnlineContrastive { distance, margin } => {
                Arc::new(OnlineContrastive { distance, margin })
            }
            Self::Custom { ref name } => {
                let expected = "passed to the run, as a loss of your own";
                return Err(TrainError::setting("loss", format!("{name:?}"), expected));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_read_as_the_words_of_a_config_file() {
        let read = |json: &str| serde_json::from_str::<EmbeddingLossConfig>(json).unwrap();
        assert_eq!(
            read(r#"{"kind": "multiple_negatives_ranking"}"#),
            EmbeddingLossConfig::for_rows(EmbeddingKind::Positives)
        );
        assert_eq!(
            read(r#"{"kind": "cosent"}"#),
            EmbeddingLossConfig::for_rows(EmbeddingKind::Scores)
        );
        let triplet = read(r#"{"kind": "triplet", "distance": "cosine", "margin": 0.2}"#);
        let json = serde_json::to_string(&triplet).unwrap();
        assert_eq!(read(&json), triplet);
    }

    #[test]
    fn impossible_values_are_named() {
        for (json, expected) in [
            (
                r#"{"kind": "cosent", "scale": 0}"#,
                "loss.scale is 0, expected above 0",
            ),
            (
                r#"{"kind": "triplet", "margin": -1}"#,
                "loss.margin is -1, expected at least 0",
            ),
            (
                r#"{"kind": "custom", "name": "Mine"}"#,
                "loss is \"Mine\", expected passed to the run, as a loss of your own",
            ),
        ] {
            let config: EmbeddingLossConfig = serde_json::from_str(json).unwrap();
            assert_eq!(config.init().unwrap_err().to_string(), expected);
        }
    }
}
