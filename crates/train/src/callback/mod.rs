//! Callbacks: what a program of its own does while a run goes on.
//!
//! After transformers'
//! [`TrainerCallback`](https://huggingface.co/docs/transformers/main_classes/callback): a
//! [`Callback`] is called at the points of the loop, sees the run ([`StepContext`],
//! [`TrainContext`]) and answers with a [`Control`]. Here it may keep state, too, which goes into
//! checkpoints: a resumed run ends as one that was never stopped.

mod combined;
mod context;
mod control;
mod event;
mod states;

use std::path::Path;

use finetune_eval::short_type_name;
use serde_json::Value;

use crate::error::TrainError;
use crate::evaluation::EvaluationRecord;

pub(crate) use context::StepNumbers;
pub use context::{StepContext, TrainContext};
pub use control::Control;
pub use event::{
    ActivationsRecord, EpochRecord, Event, GradientRecord, Phase, StepRecord, TaskLossRecord,
};
pub use states::CallbackStates;

/// A part of the program that a run calls while it goes on.
///
/// Every method has a default that does nothing; an error from any of them ends the run with that
/// error ([`TrainError::custom`] makes one of any error). All are called on the thread of the run,
/// in this order:
///
/// ```text
/// on_train_begin
/// for each step:  on_step_end
///                 on_evaluate       after an evaluation, if one is due or asked for
///                 on_epoch_end      if the step ends an epoch or the run
///                 on_save           after a checkpoint, if one is due or asked for
/// on_train_end
/// ```
///
/// Several callbacks are a tuple or a `Vec<Box<dyn Callback>>`, called in order; `()` does nothing.
///
/// ```
/// use finetune_train::{Callback, Control, StepContext, TrainError};
/// use serde_json::{Value, json};
///
/// /// Halves the learning rate whenever the loss has risen for three steps in a row.
/// #[derive(Default)]
/// struct HalveOnRise { last: Option<f32>, rises: u64 }
///
/// impl Callback for HalveOnRise {
///     fn on_step_end(&mut self, step: &StepContext<'_>) -> Result<Control, TrainError> {
///         let loss = step.loss();
///         let rises = self.last.is_some() && loss > self.last;
///         self.rises = if rises { self.rises + 1 } else { 0 };
///         self.last = loss;
///         if self.rises < 3 {
///             return Ok(Control::CONTINUE);
///         }
///         self.rises = 0;
///         Ok(Control::scale_learning_rate(0.5))
///     }
///
///     fn state(&self) -> Result<Option<Value>, TrainError> {
///         Ok(Some(json!([self.last, self.rises])))
///     }
///
///     fn load_state(&mut self, state: Value) -> Result<(), TrainError> {
///         (self.last, self.rises) = serde_json::from_value(state).map_err(TrainError::custom)?;
///         Ok(())
///     }
/// }
///
/// assert_eq!(HalveOnRise::default().name(), "HalveOnRise");
/// ```
pub trait Callback {
    /// Returns the name under which checkpoints keep the state (default: the name of the type,
    /// without its path).
    fn name(&self) -> String {
        short_type_name::<Self>().to_string()
    }

    /// The training begins, or goes on from a checkpoint.
    ///
    /// Where it goes on, [`Self::load_state`] was called before, and what is returned has no effect:
    /// it had its effect when the run began. [`Control::save`] has none in either case.
    ///
    /// # Errors
    /// Ends the run.
    fn on_train_begin(&mut self, _context: &TrainContext<'_>) -> Result<Control, TrainError> {
        Ok(Control::CONTINUE)
    }

    /// An optimizer step was done.
    ///
    /// # Errors
    /// Ends the run.
    fn on_step_end(&mut self, _step: &StepContext<'_>) -> Result<Control, TrainError> {
        Ok(Control::CONTINUE)
    }

    /// The model was evaluated. [`Control::evaluate`] has no effect here.
    ///
    /// # Errors
    /// Ends the run.
    fn on_evaluate(
        &mut self,
        _evaluation: &EvaluationRecord,
        _context: &TrainContext<'_>,
    ) -> Result<Control, TrainError> {
        Ok(Control::CONTINUE)
    }

    /// An epoch ended, perhaps cut short by the end of the run. [`Control::evaluate`] evaluates
    /// only if this step has not been followed by an evaluation.
    ///
    /// # Errors
    /// Ends the run.
    fn on_epoch_end(
        &mut self,
        _epoch: &EpochRecord,
        _context: &TrainContext<'_>,
    ) -> Result<Control, TrainError> {
        Ok(Control::CONTINUE)
    }

    /// A checkpoint was written into the directory `checkpoint`. It holds [`Self::state`] as it was
    /// before this call, so nothing that decides on later steps should change here.
    ///
    /// # Errors
    /// Ends the run.
    fn on_save(
        &mut self,
        _checkpoint: &Path,
        _context: &TrainContext<'_>,
    ) -> Result<(), TrainError> {
        Ok(())
    }

    /// The training ended; the model is that of the last step.
    ///
    /// # Errors
    /// Ends the run.
    fn on_train_end(&mut self, _context: &TrainContext<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// Every event of a run in order, evaluations, tests and frozen activations included: what
    /// progress bars and records need.
    ///
    /// # Errors
    /// Ends the run.
    fn on_event(&mut self, _event: &Event) -> Result<(), TrainError> {
        Ok(())
    }

    /// Returns the state to write into checkpoints (default: none). Without it a callback begins
    /// anew in a resumed run.
    ///
    /// # Errors
    /// Ends the run.
    fn state(&self) -> Result<Option<Value>, TrainError> {
        Ok(None)
    }

    /// Takes over the state from a checkpoint, before [`Self::on_train_begin`]. Not called for a
    /// callback that the checkpoint has no state of.
    ///
    /// # Errors
    /// Ends the run.
    fn load_state(&mut self, _state: Value) -> Result<(), TrainError> {
        Ok(())
    }

    /// Adds the state to those of the run; of a callback that consists of several, that of each.
    ///
    /// # Errors
    /// - [`TrainError::CallbackState`] for the second of a name.
    /// - Any error of [`Self::state`].
    fn collect_states(&self, states: &mut CallbackStates) -> Result<(), TrainError> {
        match self.state()? {
            Some(state) => states.insert(self.name(), state),
            None => Ok(()),
        }
    }

    /// Takes the state out of those of the run; for a callback that consists of several, that of
    /// each.
    ///
    /// # Errors
    /// Any error of [`Self::load_state`].
    fn restore_states(&mut self, states: &mut CallbackStates) -> Result<(), TrainError> {
        match states.remove(&self.name()) {
            Some(state) => self.load_state(state),
            None => Ok(()),
        }
    }
}
