//! How long a run is, and how often something happens in it.

use serde::{Deserialize, Serialize};

use crate::TrainError;

/// When a run, and its schedule, ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunLength {
    /// After so many passes over the training rows.
    Epochs(usize),
    /// After so many optimizer steps, in the middle of a pass or after several.
    Steps(usize),
}

/// How often something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// After each so many optimizer steps, and at the end of the run.
    Steps(usize),
    /// After each so many passes over the training rows, and at the end of the run.
    Epochs(usize),
}

/// A place between two optimizer steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Steps done.
    pub(crate) steps: usize,
    /// Passes done.
    pub(crate) epochs: usize,
    /// Whether the last step ended a pass.
    pub(crate) epoch_ended: bool,
    /// Whether it ended the run.
    pub(crate) run_ended: bool,
}

impl Every {
    /// Whether it happens now.
    pub(crate) fn is_due(self, moment: Moment) -> bool {
        moment.run_ended
            || match self {
                Self::Steps(steps) => moment.steps.is_multiple_of(steps),
                Self::Epochs(epochs) => moment.epoch_ended && moment.epochs.is_multiple_of(epochs),
            }
    }

    /// # Errors
    /// [`TrainError::InvalidSetting`] for never.
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
        let moment = |steps, epochs, epoch_ended, run_ended| Moment {
            steps,
            epochs,
            epoch_ended,
            run_ended,
        };
        for (every, moment, expected) in [
            (Every::Steps(3), moment(3, 0, false, false), true),
            (Every::Steps(3), moment(4, 1, true, false), false),
            (Every::Steps(3), moment(4, 1, true, true), true),
            (Every::Epochs(2), moment(8, 1, true, false), false),
            (Every::Epochs(2), moment(16, 2, true, false), true),
            (Every::Epochs(2), moment(17, 2, false, false), false),
            (Every::Epochs(2), moment(17, 2, false, true), true),
        ] {
            assert_eq!(every.is_due(moment), expected, "{every:?} {moment:?}");
        }
    }
}
