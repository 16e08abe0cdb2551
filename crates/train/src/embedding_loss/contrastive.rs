//! Contrastive loss: texts that belong together are drawn together, others apart up to a margin
//! ([Hadsell et al. 2006](http://yann.lecun.com/exdb/publis/pdf/hadsell-chopra-lecun-06.pdf)).

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use finetune_data::EmbeddingKind;

use super::{EmbeddingDistance, EmbeddingLoss, EmbeddingRows, on_device};
use crate::error::TrainError;

#[derive(Debug)]
pub(super) struct Contrastive {
    pub(super) distance: EmbeddingDistance,
    pub(super) margin: f64,
}

impl EmbeddingLoss for Contrastive {
    fn of_batch(&self, texts: &[Tensor<2>], labels: &[f64]) -> Tensor<1> {
        let distances = self.distance.of_pairs(&texts[0], &texts[1]);
        let together = on_device(labels.iter().copied(), &texts[0]);
        let apart = on_device(labels.iter().map(|label| 1.0 - label), &texts[0]);
        let missing = relu(distances.clone().neg().add_scalar(self.margin));
        (together * distances.square() + apart * missing.square()).mean() * 0.5
    }

    fn check(&self, rows: &EmbeddingRows) -> Result<(), TrainError> {
        rows.check_kind(&[EmbeddingKind::Labels], &self.name())
    }

    fn name(&self) -> String {
        "contrastive".to_string()
    }
}
