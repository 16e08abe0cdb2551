//! Losses of one score a row that depend on its distance from the true one alone.

use std::fmt;

use burn::tensor::{Tensor, TensorData};
use finetune_data::Labels;

use super::Objective;
use super::labels::scores;
use crate::TrainError;

pub(super) trait Pointwise: fmt::Debug + Send + Sync {
    const NAME: &str;

    /// The loss of each distance, signed.
    fn of(&self, distances: Tensor<1>) -> Tensor<1>;

    /// The same of one distance.
    fn of_one(&self, distance: f64) -> f64;
}

fn finite_scores<'a>(labels: &'a Labels, name: &'static str) -> Result<&'a [f32], TrainError> {
    scores(labels, f32::is_finite, name, "a finite score")
}

impl<P: Pointwise> Objective for P {
    fn weight(&self, labels: &Labels) -> Result<f64, TrainError> {
        Ok(finite_scores(labels, P::NAME)?.len() as f64)
    }

    fn loss(
        &self,
        outputs: Tensor<2>,
        labels: &Labels,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        let scores = finite_scores(labels, P::NAME)?;
        let targets = TensorData::new(scores.to_vec(), [scores.len()]);
        let targets = Tensor::<1>::from_data(targets, &outputs.device());
        let losses = self.of(outputs.reshape([scores.len()]) - targets);
        Ok(losses.sum().div_scalar(divisor))
    }

    fn sum(&self, outputs: &[Vec<f32>], labels: &Labels) -> Result<f64, TrainError> {
        let pairs = outputs
            .iter()
            .flatten()
            .zip(finite_scores(labels, P::NAME)?);
        let losses =
            pairs.map(|(output, score)| self.of_one(f64::from(*output) - f64::from(*score)));
        Ok(losses.sum())
    }
}
