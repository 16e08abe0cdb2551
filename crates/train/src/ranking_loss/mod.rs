//! Losses of rerankers: from the scores of the documents of several queries to one number.
//!
//! [`RankingLoss`] is the trait, for the built-in ones and anyone's own; [`RankingLossConfig`] is the
//! registry of the built-in ones by name, with the names and defaults of sentence-transformers'
//! [cross-encoder losses](https://sbert.net/docs/package_reference/cross_encoder/losses.html).
//!
//! | loss | compares |
//! |---|---|
//! | ListNet | the distribution of scores over a list with that of the labels |
//! | ListMLE, PListMLE | the order of a list with that by the labels |
//! | RankNet | each two documents of a list with different labels |
//! | LambdaLoss | these, weighted by what they are to NDCG |

mod config;
mod lambda;
mod list_mle;
mod list_net;
mod lists;

pub use config::RankingLossConfig;
pub use lambda::{LambdaWeighting, ReductionLog};
pub use lists::{PackedRankingLists, RankingLists};

use std::fmt;
use std::ops::RangeInclusive;

use burn::tensor::Tensor;
use finetune_eval::short_type_name;

use crate::error::TrainError;

/// A loss of a reranker.
///
/// ```
/// use burn::tensor::Tensor;
/// use finetune_train::{RankingLists, RankingLoss};
///
/// /// Squared difference of scores and labels.
/// #[derive(Debug)]
/// struct Pointwise;
///
/// impl RankingLoss for Pointwise {
///     fn of_lists(&self, scores: Tensor<2>, lists: &RankingLists) -> Tensor<1> {
///         let difference = (scores - lists.labels.clone()) * lists.mask.clone();
///         difference.square().sum() / lists.mask.clone().sum()
///     }
/// }
/// ```
pub trait RankingLoss: fmt::Debug + Send + Sync {
    /// Returns the loss of a batch, usually the mean over its lists. The values of `scores` behind the
    /// end of a list are finite and mean nothing.
    ///
    /// # Shapes
    /// - `scores`: `[B, N]`, the scores of the documents in the order of `lists`
    /// - output: `[1]`
    fn of_lists(&self, scores: Tensor<2>, lists: &RankingLists) -> Tensor<1>;

    /// Checks that the loss fits labels in a range (default: it does).
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if it does not.
    fn check(&self, _labels: RangeInclusive<f64>) -> Result<(), TrainError> {
        Ok(())
    }

    /// Name in the settings of a run (default: name of the type).
    fn name(&self) -> String {
        short_type_name::<Self>().to_string()
    }
}

/// Score of what has no probability in a softmax: finite, so that gradients are.
const NO_SCORE: f32 = -1e30;

/// Returns a value for each two documents of a list: of the first, and of the second.
///
/// # Shapes
/// - `values`: `[B, N]`
/// - output: two of `[B, N, N]`
fn of_pairs(values: Tensor<2>) -> [Tensor<3>; 2] {
    let [lists, documents] = values.dims();
    let shape = [lists, documents, documents];
    let first = values.clone().unsqueeze_dim::<3>(2).expand(shape);
    [first, values.unsqueeze_dim::<3>(1).expand(shape)]
}

/// Returns 1 for each two documents of a list of which the second is behind the first, or is the first
/// one if `itself`.
///
/// # Shapes
/// - output: `[1, N, N]`
fn behind(documents: usize, itself: bool, like: &Tensor<2>) -> Tensor<3> {
    let places = Tensor::arange(0..documents as i64, &like.device()).float();
    let [first, second] = of_pairs(places.reshape([1, documents]));
    match itself {
        true => second.greater_equal(first).float(),
        false => second.greater(first).float(),
    }
}
