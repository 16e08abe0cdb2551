//! Triplet loss: the positive is to be nearer than the negative, by a margin
//! ([Schroff et al. 2015](https://arxiv.org/abs/1503.03832)).

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use finetune_data::EmbeddingKind;

use super::{EmbeddingDistance, EmbeddingLoss, EmbeddingRows};
use crate::error::TrainError;

#[derive(Debug)]
pub(super) struct Triplet {
    pub(super) distance: EmbeddingDistance,
    pub(super) margin: f64,
}

impl EmbeddingLoss for Triplet {
    /// The mean over the rows, and over their negatives if there are several.
    fn of_batch(&self, texts: &[Tensor<2>], _labels: &[f64]) -> Tensor<1> {
        let near = self.distance.of_triplets(&texts[0], &texts[1]);
        let losses = texts[2..].iter().map(|negative| {
            let far = self.distance.of_triplets(&texts[0], negative);
            relu((near.clone() - far).add_scalar(self.margin))
        });
        Tensor::cat(losses.collect(), 0).mean()
    }

    fn check(&self, rows: &EmbeddingRows) -> Result<(), TrainError> {
        rows.check_kind(&[EmbeddingKind::Positives], &self.name())?;
        match rows.texts_per_row {
            2 => Err(TrainError::setting(
                "negatives of a row",
                0,
                "at least 1 for the triplet loss",
            )),
            _ => Ok(()),
        }
    }

    fn name(&self) -> String {
        "triplet".to_string()
    }
}
