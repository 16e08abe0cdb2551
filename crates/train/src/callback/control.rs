//! What a callback asks of the loop.

use crate::error::TrainError;

/// What a callback asks of the loop when it returns.
///
/// ```
/// use finetune_train::Control;
///
/// let control = Control::evaluate().and(Control::scale_learning_rate(0.5));
/// assert_ne!(control, Control::CONTINUE);
/// assert_eq!(Control::CONTINUE.and(Control::stop()), Control::stop());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct Control {
    pub(crate) stop: bool,
    pub(crate) evaluate: bool,
    pub(crate) save: bool,
    pub(crate) learning_rate_factor: f64,
}

impl Control {
    /// Nothing: the run goes on as it would.
    pub const CONTINUE: Self = Self {
        stop: false,
        evaluate: false,
        save: false,
        learning_rate_factor: 1.0,
    };

    /// Asks to end the training after the step under way, as early stopping does: with the
    /// evaluation and the checkpoint that are due at the end of a run.
    pub const fn stop() -> Self {
        Self {
            stop: true,
            ..Self::CONTINUE
        }
    }

    /// Asks for an evaluation after the step under way. It counts as one that the settings ask for:
    /// for the best model and for early stopping. Without validation rows the run ends with
    /// [`TrainError::NoValidationRows`].
    pub const fn evaluate() -> Self {
        Self {
            evaluate: true,
            ..Self::CONTINUE
        }
    }

    /// Asks for a checkpoint after the step under way. Ignored by a run without a directory for
    /// checkpoints.
    pub const fn save() -> Self {
        Self {
            save: true,
            ..Self::CONTINUE
        }
    }

    /// Multiplies the learning rates of all following steps by `factor` (finite, at least 0), on
    /// top of the schedule and of earlier factors. Otherwise the run ends with
    /// [`TrainError::InvalidSetting`].
    pub const fn scale_learning_rate(factor: f64) -> Self {
        Self {
            learning_rate_factor: factor,
            ..Self::CONTINUE
        }
    }

    /// Returns what both ask for; the factors of the learning rate are multiplied.
    pub fn and(self, other: Self) -> Self {
        Self {
            stop: self.stop || other.stop,
            evaluate: self.evaluate || other.evaluate,
            save: self.save || other.save,
            learning_rate_factor: self.learning_rate_factor * other.learning_rate_factor,
        }
    }

    /// # Errors
    /// [`TrainError::InvalidSetting`] for a factor of the learning rate that is negative or not
    /// finite.
    pub(crate) fn check(self) -> Result<Self, TrainError> {
        let factor = self.learning_rate_factor;
        match factor >= 0.0 && factor.is_finite() {
            true => Ok(self),
            false => Err(TrainError::setting(
                "the learning-rate factor of a callback",
                factor,
                "a finite number, at least 0",
            )),
        }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::CONTINUE
    }
}
