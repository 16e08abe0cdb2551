//! Calls of callbacks, and handling of the [`Control`] they return.

use crate::callback::{Control, EpochRecord, StepContext};
use crate::error::TrainError;
use crate::evaluation::EvaluationRecord;
use crate::step_plan::PlannedStep;

use super::TrainingRun;

/// Actions that callbacks have requested in the current step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Requests {
    pub(super) evaluate: bool,
    pub(super) save: bool,
}

impl TrainingRun<'_> {
    pub(super) fn call_train_begin(&mut self) -> Result<(), TrainError> {
        let context = self.now.context(self.plan.total_steps);
        let control = self.callback.on_train_begin(&context)?;
        match self.last_checkpoint {
            // The checkpoint already includes the effects of this call.
            Some(_) => Ok(()),
            None => self.follow(control),
        }
    }

    pub(super) fn call_step_end(&mut self, step: &PlannedStep) -> Result<(), TrainError> {
        let train = self.now.context(self.plan.total_steps);
        let control = self.callback.on_step_end(&StepContext {
            step: step.step + 1,
            epoch: step.epoch + 1,
            total_steps: train.total_steps,
            learning_rate: self.learning_rate(step),
            train,
            numbers: self.numbers.as_ref(),
        })?;
        self.follow(control)
    }

    pub(super) fn call_evaluate(&mut self, record: &EvaluationRecord) -> Result<(), TrainError> {
        let context = self.now.context(self.plan.total_steps);
        let control = self.callback.on_evaluate(record, &context)?;
        self.follow(control)
    }

    pub(super) fn call_epoch_end(&mut self, record: &EpochRecord) -> Result<(), TrainError> {
        let context = self.now.context(self.plan.total_steps);
        let control = self.callback.on_epoch_end(record, &context)?;
        self.follow(control)
    }

    /// Applies a callback's requests, or stores them until the end of the step.
    fn follow(&mut self, control: Control) -> Result<(), TrainError> {
        let factor = control.check()?.learning_rate_factor;
        let state = &mut self.now.state;
        if factor != 1.0 {
            state.learning_rate_scale = Some(state.learning_rate_scale.unwrap_or(1.0) * factor);
        }
        state.ended |= control.stop;
        self.requests.evaluate |= control.evaluate;
        self.requests.save |= control.save;
        Ok(())
    }
}
