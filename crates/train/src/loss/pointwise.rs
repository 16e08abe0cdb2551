//! Regression losses, functions of the error of one score per row: mean absolute error, mean
//! squared error and Huber loss.

use std::fmt;

use burn::tensor::Tensor;
use finetune_eval::Targets;

use super::labels::scores;
use super::{DeviceLoss, Loss, device_loss};
use crate::error::TrainError;

/// Loss as a function of the error of a score.
trait Pointwise: fmt::Debug + Send + Sync {
    const NAME: &str;

    /// Returns the loss of each signed error.
    fn of(&self, distances: Tensor<1>) -> Tensor<1>;
}

impl<P: Pointwise> Loss for P {
    fn check(&self, targets: &Targets, outputs: usize) -> Result<(), TrainError> {
        super::check_outputs(outputs, 1..=1)?;
        finite_scores(targets, P::NAME).map(drop)
    }

    fn row_weights(&self, targets: &Targets) -> Result<Option<Vec<f64>>, TrainError> {
        finite_scores(targets, P::NAME)?;
        Ok(None)
    }

    fn per_row(&self, outputs: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        device_loss::per_row(&OnDevice(self), outputs, targets)
    }

    fn on_device(&self) -> Option<Box<dyn DeviceLoss + '_>> {
        Some(Box::new(OnDevice(self)))
    }
}

/// A pointwise loss with its scores on the device.
struct OnDevice<'a, P>(&'a P);

impl<P: Pointwise> DeviceLoss for OnDevice<'_, P> {
    fn values(&self, targets: &Targets, _divisor: f64) -> Result<Vec<f32>, TrainError> {
        Ok(finite_scores(targets, P::NAME)?.to_vec())
    }

    fn per_row(&self, outputs: Tensor<2>, scores: Tensor<1>) -> Tensor<1> {
        let rows = scores.dims()[0];
        self.0.of(outputs.reshape([rows]) - scores)
    }

    fn sum(&self, outputs: Tensor<2>, scores: Tensor<1>, divisor: f64) -> Tensor<1> {
        self.per_row(outputs, scores).sum().div_scalar(divisor)
    }
}

fn finite_scores<'a>(targets: &'a Targets, name: &'static str) -> Result<&'a [f32], TrainError> {
    scores(targets, f32::is_finite, name, "a finite score")
}

/// Absolute error.
#[derive(Debug)]
pub(super) struct AbsoluteError;

impl Pointwise for AbsoluteError {
    const NAME: &str = "L1";

    fn of(&self, distances: Tensor<1>) -> Tensor<1> {
        distances.abs()
    }
}

/// Squared error.
#[derive(Debug)]
pub(super) struct SquaredError;

impl Pointwise for SquaredError {
    const NAME: &str = "L2";

    fn of(&self, distances: Tensor<1>) -> Tensor<1> {
        distances.clone() * distances
    }
}

/// Half the squared error up to `delta`, linear above it.
#[derive(Debug)]
pub(super) struct Huber {
    pub(super) delta: f64,
}

/// `c (|d| - c / 2)` with `c = min(|d|, delta)` covers both cases.
impl Pointwise for Huber {
    const NAME: &str = "Huber";

    fn of(&self, distances: Tensor<1>) -> Tensor<1> {
        let lengths = distances.abs();
        let bounded = lengths.clone().clamp_max(self.delta);
        (lengths - bounded.clone().mul_scalar(0.5)) * bounded
    }
}
