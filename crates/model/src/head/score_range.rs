//! Range of a regression score.

use burn::tensor::{Tensor, activation::sigmoid};
use serde::{Deserialize, Serialize};

use crate::error::ModelError;

/// Minimum and maximum score, such as 0 and 5 for the similarity of two texts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRange {
    /// Minimum score.
    pub min: f64,
    /// Maximum score.
    pub max: f64,
}

impl ScoreRange {
    /// Checks that a range is finite and not empty, and that its head has one output.
    pub(super) fn check(range: Option<Self>, outputs: usize) -> Result<(), ModelError> {
        let Some(range) = range else {
            return Ok(());
        };
        range.check_bounds()?;
        check_one_output(outputs)
    }

    /// Checks that the range is finite and not empty.
    pub(super) fn check_bounds(self) -> Result<(), ModelError> {
        let Self { min, max } = self;
        let valid = min < max && min.is_finite() && max.is_finite();
        let (found, expected) = (format!("{min} to {max}"), "min below max, both finite");
        ModelError::check(valid, "head.range", found, expected)
    }

    /// Maps any number to the range by a sigmoid: 0 to the middle of the range.
    pub(super) fn of_logit(self, logit: Tensor<2>) -> Tensor<2> {
        self.of_fraction(sigmoid(logit))
    }

    /// Maps a cosine to the range linearly: -1 to the minimum, 1 to the maximum.
    pub(super) fn of_cosine(self, cosine: Tensor<2>) -> Tensor<2> {
        self.of_fraction((cosine + 1.0) / 2.0)
    }

    fn of_fraction(self, fraction: Tensor<2>) -> Tensor<2> {
        fraction * (self.max - self.min) + self.min
    }
}

/// Checks that a head for scores has one output.
pub(super) fn check_one_output(outputs: usize) -> Result<(), ModelError> {
    ModelError::check(outputs == 1, "outputs of a score", outputs, 1)
}
