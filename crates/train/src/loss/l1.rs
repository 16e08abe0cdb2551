//! The absolute distance.

use burn::tensor::Tensor;

use super::pointwise::Pointwise;

#[derive(Debug)]
pub(super) struct L1;

impl Pointwise for L1 {
    const NAME: &str = "L1";

    fn of(&self, distances: Tensor<1>) -> Tensor<1> {
        distances.abs()
    }

    fn of_one(&self, distance: f64) -> f64 {
        distance.abs()
    }
}
