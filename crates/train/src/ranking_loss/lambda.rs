//! LambdaLoss: of each two documents of a list, the one with the higher label is to have the higher
//! score, weighted by what the pair is to NDCG
//! ([Wang et al. 2018](https://research.google/pubs/the-lambdaloss-framework-for-ranking-metric-optimization/)).
//! Without weights it is RankNet
//! ([Burges et al. 2005](https://icml.cc/Conferences/2015/wp-content/uploads/2015/06/icml_ranking.pdf)).

use std::f64::consts::LN_2;
use std::ops::RangeInclusive;

use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;
use serde::{Deserialize, Serialize};

use super::{RankingLists, RankingLoss, behind, of_pairs};
use crate::error::TrainError;

/// Highest label: gains are powers of two.
const MOST_LABEL: f64 = 64.0;

/// Weight of a pair of documents in a lambda loss. `G` is the gain of a document, `2^label - 1` as a
/// share of the highest DCG of its list, `D` the discount `log2(1 + rank)` at its rank by score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LambdaWeighting {
    /// 1: RankNet.
    None,
    /// `G / D` of the first document, of all pairs: a bound of NDCG.
    NdcgLoss1,
    /// The difference of the gains times that of the reciprocal discounts at the distance of the ranks:
    /// a tighter bound.
    NdcgLoss2,
    /// The change of NDCG if both documents changed their places: LambdaRank.
    LambdaRank,
    /// `mu` times `ndcg_loss2`, and `lambda_rank`.
    #[serde(rename = "ndcg_loss2_pp")]
    NdcgLoss2Pp {
        /// Factor of `ndcg_loss2`, at least 0 (default: 10).
        #[serde(default = "ten")]
        mu: f64,
    },
}

fn ten() -> f64 {
    10.0
}

impl Default for LambdaWeighting {
    fn default() -> Self {
        Self::NdcgLoss2Pp { mu: ten() }
    }
}

/// Base of the logarithm in a lambda loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReductionLog {
    /// 2.
    #[default]
    Binary,
    /// e.
    Natural,
}

#[derive(Debug)]
pub(super) struct Lambda {
    pub(super) weighting: LambdaWeighting,
    /// Pairs count if one of them is among the first `k`; `None` for all.
    pub(super) k: Option<usize>,
    pub(super) sigma: f64,
    pub(super) reduction_log: ReductionLog,
}

impl RankingLoss for Lambda {
    fn of_lists(&self, scores: Tensor<2>, lists: &RankingLists) -> Tensor<1> {
        let ranks = ranks(scores.clone().detach(), lists.mask.clone());
        let [first, second] = of_pairs(scores);
        let logarithms = log_sigmoid((first - second) * self.sigma);
        let logarithms = match self.reduction_log {
            ReductionLog::Binary => logarithms / LN_2,
            ReductionLog::Natural => logarithms,
        };
        let compared = self.compared(lists, &ranks);
        let count = compared.clone().sum().clamp_min(1.0);
        -(logarithms * self.weights(lists, ranks) * compared).sum() / count
    }

    fn check(&self, labels: RangeInclusive<f64>) -> Result<(), TrainError> {
        if self.weighting == LambdaWeighting::None {
            return Ok(());
        }
        for label in [*labels.start(), *labels.end()] {
            if !(0.0..=MOST_LABEL).contains(&label) {
                let expected = format!("in 0..={MOST_LABEL} for the loss {}", self.name());
                return Err(TrainError::setting("label of the data", label, expected));
            }
        }
        Ok(())
    }

    fn name(&self) -> String {
        match self.weighting {
            LambdaWeighting::None => "rank_net".to_string(),
            _ => "lambda".to_string(),
        }
    }
}

impl Lambda {
    /// Returns 1 for each pair that counts.
    ///
    /// # Shapes
    /// - output: `[B, N, N]`
    fn compared(&self, lists: &RankingLists, ranks: &Tensor<2>) -> Tensor<3> {
        let [first, second] = of_pairs(lists.mask.clone());
        let mut compared = first * second;
        if self.weighting != LambdaWeighting::NdcgLoss1 {
            let [first, second] = of_pairs(lists.labels.clone());
            compared = compared * first.greater(second).float();
        }
        match self.k {
            None => compared,
            Some(k) => {
                let [first, second] = of_pairs(ranks.clone().lower_equal_scalar(k as f64).float());
                compared * (first + second).greater_scalar(0.0).float()
            }
        }
    }

    /// Returns the weight of each pair.
    ///
    /// # Shapes
    /// - output: `[B, N, N]`
    fn weights(&self, lists: &RankingLists, ranks: Tensor<2>) -> Tensor<3> {
        let gains = self.gains(lists);
        let gain_difference = |gains: Tensor<2>| {
            let [first, second] = of_pairs(gains);
            (first - second).abs()
        };
        let lambda_rank = |gains: Tensor<2>, ranks: Tensor<2>| {
            let [first, second] = of_pairs(discount(ranks).recip());
            (first - second).abs() * gain_difference(gains)
        };
        let ndcg_loss2 = |gains: Tensor<2>, ranks: Tensor<2>| {
            let [first, second] = of_pairs(ranks);
            // Documents are not compared with themselves.
            let distance = (first - second).abs().clamp_min(1.0);
            let next = discount(distance.clone() + 1.0).recip();
            (discount(distance).recip() - next) * gain_difference(gains)
        };
        match self.weighting {
            LambdaWeighting::None => Tensor::ones_like(&of_pairs(ranks)[0]),
            LambdaWeighting::NdcgLoss1 => of_pairs(gains / discount(ranks))[0].clone(),
            LambdaWeighting::NdcgLoss2 => ndcg_loss2(gains, ranks),
            LambdaWeighting::LambdaRank => lambda_rank(gains, ranks),
            LambdaWeighting::NdcgLoss2Pp { mu } => {
                ndcg_loss2(gains.clone(), ranks.clone()) * mu + lambda_rank(gains, ranks)
            }
        }
    }

    /// Returns the gain of each document as a share of the highest DCG of its list, whose documents are
    /// in the order of their labels.
    ///
    /// # Shapes
    /// - output: `[B, N]`
    fn gains(&self, lists: &RankingLists) -> Tensor<2> {
        let [_, documents] = lists.labels.dims();
        let gains = (lists.labels.clone() * LN_2).exp() - 1.0;
        let first = self.k.unwrap_or(documents).min(documents);
        let places = Tensor::arange(1..first as i64 + 1, &gains.device()).float();
        let discounts = discount(places.reshape([1, first]));
        let ideal = (gains.clone().slice([0..gains.dims()[0], 0..first]) / discounts).sum_dim(1);
        gains / ideal.clamp_min(1e-10)
    }
}

/// Returns the discount of ranks: `log2(1 + rank)`.
fn discount<const D: usize>(ranks: Tensor<D>) -> Tensor<D> {
    (ranks + 1.0).log() / LN_2
}

/// Returns the rank from 1 of each document of a list by its score; of equal scores, the first one is
/// ahead.
///
/// # Shapes
/// - `scores`, `mask`, output: `[B, N]`
fn ranks(scores: Tensor<2>, mask: Tensor<2>) -> Tensor<2> {
    let [_, documents] = scores.dims();
    let is_before = behind(documents, false, &scores).swap_dims(1, 2);
    let [own, other] = of_pairs(scores);
    let ahead = other.clone().greater(own.clone()).float() + other.equal(own).float() * is_before;
    let ahead = ahead * of_pairs(mask)[1].clone();
    ahead.sum_dim(2).squeeze_dim::<2>(2) + 1.0
}
