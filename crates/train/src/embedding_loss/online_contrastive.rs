//! Online contrastive loss: the contrastive loss of the hard pairs of a batch alone, those of either
//! label that are farther, or nearer, than the best of the other.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use finetune_data::EmbeddingKind;
use finetune_ops::read_floats;

use super::{EmbeddingDistance, EmbeddingLoss, EmbeddingRows, on_device};
use crate::error::TrainError;

#[derive(Debug)]
pub(super) struct OnlineContrastive {
    pub(super) distance: EmbeddingDistance,
    pub(super) margin: f64,
}

impl EmbeddingLoss for OnlineContrastive {
    /// A sum, not a mean, as in sentence-transformers.
    fn of_batch(&self, texts: &[Tensor<2>], labels: &[f64]) -> Tensor<1> {
        let distances = self.distance.of_pairs(&texts[0], &texts[1]);
        let [together, apart] = hard_pairs(&read_floats(distances.clone()), labels);
        let weights = |pairs: Vec<bool>| {
            let weights = pairs.into_iter().map(|hard| f64::from(u8::from(hard)));
            on_device(weights, &texts[0])
        };
        let missing = relu(distances.clone().neg().add_scalar(self.margin));
        (weights(together) * distances.square() + weights(apart) * missing.square()).sum()
    }

    fn check(&self, rows: &EmbeddingRows) -> Result<(), TrainError> {
        rows.check_kind(&[EmbeddingKind::Labels], &self.name())
    }

    fn name(&self) -> String {
        "online_contrastive".to_string()
    }
}

/// Returns which pairs with label 1 are farther than the nearest with label 0, and which with label 0
/// are nearer than the farthest with label 1. Pairs of one label alone are compared with their mean.
fn hard_pairs(distances: &[f32], labels: &[f64]) -> [Vec<bool>; 2] {
    let of = |label: f64| {
        let pairs = distances.iter().zip(labels);
        let pairs = pairs.filter(move |(_, found)| **found == label);
        pairs.map(|(distance, _)| *distance)
    };
    let mean = |label| of(label).sum::<f32>() / of(label).count() as f32;
    let nearest = of(0.0).reduce(f32::min).unwrap_or_else(|| mean(1.0));
    let farthest = of(1.0).reduce(f32::max).unwrap_or_else(|| mean(0.0));
    let select = |label: f64, is_hard: &dyn Fn(f32) -> bool| {
        let pairs = distances.iter().zip(labels);
        pairs
            .map(|(distance, found)| *found == label && is_hard(*distance))
            .collect()
    };
    [
        select(1.0, &|distance| distance > nearest),
        select(0.0, &|distance| distance < farthest),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_pairs_are_on_the_wrong_side() {
        let hard = |distances: &[f32], labels: &[f64]| hard_pairs(distances, labels);
        let [together, apart] = hard(&[0.1, 0.6, 0.5, 0.9], &[1.0, 1.0, 0.0, 0.0]);
        assert_eq!(together, [false, true, false, false]);
        assert_eq!(apart, [false, false, true, false]);
        // Their mean is 0.2.
        let [together, apart] = hard(&[0.1, 0.3], &[1.0, 1.0]);
        assert_eq!((together, apart), (vec![false, true], vec![false, false]));
        let [together, apart] = hard(&[0.1, 0.3], &[0.0, 0.0]);
        assert_eq!((together, apart), (vec![false, false], vec![true, false]));
    }
}
