//! Gradients of a step: computation, checks and logging.

use burn::tensor::Tensor;
use finetune_model::DropoutStream;
use finetune_ops::read_floats;

use crate::callback::Event;
use crate::checkpoint_state::Checkpoint;
use crate::error::TrainError;
use crate::loss_scale::LossScale;
use crate::mixing::probe;
use crate::objective::BatchIndices;
use crate::step_plan::PlannedStep;
use crate::step_tasks::{StepOutcome, StepTasks};

use super::TrainingRun;

impl TrainingRun<'_> {
    /// Returns the parts of a step, without those of tasks that have stopped.
    pub(super) fn trained_parts(&self, step: &PlannedStep) -> Vec<BatchIndices> {
        let names = self.trainer.objective.tasks();
        let trains = |part: &&BatchIndices| !self.has_stopped(&names[part.task]);
        step.parts.iter().filter(trains).cloned().collect()
    }

    /// Computes the losses and gradients of a step.
    pub(super) fn outcome(
        &mut self,
        step: &PlannedStep,
        parts: &[BatchIndices],
    ) -> Result<StepOutcome, TrainError> {
        let config = self.trainer.config;
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

    /// Checks that every parameter trained in this step has a gradient.
    pub(super) fn check_gradients(&mut self, outcome: &StepOutcome) -> Result<(), TrainError> {
        let (objective, model) = (self.trainer.objective, &self.now.model);
        let task_of = |path: &str| objective.task_of(path);
        self.freezing
            .check_gradients(model, &outcome.gradients, &outcome.tasks, task_of)
    }

    /// Returns whether the gradients, of this global norm, overflow in half precision and a smaller
    /// loss scale may help; the step is then skipped. The norm is read only if the loss is scaled:
    /// the scale of the next step depends on it, as in `torch.amp.GradScaler`.
    pub(super) fn overflows(&mut self, norm: &Tensor<1>) -> bool {
        let Some(scale) = &mut self.now.state.loss_scale else {
            return false;
        };
        let norm = read_floats(norm.clone());
        if norm.iter().all(|norm| norm.is_finite()) {
            scale.went_well();
            return false;
        }
        scale.overflowed()
    }

    /// Returns the positions in the training data of the examples that the rows come from.
    pub(super) fn examples(&self, parts: &[BatchIndices]) -> Result<Vec<usize>, TrainError> {
        let objective = self.trainer.objective;
        let examples = parts.iter().map(|part| objective.examples(part));
        Ok(examples.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Logs the cosines between the gradients of the tasks, if configured for this step.
    pub(super) fn gradient_logging_steps(&mut self, step: &PlannedStep) -> Result<(), TrainError> {
        let every = self.plan.mixing.gradient_logging_steps;
        if !every.is_some_and(|every| step.step.is_multiple_of(every as u64)) {
            return Ok(());
        }
        self.read_losses()?;
        let config = self.trainer.config;
        let batches = self.plan.probes(step.step, config);
        let dropout = DropoutStream::new(config.seed, step.step | 1 << 63)
            .from_stage(self.freezing.first_stage_with_dropout());
        let (objective, model) = (self.trainer.objective, &self.now.model);
        let record = probe(objective, model, &batches, step.step + 1, dropout)?;
        self.callback.on_event(&Event::Gradients(record))
    }
}
