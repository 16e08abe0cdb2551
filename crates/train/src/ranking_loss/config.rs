//! Built-in losses of rerankers by name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RankingLoss;
use super::lambda::{Lambda, LambdaWeighting, ReductionLog};
use super::list_mle::ListMle;
use super::list_net::ListNet;
use crate::error::TrainError;

/// Built-in loss of a reranker; names and defaults are those of sentence-transformers.
///
/// ```
/// use finetune_train::{LambdaWeighting, RankingLossConfig};
///
/// let config: RankingLossConfig = serde_json::from_str(r#"{"kind": "lambda"}"#)?;
/// assert_eq!(config, RankingLossConfig::default());
/// let config: RankingLossConfig =
///     serde_json::from_str(r#"{"kind": "lambda", "weighting": "lambda_rank", "k": 10}"#)?;
/// let RankingLossConfig::Lambda { weighting, k, .. } = config else { unreachable!() };
/// assert_eq!((weighting, k), (LambdaWeighting::LambdaRank, Some(10)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RankingLossConfig {
    /// ListNet: cross entropy of the softmax of the labels and that of the scores, the mean over the
    /// lists.
    ListNet {},
    /// ListMLE: the likelihood of the order by label, the mean over the lists. Documents with equal
    /// labels are in the order of the data.
    ListMle {},
    /// PListMLE: ListMLE with weights of the positions, by which the first ones count more.
    PlistMle {},
    /// RankNet: the mean over all pairs of documents of a list with different labels.
    RankNet {
        /// Number of first documents by score, one of which a pair must have, at least 1 (default: all).
        #[serde(default)]
        k: Option<usize>,
        /// Factor of the differences of scores, above 0 (default: 1).
        #[serde(default = "one")]
        sigma: f64,
        /// Base of the logarithm (default: `binary`).
        #[serde(default)]
        reduction_log: ReductionLog,
    },
    /// LambdaLoss: RankNet with weights of the pairs. Labels are at least 0.
    Lambda {
        /// Weights of the pairs (default: `ndcg_loss2_pp` with `mu` 10).
        #[serde(default)]
        weighting: LambdaWeighting,
        /// Number of first documents by score, one of which a pair must have, and over which the ideal
        /// DCG is computed, at least 1 (default: all).
        #[serde(default)]
        k: Option<usize>,
        /// Factor of the differences of scores, above 0 (default: 1).
        #[serde(default = "one")]
        sigma: f64,
        /// Base of the logarithm (default: `binary`).
        #[serde(default)]
        reduction_log: ReductionLog,
    },
    /// A loss of your own, by its name; it is passed to the run.
    Custom {
        /// Name of the loss.
        name: String,
    },
}

fn one() -> f64 {
    1.0
}

impl Default for RankingLossConfig {
    fn default() -> Self {
        Self::Lambda {
            weighting: LambdaWeighting::default(),
            k: None,
            sigma: one(),
            reduction_log: ReductionLog::default(),
        }
    }
}

impl RankingLossConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range.
    pub fn validate(&self) -> Result<(), TrainError> {
        let (Self::RankNet { k, sigma, .. } | Self::Lambda { k, sigma, .. }) = self else {
            return Ok(());
        };
        if *k == Some(0) {
            return Err(TrainError::setting("loss.k", 0, "at least 1"));
        }
        if !(*sigma > 0.0 && sigma.is_finite()) {
            return Err(TrainError::setting("loss.sigma", sigma, "above 0"));
        }
        match self {
            Self::Lambda {
                weighting: LambdaWeighting::NdcgLoss2Pp { mu },
                ..
            } if !(*mu >= 0.0 && mu.is_finite()) => {
                Err(TrainError::setting("loss.weighting.mu", mu, "at least 0"))
            }
            _ => Ok(()),
        }
    }

    /// Creates the loss.
    ///
    /// # Errors
    /// - The errors of [`Self::validate`].
    /// - [`TrainError::InvalidSetting`] for a loss of your own, which only the program that has it can
    ///   make.
    pub fn init(&self) -> Result<Arc<dyn RankingLoss>, TrainError> {
        self.validate()?;
        Ok(match *self {
            Self::ListNet {} => Arc::new(ListNet),
            Self::ListMle {} => Arc::new(ListMle {
                position_aware: false,
            }),
            Self::PlistMle {} => Arc::new(ListMle {
                position_aware: true,
            }),
            Self::RankNet {
                k,
                sigma,
                reduction_log,
            } => Arc::new(Lambda {
                weighting: LambdaWeighting::None,
                k,
                sigma,
                reduction_log,
            }),
            Self::Lambda {
                weighting,
                k,
                sigma,
                reduction_log,
            } => Arc::new(Lambda {
                weighting,
                k,
                sigma,
                reduction_log,
            }),
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

    fn read(json: &str) -> RankingLossConfig {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn losses_read_as_the_words_of_a_config_file() {
        for kind in ["list_net", "list_mle", "plist_mle", "rank_net", "lambda"] {
            let config = read(&format!("{{\"kind\": {kind:?}}}"));
            assert_eq!(read(&serde_json::to_string(&config).unwrap()), config);
            assert_eq!(config.init().unwrap().name(), kind);
        }
        let config = read(r#"{"kind": "lambda", "weighting": {"ndcg_loss2_pp": {}}}"#);
        assert_eq!(config, RankingLossConfig::default());
    }

    #[test]
    fn impossible_values_are_named() {
        for (json, expected) in [
            (
                r#"{"kind": "rank_net", "k": 0}"#,
                "loss.k is 0, expected at least 1",
            ),
            (
                r#"{"kind": "lambda", "sigma": -1}"#,
                "loss.sigma is -1, expected above 0",
            ),
            (
                r#"{"kind": "lambda", "weighting": {"ndcg_loss2_pp": {"mu": -0.5}}}"#,
                "loss.weighting.mu is -0.5, expected at least 0",
            ),
            (
                r#"{"kind": "custom", "name": "Mine"}"#,
                "loss is \"Mine\", expected passed to the run, as a loss of your own",
            ),
        ] {
            assert_eq!(read(json).init().unwrap_err().to_string(), expected);
        }
        let lambda = RankingLossConfig::default().init().unwrap();
        assert_eq!(
            lambda.check(-1.0..=2.0).unwrap_err().to_string(),
            "label of the data is -1, expected in 0..=64 for the loss lambda"
        );
        lambda.check(0.0..=4.0).unwrap();
        read(r#"{"kind": "list_net"}"#)
            .init()
            .unwrap()
            .check(-1.0..=2.0)
            .unwrap();
    }
}
