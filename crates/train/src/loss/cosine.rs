//! The cosine embedding loss, on cosines.

use burn::tensor::activation::relu;
use burn::tensor::{Tensor, TensorData};
use finetune_data::Labels;

use super::Objective;
use super::labels::{classes, scores};
use crate::TrainError;

const NAME: &str = "cosine";

#[derive(Debug)]
pub(super) struct Cosine {
    pub(super) margin: f64,
}

/// Whether the texts of each row are to point the same way.
fn alike(labels: &Labels) -> Result<Vec<bool>, TrainError> {
    if let Labels::Classes(_) = labels {
        let classes = classes(labels, 2, NAME)?;
        return Ok(classes.iter().map(|class| *class == 1).collect());
    }
    let fits = |score: f32| score.abs() == 1.0;
    let scores = scores(labels, fits, NAME, "class 0 or 1, or score -1 or 1")?;
    Ok(scores.iter().map(|score| *score > 0.0).collect())
}

impl Objective for Cosine {
    fn weight(&self, labels: &Labels) -> Result<f64, TrainError> {
        Ok(alike(labels)?.len() as f64)
    }

    fn loss(
        &self,
        cosines: Tensor<2>,
        labels: &Labels,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        let (alike, device) = (alike(labels)?, cosines.device());
        let weights = |of: bool| {
            let weights = alike.iter().map(|alike| match *alike == of {
                true => (1.0 / divisor) as f32,
                false => 0.0,
            });
            let weights = TensorData::new(weights.collect::<Vec<_>>(), cosines.dims());
            Tensor::<2>::from_data(weights, &device)
        };
        let (positive, negative) = (weights(true), weights(false));
        let apart = (-cosines.clone()).add_scalar(1.0);
        let together = relu(cosines.sub_scalar(self.margin));
        Ok((apart * positive + together * negative).sum())
    }

    fn sum(&self, cosines: &[Vec<f32>], labels: &Labels) -> Result<f64, TrainError> {
        let pairs = cosines.iter().flatten().zip(alike(labels)?);
        let losses = pairs.map(|(cosine, alike)| match alike {
            true => 1.0 - f64::from(*cosine),
            false => (f64::from(*cosine) - self.margin).max(0.0),
        });
        Ok(losses.sum())
    }
}
