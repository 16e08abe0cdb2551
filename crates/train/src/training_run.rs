//! A run of the training loop under way: one optimizer step, and what follows it.

use std::path::PathBuf;
use std::time::Instant;

use finetune_model::DropoutStream;

use crate::TrainError;
use crate::checkpoint::{Checkpoint, TrainState};
use crate::evaluation::{Evaluation, EvaluationConfig, EvaluationRecord};
use crate::freezing::Freezing;
use crate::loss_scale::LossScale;
use crate::mixing::probe;
use crate::objective::{Objective, Part};
use crate::observer::{EpochRecord, Event, Observer};
use crate::optimizer::global_norm;
use crate::plan::{Plan, PlannedStep};
use crate::run_length::Moment;
use crate::step_losses::{StepLosses, UnreadStep};
use crate::step_tasks::{StepOutcome, StepTasks};
use crate::trainer::{Trained, Trainer};

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

impl<'a, O: Objective> TrainingRun<'a, O> {
    /// At the start, or where the newest checkpoint was written.
    pub(crate) fn begin(
        trainer: &'a Trainer<'a, O>,
        plan: &'a Plan,
        model: O::Model,
    ) -> Result<Self, TrainError> {
        let config = trainer.config;
        let latest = match trainer.checkpoints {
            Some(folder) => {
                // A run killed between writing one and removing another left one more.
                folder.remove_old(config.checkpoints.keep_last)?;
                folder.latest()?.map(|(_, path)| path)
            }
            None => None,
        };
        let now = match &latest {
            Some(path) => Checkpoint::read(path, model, &config.optimizer)?,
            None => Checkpoint {
                optimizer: config.optimizer.init(&model),
                state: TrainState {
                    loss_scale: LossScale::new(config.precision),
                    ..Default::default()
                },
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

    /// The newest checkpoint.
    pub(crate) fn last_checkpoint(&self) -> Option<PathBuf> {
        self.last_checkpoint.clone()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.now.state.ended
    }

    /// One optimizer step.
    pub(crate) fn step(
        mut self,
        step: &PlannedStep,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let config = self.trainer.config;
        self.now.model = self.freezing.before_step(self.now.model, step);
        self.measure_gradients(step, observer)?;
        let trained = self.trained_parts(step);
        if trained.is_empty() {
            return self.pass_over(0, observer);
        }
        let outcome = self.outcome(step, &trained)?;
        let objective = self.trainer.objective;
        self.freezing.check_gradients(
            &self.now.model,
            &outcome.gradients,
            &outcome.tasks,
            |path| objective.task_of(path),
        )?;
        let rows = trained.iter().map(|part| part.rows.len()).sum();
        if self.overflows(&outcome) {
            self.now.state.summary.overflowed_steps += 1;
            return self.pass_over(rows, observer);
        }
        let factor = config
            .schedule
            .factor(self.steps_done(), self.plan.total_steps);
        let (model, norm) = self
            .now
            .optimizer
            .step(self.now.model, outcome.gradients, factor);
        self.now.model = model;
        self.losses.push(UnreadStep {
            step: step.step + 1,
            epoch: step.epoch + 1,
            examples: self.examples(&trained)?,
            weight: outcome.weight,
            learning_rate: config.optimizer.learning_rate * factor,
            loss: outcome.loss,
            norm,
            tasks: outcome.losses,
        });
        self.now.state.summary.steps += 1;
        observer.observe(&Event::Advanced { rows })?;
        Ok(self)
    }

    /// Whether gradients are too large for half precision, and a smaller loss scale may help: then
    /// the step is to move nothing. Only where the loss is scaled are the gradients read.
    fn overflows(&mut self, outcome: &StepOutcome) -> bool {
        let Some(scale) = &mut self.now.state.loss_scale else {
            return false;
        };
        let norm = global_norm(&self.now.model, &outcome.gradients);
        if norm.into_scalar::<f32>().is_finite() {
            scale.went_well();
            return false;
        }
        scale.overflowed()
    }

    /// The parts of a step but for tasks that have stopped.
    fn trained_parts(&self, step: &PlannedStep) -> Vec<Part> {
        let names = self.trainer.objective.tasks();
        let trains = |part: &&Part| !self.has_stopped(&names[part.task]);
        step.parts.iter().filter(trains).cloned().collect()
    }

    fn has_stopped(&self, task: &str) -> bool {
        let patience = self
            .plan
            .mixing
            .task_stopping
            .map(|stopping| stopping.patience);
        let standing = self.now.state.task_standings.get(task);
        patience
            .zip(standing)
            .is_some_and(|(patience, standing)| standing.without_improvement >= patience)
    }

    /// A step that moves nothing, such as one of tasks that have all stopped: the schedule goes on.
    fn pass_over(mut self, rows: usize, observer: &mut dyn Observer) -> Result<Self, TrainError> {
        self.now.state.summary.steps += 1;
        observer.observe(&Event::Advanced { rows })?;
        Ok(self)
    }

    /// Losses and gradients of a step.
    fn outcome(&mut self, step: &PlannedStep, parts: &[Part]) -> Result<StepOutcome, TrainError> {
        let Trainer { config, .. } = self.trainer;
        let Checkpoint { state, model, .. } = &mut self.now;
        let mut weights = match state.task_weights.take() {
            Some(weights) => weights,
            None => self.plan.weights_at_start()?,
        };
        let dropout = DropoutStream::new(config.seed, step.step)
            .from_stage(self.freezing.first_stage_with_dropout());
        let loss_scale = state.loss_scale.map_or(1.0, LossScale::factor);
        let mut tasks = StepTasks::new(self.plan, &mut weights, step.step, loss_scale);
        tasks.accumulate(self.trainer, model, parts, dropout, &mut state.summary)?;
        let outcome = tasks.finish(model, config.seed);
        state.task_weights = Some(weights);
        Ok(outcome)
    }

    fn examples(&self, parts: &[Part]) -> Result<Vec<usize>, TrainError> {
        let examples = parts
            .iter()
            .map(|part| self.trainer.objective.examples(part));
        Ok(examples.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// How the gradients of the tasks lie to each other, where that is to be told.
    fn measure_gradients(
        &mut self,
        step: &PlannedStep,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let every = self.plan.mixing.measure_gradients;
        if !every.is_some_and(|every| step.step.is_multiple_of(every as u64)) {
            return Ok(());
        }
        self.read_losses(observer)?;
        let config = self.trainer.config;
        let batches = self.plan.probes(step.step, config);
        let dropout = DropoutStream::new(config.seed, step.step | 1 << 63)
            .from_stage(self.freezing.first_stage_with_dropout());
        let (objective, model) = (self.trainer.objective, &self.now.model);
        let record = probe(objective, model, &batches, step.step + 1, dropout)?;
        observer.observe(&Event::Gradients(record))
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
        match &self.trainer.config.evaluation {
            Some(config) if config.at_start && self.steps_done() == 0 => {
                self.evaluate(config, 0, 0, observer)
            }
            _ => Ok(()),
        }
    }

    fn evaluate_if_due(
        &mut self,
        moment: Moment,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let Some(config) = &self.trainer.config.evaluation else {
            return Ok(());
        };
        let milestones = &self.trainer.config.checkpoints.milestones;
        if !config.every.is_due(moment) && !milestones.contains(&moment.steps) {
            return Ok(());
        }
        self.read_losses(observer)?;
        self.evaluate(config, moment.steps, moment.epochs, observer)
    }

    fn evaluate(
        &mut self,
        config: &EvaluationConfig,
        steps: usize,
        epochs: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let evaluation = self.trainer.objective.evaluate(&self.now.model, observer)?;
        self.follow_tasks(&evaluation, steps);
        let scores = evaluation.tasks.into_iter();
        let record = EvaluationRecord {
            step: steps as u64,
            epoch: epochs as u64,
            scores: evaluation.scores,
            tasks: scores.map(|(task, found)| (task, found.scores)).collect(),
        };
        observer.observe(&Event::Evaluated(record.clone()))?;
        let is_best = self
            .now
            .state
            .standing
            .update(config, self.plan.better, &record);
        if is_best && config.keep_best {
            self.now.best = Some(self.now.model.clone());
        }
        self.now.state.ended |= self.now.state.standing.is_over(config);
        self.now.state.summary.evaluations.push(record);
        Ok(())
    }

    /// Whether a task improves; the run ends when none that trains does.
    fn follow_tasks(&mut self, evaluation: &Evaluation, steps: usize) {
        let Some(stopping) = self.plan.mixing.task_stopping else {
            return;
        };
        for task in &self.plan.tasks {
            let Some(found) = evaluation.tasks.get(&task.name) else {
                continue;
            };
            let config = EvaluationConfig {
                metric: found.metric.clone(),
                early_stopping: Some(stopping),
                ..Default::default()
            };
            let record = EvaluationRecord {
                step: steps as u64,
                scores: found.scores.clone(),
                ..Default::default()
            };
            if !self.has_stopped(&task.name) {
                let standings = &mut self.now.state.task_standings;
                let standing = standings.entry(task.name.clone()).or_default();
                standing.update(&config, found.better, &record);
            }
        }
        let mut tasks = self.plan.tasks.iter();
        self.now.state.ended |= tasks.all(|task| self.has_stopped(&task.name));
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
