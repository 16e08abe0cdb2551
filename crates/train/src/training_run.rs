//! A run of the training loop under way: one optimizer step, and what follows it.

use std::path::PathBuf;
use std::time::Instant;

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use finetune_data::Step;
use finetune_model::DropoutStream;

use crate::TrainError;
use crate::checkpoint::{Checkpoint, TrainState};
use crate::evaluation::{EvaluationConfig, EvaluationRecord};
use crate::freezing::Freezing;
use crate::objective::Objective;
use crate::observer::{EpochRecord, Event, Observer};
use crate::run_length::Moment;
use crate::step_losses::{StepLosses, UnreadStep};
use crate::trainer::{Plan, Trained, Trainer};

/// A run under way.
pub(crate) struct TrainingRun<'a, O: Objective> {
    trainer: &'a Trainer<'a, O>,
    plan: &'a Plan,
    now: Checkpoint<O::Model>,
    losses: StepLosses,
    freezing: Freezing<'a>,
    /// Since the last time that was added to the state.
    clock: Instant,
    last_checkpoint: Option<PathBuf>,
}

/// What the batches of a step gave.
struct Accumulated {
    gradients: GradientsParams,
    loss: Tensor<1>,
    weight: f64,
}

impl<'a, O: Objective> TrainingRun<'a, O> {
    /// At the start, or where the newest checkpoint was written.
    pub(crate) fn begin(
        trainer: &'a Trainer<'a, O>,
        plan: &'a Plan,
        model: O::Model,
    ) -> Result<Self, TrainError> {
        let config = trainer.config;
        let latest = match trainer.checkpoints {
            Some(folder) => folder.latest()?.map(|(_, path)| path),
            None => None,
        };
        let now = match &latest {
            Some(path) => Checkpoint::read(path, model, &config.optimizer)?,
            None => Checkpoint {
                optimizer: config.optimizer.init(&model),
                state: TrainState::default(),
                model,
                best: None,
            },
        };
        Ok(Self {
            trainer,
            plan,
            freezing: Freezing::new(&config.freeze, &now.model)?,
            now,
            losses: StepLosses::default(),
            clock: Instant::now(),
            last_checkpoint: latest,
        })
    }

    pub(crate) fn steps_done(&self) -> usize {
        self.now.state.summary.steps
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.now.state.ended
    }

    /// One optimizer step.
    pub(crate) fn step(
        mut self,
        step: &Step,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let config = self.trainer.config;
        self.now.model = self.freezing.before_step(self.now.model, step);
        let accumulated = self.accumulate(step)?;
        self.freezing
            .check_gradients(&self.now.model, &accumulated.gradients)?;
        let factor = config
            .schedule
            .factor(self.steps_done(), self.plan.total_steps);
        let (model, norm) = self
            .now
            .optimizer
            .step(self.now.model, accumulated.gradients, factor);
        self.now.model = model;
        self.losses.push(UnreadStep {
            step: step.step + 1,
            epoch: step.epoch + 1,
            examples: self.trainer.objective.examples(&step.rows)?,
            weight: accumulated.weight,
            learning_rate: config.optimizer.learning_rate * factor,
            loss: accumulated.loss,
            norm,
        });
        self.now.state.summary.steps += 1;
        let rows = step.rows.len();
        observer.observe(&Event::Advanced { rows })?;
        Ok(self)
    }

    /// The gradients of a step: the sum over its batches, each of which counts for its share.
    fn accumulate(&mut self, step: &Step) -> Result<Accumulated, TrainError> {
        let Trainer {
            objective, config, ..
        } = self.trainer;
        let parts = config.batch_size.cut(&step.rows, &self.plan.lengths);
        let batches = parts.iter().map(|rows| objective.batch(rows, step.epoch));
        let batches = batches.collect::<Result<Vec<_>, _>>()?;
        let sizes = batches.iter().map(|batch| objective.size(batch));
        let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
        let weight = sizes.iter().map(|size| size.weight).sum();
        let mut accumulator = GradientsAccumulator::new();
        let mut losses = Vec::with_capacity(batches.len());
        for (number, batch) in batches.iter().enumerate() {
            let loss =
                objective.loss(&self.now.model, batch, weight, self.dropout(step, number))?;
            losses.push(loss.clone().inner());
            let gradients = GradientsParams::from_grads(loss.backward(), &self.now.model);
            accumulator.accumulate(&self.now.model, gradients);
            self.now.state.summary.count(sizes[number]);
        }
        Ok(Accumulated {
            gradients: accumulator.grads(),
            loss: Tensor::cat(losses, 0).sum(),
            weight,
        })
    }

