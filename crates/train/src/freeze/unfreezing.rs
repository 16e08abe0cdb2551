//! Gradual unfreezing ([Howard & Ruder 2018](https://arxiv.org/abs/1801.06146), section 3.3): the
//! last layer trains first, then one more from time to time, the embeddings at the end.

use serde::{Deserialize, Serialize};

use crate::TrainError;

/// How long until the next stage of the frozen part, from the top, trains too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradualUnfreezing {
    /// So many epochs, at least 1. The paper has 1.
    Epochs(usize),
    /// So many optimizer steps, at least 1.
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

    /// How many stages have thawed; epochs and steps count from 0.
    pub(super) fn stages(self, epoch: usize, step: usize) -> usize {
        let (passed, interval) = match self {
            Self::Epochs(interval) => (epoch, interval),
            Self::Steps(interval) => (step, interval),
        };
        passed / interval.max(1)
    }
}
