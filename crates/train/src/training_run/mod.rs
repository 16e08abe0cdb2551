//! State of a running training loop: one optimizer step, and what follows it.

mod callbacks;
mod evaluating;
mod gradients;
mod saving;

use std::path::PathBuf;
use std::time::Instant;

use crate::callback::{Callback, CallbackStates, EpochRecord, Event, Phase, StepNumbers};
use crate::checkpoint_state::{Checkpoint, TrainState};
use crate::error::TrainError;
use crate::freezing::Freezing;
use crate::loss_scale::LossScale;
use crate::objective::Objective;
use crate::run_length::StepBoundary;
use crate::step_losses::{StepLosses, UnreadStep};
use crate::step_plan::{Plan, PlannedStep};
use crate::trainer::{Trained, Trainer};

use callbacks::Requests;

/// State of a running training loop.
pub(crate) struct TrainingRun<'a, O: Objective> {
    trainer: &'a Trainer<'a, O>,
    plan: &'a Plan,
    callback: &'a mut dyn Callback,
    now: Checkpoint<O::Model>,
    losses: StepLosses,
    /// Loss and gradient norm of the current step; `None` if it is skipped.
    numbers: Option<StepNumbers>,
    requests: Requests,
    freezing: Freezing<'a>,
    /// When time was last added to the state.
    clock: Instant,
    last_checkpoint: Option<PathBuf>,
}

impl<'a, O: Objective> TrainingRun<'a, O> {
    /// Creates the run at its start, or at its newest checkpoint.
    pub(crate) fn begin(
        trainer: &'a Trainer<'a, O>,
        plan: &'a Plan,
        model: O::Model,
        callback: &'a mut dyn Callback,
    ) -> Result<Self, TrainError> {
        let config = trainer.config;
        // Finds duplicate names before the first step.
        callback.collect_states(&mut CallbackStates::default())?;
        let latest = match trainer.checkpoints {
            Some(folder) => {
                // A run killed between writing a checkpoint and removing an old one leaves one too
                // many.
                folder.remove_old(config.checkpoints.save_total_limit)?;
                folder.latest()?.map(|(_, path)| path)
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

    pub(crate) fn steps_done(&self) -> usize {
        self.now.state.summary.steps
    }

    /// Returns the newest checkpoint.
    pub(crate) fn last_checkpoint(&self) -> Option<PathBuf> {
        self.last_checkpoint.clone()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.now.state.ended
    }

    /// Calls callbacks before the first step, and evaluates if requested.
    pub(crate) fn begin_training(&mut self) -> Result<(), TrainError> {
        self.callback.on_event(&Event::PhaseBegin {
            phase: Phase::Training,
            length: self.plan.total_steps,
            done: self.steps_done(),
        })?;
        self.call_train_begin()?;
        self.evaluate_at_start()
    }

    /// Performs one optimizer step: batches, losses, gradients, optimizer.
    pub(crate) fn step(mut self, step: &PlannedStep) -> Result<Self, TrainError> {
        self.numbers = None;
        self.now.model = self.freezing.before_step(self.now.model, step);
        self.gradient_logging_steps(step)?;
        let parts = self.trained_parts(step);
        if parts.is_empty() {
            return self.pass_over(0);
        }
        let outcome = self.outcome(step, &parts)?;
        self.check_gradients(&outcome)?;
        let rows = parts.iter().map(|part| part.rows.len()).sum();
        if self.overflows(&outcome) {
            self.now.state.summary.overflowed_steps += 1;
            return self.pass_over(rows);
        }
        let factor = self.learning_rate_factor(step);
        let (model, norm) = self
            .now
            .optimizer
            .step(self.now.model, outcome.gradients, factor);
        self.now.model = model;
        self.numbers = Some(StepNumbers::new(outcome.loss.clone(), norm.clone()));
        self.losses.push(UnreadStep {
            step: step.step + 1,
            epoch: step.epoch + 1,
            examples: self.examples(&parts)?,
            weight: outcome.weight,
            learning_rate: self.learning_rate(step),
            loss: outcome.loss,
            norm,
            tasks: outcome.losses,
        });
        self.now.state.summary.steps += 1;
        self.callback.on_event(&Event::BatchSubmitted { rows })?;
        Ok(self)
    }

    /// Skips the update of a step, for example if all of its tasks have stopped; the schedule
    /// advances.
    fn pass_over(mut self, rows: usize) -> Result<Self, TrainError> {
        self.now.state.summary.steps += 1;
        self.callback.on_event(&Event::BatchSubmitted { rows })?;
        Ok(self)
    }

    /// Performs what is due or requested after a step: evaluation with early stopping, the end of
    /// an epoch, the checkpoint.
    pub(crate) fn after_step(
        &mut self,
        step: &PlannedStep,
        moment: StepBoundary,
    ) -> Result<(), TrainError> {
        self.now.state.ended = moment.run_ended;
        self.call_step_end(step)?;
        if self.losses.is_full() || moment.epoch_ended {
            self.read_losses()?;
        }
        let evaluated = self.evaluate_if_due(self.at(moment))?;
        if moment.epoch_ended || self.has_ended() {
            self.end_epoch(moment)?;
            if !evaluated {
                self.evaluate_if_due(self.at(moment))?;
            }
        }
        self.save_if_due(self.at(moment))?;
        self.requests = Requests::default();
        Ok(())
    }

    /// Returns the moment, marked as the end of the run if the run has been stopped since.
    fn at(&self, moment: StepBoundary) -> StepBoundary {
        StepBoundary {
            run_ended: self.has_ended(),
            ..moment
        }
    }

    fn end_epoch(&mut self, moment: StepBoundary) -> Result<(), TrainError> {
        self.read_losses()?;
        self.take_time();
        let record = EpochRecord {
            step: moment.steps as u64,
            epoch: moment.epochs as u64,
            loss: std::mem::take(&mut self.now.state.epoch_loss).mean(),
            seconds: std::mem::take(&mut self.now.state.epoch_seconds),
        };
        self.callback.on_event(&Event::EpochEnd(record))?;
        self.now.state.summary.epochs.push(record);
        self.call_epoch_end(&record)
    }

    /// Ends the run and returns the trained model with a summary.
    pub(crate) fn end(self) -> Result<Trained<O::Model>, TrainError> {
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
    fn learning_rate(&self, step: &PlannedStep) -> f64 {
        self.trainer.config.optimizer.learning_rate * self.learning_rate_factor(step)
    }

    /// Returns the learning rate factor of a step, from the schedule and callbacks.
    fn learning_rate_factor(&self, step: &PlannedStep) -> f64 {
        let schedule = &self.trainer.config.lr_scheduler;
        let factor = schedule.factor(step.step as usize, self.plan.total_steps);
        factor * self.now.state.learning_rate_scale.unwrap_or(1.0)
    }

    fn read_losses(&mut self) -> Result<(), TrainError> {
        let (epoch_loss, checkpoint) = (&mut self.now.state.epoch_loss, &self.last_checkpoint);
        self.losses
            .read(epoch_loss, checkpoint.as_deref(), self.callback)
    }

    /// Adds the elapsed time to the state.
    fn take_time(&mut self) {
        let started = std::mem::replace(&mut self.clock, Instant::now());
        let seconds = (self.clock - started).as_secs_f64();
        self.now.state.epoch_seconds += seconds;
        self.now.state.summary.seconds += seconds;
    }
}
