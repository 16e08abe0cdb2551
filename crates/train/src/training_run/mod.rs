//! The training loop: all steps of a run, one optimizer step, and what follows it.

mod callbacks;
mod evaluating;
mod gradients;
mod saving;
mod start_and_end;

use std::path::PathBuf;
use std::time::Instant;

use burn::module::Module;
use finetune_model::AnyModule;

use crate::any_objective::{into_model, model_of};
use crate::callback::{Callback, EpochRecord, Event, StepNumbers};
use crate::checkpoint_state::Checkpoint;
use crate::device_failure;
use crate::error::TrainError;
use crate::freezing::Freezing;
use crate::objective::Objective;
use crate::optimizer::global_norm;
use crate::run_length::StepBoundary;
use crate::step_losses::{StepLosses, UnreadStep};
use crate::step_plan::{Plan, PlannedStep};
use crate::trainer::{AnyTrainer, SaveSnapshot, Trained, Trainer};

use callbacks::Requests;
use start_and_end::device_names;

impl<O: Objective> Trainer<'_, O> {
    /// Trains `model`, which must be on a device with autodiff, in the configured precision.
    ///
    /// # Errors
    /// - [`TrainError::Precision`] if the model's device does not support the precision.
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, or does not fit the data or
    ///   the model.
    /// - [`TrainError::Diverged`] if a loss or a gradient norm is NaN or infinite.
    /// - [`TrainError::OutOfMemory`] if a GPU runs out of memory in a step or an evaluation, and
    ///   [`TrainError::DeviceLost`] if it stops answering.
    /// - [`TrainError::CallbackState`] if two callbacks with state have the same name, or the
    ///   checkpoint has the state of one that the run lacks.
    /// - [`TrainError::NoValidationRows`] if a callback requests an evaluation without validation
    ///   rows.
    /// - Any error of the objective or `callback`.
    pub fn train(
        &self,
        model: O::Model,
        callback: &mut dyn Callback,
    ) -> Result<Trained<O::Model>, TrainError> {
        let plan = self.plan(&model)?;
        let (objective, config) = (self.objective, self.config);
        let model = objective.in_precision(model, config.precision);
        let model = objective.with_gradient_checkpointing(model, config.gradient_checkpointing);
        let save = self.save_snapshot;
        let save = save.map(|save| move |model: &AnyModule, steps| save(model_of(model), steps));
        let trainer = AnyTrainer {
            objective,
            config,
            checkpoints: self.checkpoints,
            save_snapshot: save
                .as_ref()
                .map(|save| save as SaveSnapshot<'_, AnyModule>),
        };
        let trained = trainer.train(&plan, AnyModule::new(model), callback)?;
        Ok(Trained {
            model: into_model(trained.model),
            summary: trained.summary,
        })
    }
}

impl AnyTrainer<'_> {
    fn train(
        &self,
        plan: &Plan,
        model: AnyModule,
        callback: &mut dyn Callback,
    ) -> Result<Trained<AnyModule>, TrainError> {
        let devices = model.devices();
        let mut run = TrainingRun::begin(self, plan, model, callback)?;
        run.begin_training()?;
        let mut steps = plan.steps_after(run.steps_done())?.peekable();
        while !run.has_ended()
            && let Some(step) = steps.next()
        {
            let moment = step.moment(steps.peek());
            let checkpoint = run.last_checkpoint();
            let stepped = device_failure::or_failure(|| {
                let mut run = run.step(&step)?;
                run.after_step(&step, moment)?;
                Ok(run)
            });
            run = stepped.unwrap_or_else(|failure| {
                let steps = moment.steps - 1;
                Err(failure.error(device_names(&devices), steps, checkpoint))
            })?;
        }
        run.end()
    }
}

/// State of a running training loop.
struct TrainingRun<'a> {
    trainer: &'a AnyTrainer<'a>,
    plan: &'a Plan,
    callback: &'a mut dyn Callback,
    now: Checkpoint,
    losses: StepLosses,
    /// Loss and gradient norm of the current step; `None` if it is skipped.
    numbers: Option<StepNumbers>,
    requests: Requests,
    freezing: Freezing<'a>,
    /// When time was last added to the state.
    clock: Instant,
    last_checkpoint: Option<PathBuf>,
}

impl TrainingRun<'_> {
    /// Performs one optimizer step: batches, losses, gradients, optimizer.
    fn step(mut self, step: &PlannedStep) -> Result<Self, TrainError> {
        self.numbers = None;
        self.now.model = self.freezing.before_step(self.now.model, step);
        self.gradient_logging_steps(step)?;
        let parts = self.trained_parts(step);
        if parts.is_empty() {
            return self.pass_over(0);
        }
        let outcome = self.outcome(step, &parts)?;
        self.check_gradients(&outcome)?;
        let rows = parts.iter().map(|part| part.indices.len()).sum();
        let norm = global_norm(&self.now.model, &outcome.gradients);
        if self.overflows(&norm) {
            self.now.state.summary.overflowed_steps += 1;
            return self.pass_over(rows);
        }
        let factor = self.learning_rate_factor(step);
        self.now.model =
            self.now
                .optimizer
                .step_of_norm(self.now.model, outcome.gradients, &norm, factor);
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
    fn after_step(&mut self, step: &PlannedStep, moment: StepBoundary) -> Result<(), TrainError> {
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
}
