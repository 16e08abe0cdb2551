//! Multiple negatives ranking: among all second and further texts of a batch, each first text is to
//! find its own ([Henderson et al. 2017](https://arxiv.org/abs/1705.00652); InfoNCE).

use burn::tensor::Tensor;
use finetune_data::EmbeddingKind;
use finetune_model::normalize;
use finetune_ops::cross_entropy;

use super::{EmbeddingLoss, EmbeddingRows};
use crate::error::TrainError;

#[derive(Debug)]
pub(super) struct MultipleNegativesRanking {
    pub(super) scale: f64,
    pub(super) symmetric: bool,
}

impl EmbeddingLoss for MultipleNegativesRanking {
    fn of_batch(&self, texts: &[Tensor<2>], _labels: &[f64]) -> Tensor<1> {
        let queries = normalize(texts[0].clone());
        let rows = queries.dims()[0];
        let own: Vec<usize> = (0..rows).collect();
        let find = |queries: Tensor<2>, documents: Tensor<2>| {
            let scores = queries.matmul(documents.transpose()) * self.scale;
            cross_entropy(scores, &own, rows as f64)
        };
        let documents = normalize(Tensor::cat(texts[1..].to_vec(), 0));
        let forward = find(queries.clone(), documents);
        match self.symmetric {
            true => (forward + find(normalize(texts[1].clone()), queries)) / 2.0,
            false => forward,
        }
    }

    fn check(&self, rows: &EmbeddingRows) -> Result<(), TrainError> {
        rows.check_kind(&[EmbeddingKind::Positives], &self.name())?;
        let has_negatives = rows.texts_per_row > 2 || rows.batch_size > 1;
        match has_negatives {
            true => Ok(()),
            false => Err(TrainError::setting(
                "batch_size",
                rows.batch_size,
                "at least 2 training rows, as the negatives of a pair are the others",
            )),
        }
    }

    fn name(&self) -> String {
        "multiple_negatives_ranking".to_string()
    }
}
