//! Gradual unfreezing ([Howard & Ruder 2018](https://arxiv.org/abs/1801.06146), section 3.3): the
//! last layer is unfrozen first, then one more layer per interval, the embeddings last.

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Interval after which the next stage, from the top, is unfrozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradualUnfreezing {
    /// Number of epochs, at least 1 (1 in the paper).
    Epochs(usize),
    /// Number of optimizer steps, at least 1.
    Steps(usize),
}

impl GradualUnfreezing {
    pub(super) fn validate(self) -> Result<(), TrainError> {
        match self {
            Self::Epochs(0) | Self::Steps(0) => {
                Err(TrainError::setting("freeze.unfreeze", 0, "at least 1"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of unfrozen stages; epochs and steps count from 0.
    pub(super) fn stages(self, epoch: usize, step: usize) -> usize {
        let (passed, interval) = match self {
            Self::Epochs(interval) => (epoch, interval),
            Self::Steps(interval) => (step, interval),
        };
        passed / interval.max(1)
    }
}
