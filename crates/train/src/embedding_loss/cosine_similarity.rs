//! Cosine similarity: the mean squared difference of cosine and score.

use burn::tensor::Tensor;
use finetune_data::EmbeddingKind;

use super::distance::cosines;
use super::{EmbeddingLoss, EmbeddingRows, on_device};
use crate::error::TrainError;

#[derive(Debug)]
pub(super) struct CosineSimilarity;

impl EmbeddingLoss for CosineSimilarity {
    fn of_batch(&self, texts: &[Tensor<2>], labels: &[f64]) -> Tensor<1> {
        let scores = on_device(labels.iter().copied(), &texts[0]);
        (cosines(&texts[0], &texts[1]) - scores).square().mean()
    }

    fn check(&self, rows: &EmbeddingRows) -> Result<(), TrainError> {
        rows.check_kind(
            &[EmbeddingKind::Scores, EmbeddingKind::Labels],
            &self.name(),
        )
    }

    fn name(&self) -> String {
        "cosine_similarity".to_string()
    }
}
