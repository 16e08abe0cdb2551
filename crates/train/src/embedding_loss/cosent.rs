//! CoSENT: of two pairs of texts, the one with the higher score is to have the higher cosine
//! ([Su 2022](https://kexue.fm/archives/8847)).

use burn::tensor::Tensor;
use finetune_data::EmbeddingKind;
use finetune_ops::{cross_entropy, upload_floats};

use super::distance::cosines;
use super::{EmbeddingLoss, EmbeddingRows};
use crate::error::TrainError;

/// Logit of two pairs that are not compared.
const NOT_COMPARED: f32 = -1e12;

#[derive(Debug)]
pub(super) struct CoSent {
    pub(super) scale: f64,
}

impl EmbeddingLoss for CoSent {
    /// `ln(1 + Σ exp(scale * (lower - higher)))` over all pairs of pairs whose scores differ: the
    /// cross entropy of a logit 0 among those differences.
    fn of_batch(&self, texts: &[Tensor<2>], labels: &[f64]) -> Tensor<1> {
        let rows = labels.len();
        let cosines = cosines(&texts[0], &texts[1]) * self.scale;
        let device = cosines.device();
        let compared = labels.iter().flat_map(|lower| {
            labels.iter().map(move |higher| match lower < higher {
                true => 0.0,
                false => NOT_COMPARED,
            })
        });
        let compared: Tensor<2> = upload_floats(compared.collect(), [rows, rows], &device);
        let lower = cosines.clone().reshape([rows, 1]);
        let higher = cosines.reshape([1, rows]);
        let differences = (lower - higher + compared).reshape([1, rows * rows]);
        let zero = Tensor::zeros([1, 1], &device);
        cross_entropy(Tensor::cat(vec![zero, differences], 1), &[0], 1.0)
    }

    fn check(&self, rows: &EmbeddingRows) -> Result<(), TrainError> {
        rows.check_kind(
            &[EmbeddingKind::Scores, EmbeddingKind::Labels],
            &self.name(),
        )?;
        match rows.batch_size {
            1 => Err(TrainError::setting(
                "batch_size",
                1,
                "at least 2 training rows, as the loss compares them",
            )),
            _ => Ok(()),
        }
    }

    fn name(&self) -> String {
        "cosent".to_string()
    }
}
