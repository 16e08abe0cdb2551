//! Cosine embedding loss of cosine similarities.

use burn::tensor::activation::relu;
use burn::tensor::{Tensor, TensorData};
use finetune_eval::Targets;

use super::Loss;
use super::labels::{classes, scores};
use crate::error::TrainError;

const NAME: &str = "cosine";

#[derive(Debug)]
pub(super) struct Cosine {
    pub(super) margin: f64,
}

/// Returns whether the texts of each row are labeled as similar.
fn alike(targets: &Targets) -> Result<Vec<bool>, TrainError> {
    if let Targets::Classes(_) = targets {
        let classes = classes(targets, 2, NAME)?;
        return Ok(classes.iter().map(|class| *class == 1).collect());
    }
    let fits = |score: f32| score.abs() == 1.0;
    let scores = scores(targets, fits, NAME, "class 0 or 1, or score -1 or 1")?;
    Ok(scores.iter().map(|score| *score > 0.0).collect())
}

impl Cosine {
    /// Returns the loss of each row divided by `divisor`.
    ///
    /// # Shapes
    /// - `cosines`, output: `[B, 1]`
    fn elements(
        &self,
        cosines: Tensor<2>,
        targets: &Targets,
        divisor: f64,
    ) -> Result<Tensor<2>, TrainError> {
        let (alike, device) = (alike(targets)?, cosines.device());
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
        Ok(apart * positive + together * negative)
    }
}

impl Loss for Cosine {
    fn per_row(&self, cosines: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        Ok(self.elements(cosines, targets, 1.0)?.squeeze_dim(1))
    }

    fn row_weights(&self, targets: &Targets) -> Result<Option<Vec<f64>>, TrainError> {
        alike(targets)?;
        Ok(None)
    }

    fn sum(
        &self,
        cosines: Tensor<2>,
        targets: &Targets,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        Ok(self.elements(cosines, targets, divisor)?.sum())
    }

    fn check(&self, targets: &Targets, outputs: usize) -> Result<(), TrainError> {
        super::check_outputs(outputs, 1..=1)?;
        alike(targets).map(drop)
    }
}
