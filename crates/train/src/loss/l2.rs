//! The squared distance.

use burn::tensor::Tensor;

use super::pointwise::Pointwise;

#[derive(Debug)]
pub(super) struct L2;

impl Pointwise for L2 {
    const NAME: &str = "L2";

    fn of(&self, distances: Tensor<1>) -> Tensor<1> {
        distances.clone() * distances
    }

    fn of_one(&self, distance: f64) -> f64 {
        distance * distance
    }
}
