//! Callbacks that pass every call on: tuples, lists, boxes, references.

use std::path::Path;

use serde_json::Value;

use super::{
    Callback, CallbackStates, Control, EpochRecord, Event, StepContext, StepRecord, TrainContext,
};
use crate::error::TrainError;
use crate::evaluation::EvaluationRecord;

/// Implements [`Callback`] for a type by calling each of its parts in order. `$parts` and
/// `$parts_mut` are the parts of `$this`, as values that can be iterated over; `$more` are further
/// methods.
macro_rules! pass_on {
    (
        [$($generics:tt)*] $group:ty,
        $this:ident => $parts:expr, $parts_mut:expr,
        { $($more:tt)* }
    ) => {
        impl<$($generics)*> Callback for $group {
            $($more)*

            fn on_train_begin(
                &mut self,
                context: &TrainContext<'_>,
            ) -> Result<Control, TrainError> {
                let (mut control, $this) = (Control::CONTINUE, self);
                for part in $parts_mut {
                    control = control.and(part.on_train_begin(context)?);
                }
                Ok(control)
            }

            fn on_step_end(&mut self, step: &StepContext<'_>) -> Result<Control, TrainError> {
                let (mut control, $this) = (Control::CONTINUE, self);
                for part in $parts_mut {
                    control = control.and(part.on_step_end(step)?);
                }
                Ok(control)
            }

            fn on_evaluate(
                &mut self,
                evaluation: &EvaluationRecord,
                context: &TrainContext<'_>,
            ) -> Result<Control, TrainError> {
                let (mut control, $this) = (Control::CONTINUE, self);
                for part in $parts_mut {
                    control = control.and(part.on_evaluate(evaluation, context)?);
                }
                Ok(control)
            }

            fn on_epoch_end(
                &mut self,
                epoch: &EpochRecord,
                context: &TrainContext<'_>,
            ) -> Result<Control, TrainError> {
                let (mut control, $this) = (Control::CONTINUE, self);
                for part in $parts_mut {
                    control = control.and(part.on_epoch_end(epoch, context)?);
                }
                Ok(control)
            }

            fn on_save(
                &mut self,
                checkpoint: &Path,
                context: &TrainContext<'_>,
            ) -> Result<(), TrainError> {
                let $this = self;
                for part in $parts_mut {
                    part.on_save(checkpoint, context)?;
                }
                Ok(())
            }

            fn on_train_end(&mut self, context: &TrainContext<'_>) -> Result<(), TrainError> {
                let $this = self;
                for part in $parts_mut {
                    part.on_train_end(context)?;
                }
                Ok(())
            }

            fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
                let $this = self;
                for part in $parts_mut {
                    part.on_event(event)?;
                }
                Ok(())
            }

            fn collect_states(&self, states: &mut CallbackStates) -> Result<(), TrainError> {
                let $this = self;
                for part in $parts {
                    part.collect_states(states)?;
                }
                Ok(())
            }

            fn restore_states(&mut self, states: &mut CallbackStates) -> Result<(), TrainError> {
                let $this = self;
                for part in $parts_mut {
                    part.restore_states(states)?;
                }
                Ok(())
            }
        }
    };
}

/// The same for a handle on one callback, which is that callback in every respect.
macro_rules! pass_on_to_one {
    ([$($generics:tt)*] $handle:ty) => {
        pass_on! {
            [$($generics)*] $handle,
            this => [&**this], [&mut **this],
            {
                fn name(&self) -> String {
                    (**self).name()
                }

                fn state(&self) -> Result<Option<Value>, TrainError> {
                    (**self).state()
                }

                fn load_state(&mut self, state: Value) -> Result<(), TrainError> {
                    (**self).load_state(state)
                }
            }
        }
    };
}

/// The same for a tuple.
macro_rules! pass_on_to_tuple {
    ($($part:ident $at:tt),*) => {
        pass_on! {
            [$($part: Callback),*] ($($part,)*),
            this => [$(&this.$at as &dyn Callback),*],
            [$(&mut this.$at as &mut dyn Callback),*],
            {}
        }
    };
}

pass_on_to_one!([C: Callback + ?Sized] &mut C);
pass_on_to_one!([C: Callback + ?Sized] Box<C>);
pass_on! { ['a] Vec<Box<dyn Callback + 'a>>, this => this.iter(), this.iter_mut(), {} }
pass_on! { [C: Callback] Option<C>, this => this.iter(), this.iter_mut(), {} }
pass_on_to_tuple!(A 0, B 1);
pass_on_to_tuple!(A 0, B 1, C 2);
pass_on_to_tuple!(A 0, B 1, C 2, D 3);

/// Does nothing.
impl Callback for () {}

/// Keeps every step, for tests and for plots.
impl Callback for Vec<StepRecord> {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Event::StepEnd(record) = event {
            self.push(*record);
        }
        Ok(())
    }
}
