//! Cosine embedding loss of cosine similarities.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use finetune_eval::Targets;

use super::device_loss::halves;
use super::labels::{classes, scores};
use super::{DeviceLoss, Loss, device_loss};
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
    /// Returns the loss of each row divided by the divisor of the weights.
    ///
    /// # Shapes
    /// - `cosines`, output: `[B, 1]`
    /// - `weights`: `[2 B]`
    fn elements(&self, cosines: Tensor<2>, weights: Tensor<1>) -> Tensor<2> {
        let shape = cosines.dims();
        let [positive, negative] = halves(weights).map(|weights| weights.reshape(shape));
        let apart = (-cosines.clone()).add_scalar(1.0);
        let together = relu(cosines.sub_scalar(self.margin));
        apart * positive + together * negative
    }
}

/// The numbers are the weights of the rows as similar ones, then as others, `[2 B]`.
impl DeviceLoss for Cosine {
    fn values(&self, targets: &Targets, divisor: f64) -> Result<Vec<f32>, TrainError> {
        let alike = alike(targets)?;
        let weights = |of: bool| {
            let weight = (1.0 / divisor) as f32;
            alike.iter().map(move |alike| match *alike == of {
                true => weight,
                false => 0.0,
            })
        };
        Ok(weights(true).chain(weights(false)).collect())
    }

    fn per_row(&self, cosines: Tensor<2>, weights: Tensor<1>) -> Tensor<1> {
        self.elements(cosines, weights).squeeze_dim(1)
    }

    fn sum(&self, cosines: Tensor<2>, weights: Tensor<1>, _divisor: f64) -> Tensor<1> {
        self.elements(cosines, weights).sum()
    }
}

impl Loss for Cosine {
    fn per_row(&self, cosines: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        device_loss::per_row(self, cosines, targets)
    }

    fn row_weights(&self, targets: &Targets) -> Result<Option<Vec<f64>>, TrainError> {
        alike(targets)?;
        Ok(None)
    }

    fn on_device(&self) -> Option<Box<dyn DeviceLoss + '_>> {
        Some(Box::new(self))
    }

    fn check(&self, targets: &Targets, outputs: usize) -> Result<(), TrainError> {
        super::check_outputs(outputs, 1..=1)?;
        alike(targets).map(drop)
    }
}
