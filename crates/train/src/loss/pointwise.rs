//! Regression losses, functions of the error of one score per row: mean absolute error, mean
//! squared error and Huber loss.

use std::fmt;

use burn::tensor::{Tensor, TensorData};
use finetune_eval::Targets;

use super::Loss;
use super::labels::scores;
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
        let scores = finite_scores(targets, P::NAME)?;
        let targets = TensorData::new(scores.to_vec(), [scores.len()]);
        let targets = Tensor::<1>::from_data(targets, &outputs.device());
        Ok(self.of(outputs.reshape([scores.len()]) - targets))
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
