//! What is compared.

use serde::{Deserialize, Serialize};

use crate::EvalError;
use crate::statistics::SampleSummary;

/// One arm of a study: the scores of its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// What the arm is called in tables.
    pub name: String,
    /// One score a seed; for a paired design in the same order in all arms.
    pub scores: Vec<f64>,
}

impl Arm {
    /// An arm with the scores of its seeds.
    pub fn new(name: impl Into<String>, scores: impl Into<Vec<f64>>) -> Self {
        Self {
            name: name.into(),
            scores: scores.into(),
        }
    }

    /// Mean and spread of the scores, with the interval at `level`.
    ///
    /// # Errors
    ///
    /// Those of [`SampleSummary::of`], with the name of the arm.
    pub fn summary(&self, level: f64) -> Result<ArmSummary, EvalError> {
        Ok(ArmSummary {
            name: self.name.clone(),
            scores: SampleSummary::of_named(&self.name, &self.scores, level)?,
        })
    }
}

/// An arm's name with mean and spread of its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmSummary {
    /// The name.
    pub name: String,
    /// Mean and spread.
    pub scores: SampleSummary,
}