    /// The masks of a batch of a step: different for each, and for the first the same whether
    /// others follow or not.
    fn dropout(&self, step: &Step, batch: usize) -> DropoutStream {
        DropoutStream::new(self.trainer.config.seed, step.step | (batch as u64) << 40)
            .from_stage(self.freezing.first_stage_with_dropout())
    }

    /// Evaluation, early stopping, the end of an epoch and the checkpoint, where they are due.
    pub(crate) fn after_step(
        &mut self,
        moment: Moment,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        if self.losses.is_full() || moment.epoch_ended {
            self.read_losses(observer)?;
        }
        self.now.state.ended = moment.run_ended;
        self.evaluate_if_due(moment, observer)?;
        self.now.state.ended |= observer.wants_to_stop();
        let moment = Moment {
            run_ended: self.now.state.ended,
            ..moment
        };
        if moment.epoch_ended || moment.run_ended {
            self.end_epoch(moment, observer)?;
        }
        self.save_if_due(moment, observer)
    }

    /// The evaluation before the first step, if it is asked for.
    pub(crate) fn evaluate_at_start(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        match self.trainer.config.evaluation {
            Some(config) if config.at_start && self.steps_done() == 0 => {
                self.evaluate(&config, 0, 0, observer)
            }
            _ => Ok(()),
        }
    }

    fn evaluate_if_due(
        &mut self,
        moment: Moment,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let Some(config) = self.trainer.config.evaluation else {
            return Ok(());
        };
        let milestones = &self.trainer.config.checkpoints.milestones;
        if !config.every.is_due(moment) && !milestones.contains(&moment.steps) {
            return Ok(());
        }
        self.read_losses(observer)?;
        self.evaluate(&config, moment.steps, moment.epochs, observer)
    }

    fn evaluate(
        &mut self,
        config: &EvaluationConfig,
        steps: usize,
        epochs: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let record = EvaluationRecord {
            step: steps as u64,
            epoch: epochs as u64,
            scores: self.trainer.objective.evaluate(&self.now.model, observer)?,
        };
        observer.observe(&Event::Evaluated(record.clone()))?;
        let is_best = self.now.state.standing.update(config, &record);
        if is_best && config.keep_best {
            self.now.best = Some(self.now.model.clone());
        }
        self.now.state.ended |= self.now.state.standing.is_over(config);
        self.now.state.summary.evaluations.push(record);
        Ok(())
    }

    fn end_epoch(&mut self, moment: Moment, observer: &mut dyn Observer) -> Result<(), TrainError> {
        self.read_losses(observer)?;
        self.take_time();
        let record = EpochRecord {
            step: moment.steps as u64,
            epoch: moment.epochs as u64,
            loss: std::mem::take(&mut self.now.state.epoch_loss).mean(),
            seconds: std::mem::take(&mut self.now.state.epoch_seconds),
        };
        observer.observe(&Event::Epoch(record))?;
        self.now.state.summary.epochs.push(record);
        Ok(())
    }

    fn save_if_due(
        &mut self,
        moment: Moment,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let Trainer {
            config,
            checkpoints,
            save_milestone,
            ..
        } = self.trainer;
        if let Some(save) = save_milestone
            && config.checkpoints.milestones.contains(&moment.steps)
        {
            self.read_losses(observer)?;
            save(&self.now.model, moment.steps)?;
        }
        let due = config
            .checkpoints
            .every
            .is_some_and(|every| every.is_due(moment));
        let Some(folder) = checkpoints.filter(|_| due) else {
            return Ok(());
        };
        self.read_losses(observer)?;
        self.take_time();
        observer.observe(&Event::Checkpointing {
            step: moment.steps as u64,
        })?;
        let path = folder.write(&self.now, config.checkpoints.keep_last)?;
        self.last_checkpoint = Some(path.clone());
        observer.observe(&Event::Checkpointed(path))
    }

    /// The model that the run leaves.
    pub(crate) fn end(self) -> Result<Trained<O::Model>, TrainError> {
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

    fn read_losses(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let (epoch_loss, checkpoint) = (&mut self.now.state.epoch_loss, &self.last_checkpoint);
        self.losses
            .read(epoch_loss, checkpoint.as_deref(), observer)
    }

    /// Adds the time that has passed to the state.
    fn take_time(&mut self) {
        let started = std::mem::replace(&mut self.clock, Instant::now());
        let seconds = (self.clock - started).as_secs_f64();
        self.now.state.epoch_seconds += seconds;
        self.now.state.summary.seconds += seconds;
    }
}
