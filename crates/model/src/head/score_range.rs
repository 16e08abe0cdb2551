//! The range of a score.

use burn::tensor::{Tensor, activation::sigmoid};
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// The lowest and the highest score, such as 0 and 5 for the similarity of two texts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRange {
    /// The score of what cannot be lower.
    pub low: f64,
    /// The score of what cannot be higher.
    pub high: f64,
}

impl ScoreRange {
    /// Whether it is a range, of a head with one output.
    pub(super) fn check(range: Option<Self>, outputs: usize) -> Result<(), ModelError> {
        let Some(Self { low, high }) = range else {
            return Ok(());
        };
        if !(low < high && low.is_finite() && high.is_finite()) {
            return Err(ModelError::InvalidConfig {
                field: "head.range",
                found: format!("{low} to {high}"),
                expected: "a low end below the high one".to_string(),
            });
        }
        check_one_output(outputs)
    }

    /// Any number to the range: 0 to its middle, steadily rising.
    pub(super) fn of_logit(self, logit: Tensor<2>) -> Tensor<2> {
        self.of_share(sigmoid(logit))
    }

    /// A cosine to the range: -1 to the low end, 1 to the high one.
    pub(super) fn of_cosine(self, cosine: Tensor<2>) -> Tensor<2> {
        self.of_share((cosine + 1.0) / 2.0)
    }

    fn of_share(self, share: Tensor<2>) -> Tensor<2> {
        share * (self.high - self.low) + self.low
    }
}

/// A score is one number a row.
pub(super) fn check_one_output(outputs: usize) -> Result<(), ModelError> {
    match outputs {
        1 => Ok(()),
        _ => Err(ModelError::InvalidConfig {
            field: "outputs of a score",
            found: outputs.to_string(),
            expected: "1".to_string(),
        }),
    }
}
