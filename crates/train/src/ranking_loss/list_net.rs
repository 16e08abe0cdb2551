//! ListNet: the softmax of the scores of a list is to be that of its labels
//! ([Cao et al. 2007](https://www.microsoft.com/en-us/research/publication/learning-to-rank-from-pairwise-approach-to-listwise-approach/)).

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use finetune_ops::soft_target_cross_entropy;

use super::{NO_SCORE, RankingLists, RankingLoss};

#[derive(Debug)]
pub(super) struct ListNet;

impl RankingLoss for ListNet {
    fn of_lists(&self, scores: Tensor<2>, lists: &RankingLists) -> Tensor<1> {
        let rows = scores.dims()[0] as f64;
        let padding = lists.mask.clone().equal_scalar(0.0);
        let of_documents = |values: Tensor<2>| values.mask_fill(padding.clone(), NO_SCORE);
        let targets = softmax(of_documents(lists.labels.clone()), 1);
        soft_target_cross_entropy(of_documents(scores), targets / rows)
    }

    fn name(&self) -> String {
        "list_net".to_string()
    }
}
