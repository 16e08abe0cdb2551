//! Summary of a training phase.

use serde::{Deserialize, Serialize};

use crate::callback::EpochRecord;
use crate::evaluation::EvaluationRecord;
use crate::objective::BatchCounts;

/// Summary of a training phase; for a resumed run, since its first step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Number of optimizer steps.
    pub steps: usize,
    /// Number of steps skipped because gradients overflowed in half precision.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overflowed_steps: usize,
    /// Training rows processed in all epochs.
    pub rows: usize,
    /// Wall time of the training loop in seconds, including evaluations.
    pub seconds: f64,
    /// Number of tokens processed.
    pub num_tokens: usize,
    /// One record per epoch; the last epoch may be incomplete.
    pub epochs: Vec<EpochRecord>,
    /// One record per evaluation.
    pub evaluations: Vec<EvaluationRecord>,
    /// Best evaluation.
    pub best: Option<EvaluationRecord>,
}

/// Returns whether the count is 0, which reports omit.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl TrainingSummary {
    pub(crate) fn count(&mut self, batch: BatchCounts) {
        self.rows += batch.rows;
        self.num_tokens += batch.num_tokens;
    }

    /// Returns the tokens processed per second of wall time.
    pub fn tokens_per_second(&self) -> f64 {
        self.num_tokens as f64 / self.seconds
    }

    /// Returns the training rows processed per second of wall time.
    pub fn samples_per_second(&self) -> f64 {
        self.rows as f64 / self.seconds
    }
}
