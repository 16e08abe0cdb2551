//! Start of a training loop, anew or from a checkpoint, and its end.

use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use finetune_model::AnyModule;

use crate::callback::{Callback, CallbackStates, Event, Phase};
use crate::checkpoint_state::{Checkpoint, TrainState};
use crate::error::TrainError;
use crate::freezing::Freezing;
use crate::loss_scale::LossScale;
use crate::step_losses::StepLosses;
use crate::step_plan::{Plan, PlannedStep};
use crate::trainer::{AnyTrainer, Trained};

use super::TrainingRun;
use super::callbacks::Requests;

impl<'a> TrainingRun<'a> {
    /// Creates the run at its start, or at its newest checkpoint.
    pub(super) fn begin(
        trainer: &'a AnyTrainer<'a>,
        plan: &'a Plan,
        model: AnyModule,
        callback: &'a mut dyn Callback,
    ) -> Result<Self, TrainError> {
        let config = trainer.config;
        // Finds duplicate names before the first step.
        callback.collect_states(&mut CallbackStates::default())?;
        let latest = match trainer.checkpoints {
            Some(directory) => {
                // A run killed between writing a checkpoint and removing an old one leaves one too
                // many.
                directory.remove_old(config.checkpoints.save_total_limit)?;
                directory.latest()?.map(|(_, path)| path)
            }
            None => None,
        };
        let mut now = match &latest {
            Some(path) => Checkpoint::read(path, model, &config.optimizer)?,
            None => Checkpoint {
                optimizer: config.optimizer.init(&model),
                state: TrainState {
                    loss_scale: LossScale::new(config.precision),
                    ..Default::default()
                },
                model,
                best: None,
                callbacks: CallbackStates::default(),
            },
        };
        if let Some(path) = &latest {
            let mut states = std::mem::take(&mut now.callbacks);
            callback.restore_states(&mut states)?;
            states.check_taken(path)?;
        }
        Ok(Self {
            trainer,
            plan,
            callback,
            freezing: Freezing::new(&config.freeze, &now.model)?,
            now,
            losses: StepLosses::default(),
            numbers: None,
            requests: Requests::default(),
            clock: Instant::now(),
            last_checkpoint: latest,
        })
    }

    pub(super) fn steps_done(&self) -> usize {
        self.now.state.summary.steps
    }

    /// Returns the newest checkpoint.
    pub(super) fn last_checkpoint(&self) -> Option<PathBuf> {
        self.last_checkpoint.clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.now.state.ended
    }

    /// Calls callbacks before the first step, and evaluates if requested.
    pub(super) fn begin_training(&mut self) -> Result<(), TrainError> {
        self.callback.on_event(&Event::PhaseBegin {
            phase: Phase::Training,
            length: self.plan.total_steps,
            done: self.steps_done(),
        })?;
        self.call_train_begin()?;
        self.evaluate_at_start()
    }

    /// Ends the run and returns the trained model with a summary.
    pub(super) fn end(self) -> Result<Trained<AnyModule>, TrainError> {
        let context = self.now.context(self.plan.total_steps);
        self.callback.on_train_end(&context)?;
        self.callback.on_event(&Event::PhaseEnd(Phase::Training))?;
        let Checkpoint {
            state, model, best, ..
        } = self.now;
        self.freezing.check_frozen(&model)?;
        let TrainState {
            mut summary,
            standing,
            ..
        } = state;
        summary.best = standing.best;
        Ok(Trained {
            model: best.unwrap_or(model),
            summary,
        })
    }

    /// Returns the learning rate of a step, without the factors of parameter groups.
    pub(super) fn learning_rate(&self, step: &PlannedStep) -> f64 {
        self.trainer.config.optimizer.learning_rate * self.learning_rate_factor(step)
    }

    /// Returns the learning rate factor of a step, from the schedule and callbacks.
    pub(super) fn learning_rate_factor(&self, step: &PlannedStep) -> f64 {
        let schedule = &self.trainer.config.lr_scheduler;
        let factor = schedule.factor(step.step as usize, self.plan.total_steps);
        factor * self.now.state.learning_rate_scale.unwrap_or(1.0)
    }

    pub(super) fn read_losses(&mut self) -> Result<(), TrainError> {
        let (epoch_loss, checkpoint) = (&mut self.now.state.epoch_loss, &self.last_checkpoint);
        self.losses
            .read(epoch_loss, checkpoint.as_deref(), self.callback)
    }

    /// Adds the elapsed time to the state.
    pub(super) fn take_time(&mut self) {
        let started = std::mem::replace(&mut self.clock, Instant::now());
        let seconds = (self.clock - started).as_secs_f64();
        self.now.state.epoch_seconds += seconds;
        self.now.state.summary.seconds += seconds;
    }
}

/// Formats the names of devices for a message.
pub(super) fn device_names(devices: &[Device]) -> String {
    let devices = devices.iter().cloned();
    let names = devices.map(|device| format!("{:?}", device.without_autodiff()));
    names.collect::<Vec<_>>().join(", ")
}
