//! Groups of a study.

use serde::{Deserialize, Serialize};

use crate::EvalError;
use crate::statistics::SampleSummary;

/// Group of a study with the scores of its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreGroup {
    /// Name in tables.
    pub name: String,
    /// One score per seed; in a paired design in the same order in all groups.
    pub scores: Vec<f64>,
}

impl ScoreGroup {
    /// Creates a group.
    pub fn new(name: impl Into<String>, scores: impl Into<Vec<f64>>) -> Self {
        Self {
            name: name.into(),
            scores: scores.into(),
        }
    }

    /// Returns mean and spread of the scores, with a confidence interval at `level`.
    ///
    /// # Errors
    ///
    /// - The errors of [`SampleSummary::of`], with the name of the group.
    pub fn summary(&self, level: f64) -> Result<GroupSummary, EvalError> {
        Ok(GroupSummary {
            name: self.name.clone(),
            scores: SampleSummary::of_named(&self.name, &self.scores, level)?,
        })
    }
}

/// Name of a group with mean and spread of its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// Name.
    pub name: String,
    /// Mean and spread.
    pub scores: SampleSummary,
}
