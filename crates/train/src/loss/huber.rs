//! The Huber loss: half the squared distance up to `delta`, beyond it a straight line of the same
//! slope, so that a single wrong score cannot move a model far.

use burn::tensor::Tensor;

use super::pointwise::Pointwise;

#[derive(Debug)]
pub(super) struct Huber {
    pub(super) delta: f64,
}

/// `c (|d| - c / 2)` with `c = min(|d|, delta)` is both pieces at once.
impl Pointwise for Huber {
    const NAME: &str = "Huber";

    fn of(&self, distances: Tensor<1>) -> Tensor<1> {
        let lengths = distances.abs();
        let bounded = lengths.clone().clamp_max(self.delta);
        (lengths - bounded.clone().mul_scalar(0.5)) * bounded
    }

    fn of_one(&self, distance: f64) -> f64 {
        let length = distance.abs();
        let bounded = length.min(self.delta);
        bounded * (length - 0.5 * bounded)
    }
}
