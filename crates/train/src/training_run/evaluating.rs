//! Evaluations during a run: when they are due, and early stopping.

use crate::callback::Event;
use crate::error::TrainError;
use crate::evaluation::{Evaluation, EvaluationConfig, EvaluationRecord};
use crate::run_length::StepBoundary;

use super::TrainingRun;

impl TrainingRun<'_> {
    /// Evaluates before the first step, if settings or callbacks ask for it.
    pub(super) fn evaluate_at_start(&mut self) -> Result<(), TrainError> {
        let config = self.trainer.config.evaluation.as_ref();
        let due = config.is_some_and(|config| config.on_start) && self.steps_done() == 0;
        if due || self.requests.evaluate {
            self.evaluate(0, 0)?;
        }
        self.requests = Default::default();
        Ok(())
    }

    /// Evaluates after a step if due or requested. Returns whether it did.
    pub(super) fn evaluate_if_due(&mut self, moment: StepBoundary) -> Result<bool, TrainError> {
        let snapshots = &self.trainer.config.checkpoints.snapshot_steps;
        let config = self.trainer.config.evaluation.as_ref();
        let due = config
            .is_some_and(|config| config.every.is_due(moment) || snapshots.contains(&moment.steps));
        if !due && !self.requests.evaluate {
            return Ok(false);
        }
        self.read_losses()?;
        self.evaluate(moment.steps, moment.epochs)?;
        Ok(true)
    }

    fn evaluate(&mut self, steps: usize, epochs: usize) -> Result<(), TrainError> {
        let objective = self.trainer.objective;
        if objective.metrics().is_empty() {
            // Settings that ask for it were rejected earlier.
            return Err(TrainError::NoValidationRows);
        }
        let evaluation = objective.evaluate(&self.now.model, self.callback)?;
        self.follow_tasks(&evaluation, steps);
        let scores = evaluation.tasks.into_iter();
        let record = EvaluationRecord {
            step: steps as u64,
            epoch: epochs as u64,
            scores: evaluation.scores,
            tasks: scores.map(|(task, found)| (task, found.scores)).collect(),
        };
        self.callback.on_event(&Event::Evaluate(record.clone()))?;
        if let Some(config) = &self.trainer.config.evaluation {
            let is_best = self
                .now
                .state
                .standing
                .update(config, self.plan.better, &record);
            if is_best && config.load_best_model_at_end {
                self.now.best = Some(self.now.model.clone());
            }
            self.now.state.ended |= self.now.state.standing.is_over(config);
        }
        self.now.state.summary.evaluations.push(record.clone());
        self.call_evaluate(&record)
    }

    /// Updates the early stopping of each task; the run ends when all trained tasks have stopped.
    fn follow_tasks(&mut self, evaluation: &Evaluation, steps: usize) {
        let Some(stopping) = self.plan.mixing.task_early_stopping else {
            return;
        };
        for task in &self.plan.tasks {
            let Some(found) = evaluation.tasks.get(&task.name) else {
                continue;
            };
            let config = EvaluationConfig {
                metric_for_best_model: found.metric.clone(),
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

    pub(super) fn has_stopped(&self, task: &str) -> bool {
        let patience = self
            .plan
            .mixing
            .task_early_stopping
            .map(|stopping| stopping.patience);
        let standing = self.now.state.task_standings.get(task);
        patience
            .zip(standing)
            .is_some_and(|(patience, standing)| standing.without_improvement >= patience)
    }
}
