//! Training duration, and intervals at which something happens during a run.

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Maximum number of epochs of a run.
pub(crate) const MAX_EPOCHS: usize = 100_000;

/// Maximum number of optimizer steps of a run.
pub(crate) const MAX_STEPS: usize = 1_000_000_000;

/// Training duration; the learning rate schedule has the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainDuration {
    /// Number of epochs (passes over the training rows), 1 to 100,000.
    Epochs(usize),
    /// Number of optimizer steps, 1 to 1,000,000,000; it may end within an epoch or span several.
    Steps(usize),
}

/// Interval between evaluations, checkpoints and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// Every this many optimizer steps, and at the end of the run.
    Steps(usize),
    /// Every this many epochs, and at the end of the run.
    Epochs(usize),
}

/// Position of a run between two optimizer steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepBoundary {
    /// Completed optimizer steps.
    pub(crate) steps: usize,
    /// The current epoch, from 1.
    pub(crate) epochs: usize,
    /// Whether the last step ended an epoch.
    pub(crate) epoch_ended: bool,
    /// Whether the last step ended the run.
    pub(crate) run_ended: bool,
}

impl TrainDuration {
    /// Checks that the duration is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if it is not.
    pub(crate) fn validate(self) -> Result<(), TrainError> {
        let (setting, found, most) = match self {
            Self::Epochs(epochs) => ("epochs", epochs, MAX_EPOCHS),
            Self::Steps(steps) => ("steps", steps, MAX_STEPS),
        };
        match found {
            0 => Err(TrainError::setting(setting, 0, "at least 1")),
            _ if found > most => {
                let expected = format!("1 to {most}");
                Err(TrainError::setting(setting, found, expected))
            }
            _ => Ok(()),
        }
    }
}

impl Interval {
    /// Returns whether the interval ends at `moment`.
    pub(crate) fn is_due(self, moment: StepBoundary) -> bool {
        moment.run_ended
            || match self {
                Self::Steps(steps) => moment.steps.is_multiple_of(steps),
                Self::Epochs(epochs) => moment.epoch_ended && moment.epochs.is_multiple_of(epochs),
            }
    }

    /// Checks that the interval is at least 1.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the interval is 0.
    pub(crate) fn validate(self, setting: &'static str) -> Result<(), TrainError> {
        match self {
            Self::Steps(0) | Self::Epochs(0) => Err(TrainError::setting(setting, 0, "at least 1")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_run_is_always_due() {
        let moment = |steps, epochs, epoch_ended, run_ended| StepBoundary {
            steps,
            epochs,
            epoch_ended,
            run_ended,
        };
        for (every, moment, expected) in [
            (Interval::Steps(3), moment(3, 0, false, false), true),
            (Interval::Steps(3), moment(4, 1, true, false), false),
            (Interval::Steps(3), moment(4, 1, true, true), true),
            (Interval::Epochs(2), moment(8, 1, true, false), false),
            (Interval::Epochs(2), moment(16, 2, true, false), true),
            (Interval::Epochs(2), moment(17, 2, false, false), false),
            (Interval::Epochs(2), moment(17, 2, false, true), true),
        ] {
            assert_eq!(every.is_due(moment), expected, "{every:?} {moment:?}");
        }
    }
}
