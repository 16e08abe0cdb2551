//! ListMLE: the order by label is to be the most likely one, if documents are drawn one after the other
//! by the softmax of their scores ([Xia et al. 2008](https://dl.acm.org/doi/10.1145/1390156.1390306)).

use std::f64::consts::LN_2;

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use super::{NO_SCORE, RankingLists, RankingLoss, behind, of_pairs};

/// Highest exponent of a position's weight: longer lists are scaled, as 2^128 is none in f32.
const MOST_EXPONENT: f64 = 127.0;

#[derive(Debug)]
pub(super) struct ListMle {
    /// Whether the first places count more
    /// ([Lan et al. 2014](https://auai.org/uai2014/proceedings/individuals/164.pdf)).
    pub(super) position_aware: bool,
}

impl RankingLoss for ListMle {
    fn of_lists(&self, scores: Tensor<2>, lists: &RankingLists) -> Tensor<1> {
        let [rows, documents] = scores.dims();
        // The probability of a document among those that are not drawn before it.
        let is_drawn = behind(documents, true, &scores).expand([rows, documents, documents])
            * of_pairs(lists.mask.clone())[1].clone();
        let left = of_pairs(scores.clone())[1]
            .clone()
            .mask_fill(is_drawn.equal_scalar(0.0), NO_SCORE);
        let itself = Tensor::<2>::eye(documents, &scores.device()).unsqueeze_dim::<3>(0);
        let drawn = (log_softmax(left, 2) * itself)
            .sum_dim(2)
            .squeeze_dim::<2>(2);
        let weights = match self.position_aware {
            true => position_weights(lists.mask.clone()),
            false => lists.mask.clone(),
        };
        -(drawn * weights).sum() / rows as f64
    }

    fn name(&self) -> String {
        match self.position_aware {
            true => "plist_mle".to_string(),
            false => "list_mle".to_string(),
        }
    }
}

/// Returns `2^(n - rank) - 1` for the ranks from 1 of a list of `n` documents, as shares of its sum.
///
/// # Shapes
/// - `mask`, output: `[B, N]`
fn position_weights(mask: Tensor<2>) -> Tensor<2> {
    let [rows, documents] = mask.dims();
    let ranks = Tensor::arange(1..documents as i64 + 1, &mask.device()).float();
    let ranks = ranks.reshape([1, documents]).expand([rows, documents]);
    let sizes = mask.clone().sum_dim(1);
    let scale = (sizes.clone() - MOST_EXPONENT).clamp_min(0.0);
    let exponents =
        sizes.expand([rows, documents]) - ranks - scale.clone().expand([rows, documents]);
    let power_of_two = |exponents: Tensor<2>| (exponents * LN_2).exp();
    let one = power_of_two(-scale).expand([rows, documents]);
    let weights = (power_of_two(exponents) - one) * mask;
    // A list of one document has no weight.
    weights.clone() / (weights.sum_dim(1) + 1e-10)
}
