//! What a training phase did.

use serde::{Deserialize, Serialize};

use crate::callback::EpochRecord;
use crate::evaluation::EvaluationRecord;
use crate::objective::BatchCounts;

/// What a training phase did. Of a resumed run: from its beginning.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Optimizer steps.
    pub steps: usize,
    /// Of these, those whose gradients overflowed in half precision, which moved nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overflowed_steps: usize,
    /// Rows that went through the network, over all epochs.
    pub rows: usize,
    /// Wall time of the loop, evaluations included.
    pub seconds: f64,
    /// Token slots computed, padding included.
    pub slots: usize,
    /// Of these, padding.
    pub padded_slots: usize,
    /// One record per epoch, the last perhaps cut short.
    pub epochs: Vec<EpochRecord>,
    /// One record per evaluation.
    pub evaluations: Vec<EvaluationRecord>,
    /// The best of them.
    pub best: Option<EvaluationRecord>,
}

/// Whether a report need not mention it.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl TrainingSummary {
    pub(crate) fn count(&mut self, batch: BatchCounts) {
        self.rows += batch.rows;
        self.slots += batch.slots;
        self.padded_slots += batch.padded_slots;
    }

    /// Share of the computed token slots that was padding, in `[0, 1)`.
    pub fn padded_share(&self) -> f64 {
        self.padded_slots as f64 / self.slots.max(1) as f64
    }

    /// Training rows per second of wall time.
    pub fn examples_per_second(&self) -> f64 {
        self.rows as f64 / self.seconds
    }
}
