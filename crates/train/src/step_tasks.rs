//! Losses and gradients of the tasks in an optimizer step, and their combination.

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use finetune_model::{AnyModule, DropoutStream};
use finetune_ops::read_together;

use crate::error::TrainError;
use crate::mixing::{
    LossWeighting, MeasuredTask, Place, SharedStages, TaskGradients, TaskWeights, combine,
};
use crate::objective::{BatchCounts, BatchIndices};
use crate::optimizer::multiply_all;
use crate::step_losses::UnreadTask;
use crate::step_plan::Plan;
use crate::summary::TrainingSummary;
use crate::trainer::AnyTrainer;

/// State of an optimizer step in progress.
pub(crate) struct StepTasks<'a> {
    plan: &'a Plan,
    weights: &'a mut TaskWeights,
    step: u64,
    tasks: Vec<TaskGradients>,
    /// Batches so far over all tasks; the key of their dropout.
    batches: u64,
    /// Factor of the losses in the backward pass.
    loss_scale: f64,
}

/// Combined loss and gradients of a step.
pub(crate) struct StepOutcome {
    pub(crate) gradients: GradientsParams,
    /// Combined loss of the tasks.
    pub(crate) loss: Tensor<1>,
    /// Sum of the batch weights of all tasks.
    pub(crate) weight: f64,
    /// Indices of the tasks in the objective.
    pub(crate) tasks: Vec<usize>,
    /// Loss of each task in a multi-task run; otherwise empty.
    pub(crate) losses: Vec<UnreadTask>,
}

impl<'a> StepTasks<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        weights: &'a mut TaskWeights,
        step: u64,
        loss_scale: f64,
    ) -> Self {
        Self {
            plan,
            weights,
            step,
            tasks: Vec::new(),
            batches: 0,
            loss_scale,
        }
    }

    /// Computes the losses and gradients of all parts, and sums them by task.
    ///
    /// # Errors
    /// - Any error of the objective.
    pub(crate) fn accumulate(
        &mut self,
        trainer: &AnyTrainer<'_>,
        model: &AnyModule,
        parts: &[BatchIndices],
        dropout: DropoutStream,
        summary: &mut TrainingSummary,
    ) -> Result<(), TrainError> {
        for (place, task) in self.plan.tasks.iter().enumerate() {
            let of_task = parts.iter().filter(|part| part.task == task.index);
            let batches: Vec<BatchIndices> = of_task
                .flat_map(|part| {
                    let rows = trainer.config.batch_size.cut(&part.indices, &task.lengths);
                    rows.into_iter().map(|indices| BatchIndices {
                        indices,
                        ..part.clone()
                    })
                })
                .collect();
            if !batches.is_empty() {
                let found = self.of_task(trainer, model, &batches, dropout, summary);
                let (gradients, loss, divisor) =
                    found.map_err(|error| error.in_task(&task.name))?;
                self.tasks.push(TaskGradients {
                    task: place,
                    gradients,
                    loss,
                    divisor,
                });
            }
        }
        Ok(())
    }

    /// Returns the gradients, loss and divisor of a task, summed over its batches.
    fn of_task(
        &mut self,
        trainer: &AnyTrainer<'_>,
        model: &AnyModule,
        parts: &[BatchIndices],
        dropout: DropoutStream,
        summary: &mut TrainingSummary,
    ) -> Result<(GradientsParams, Tensor<1>, f64), TrainError> {
        let objective = trainer.objective;
        let batches = parts.iter().map(|part| objective.batch(part));
        let batches = batches.collect::<Result<Vec<_>, _>>()?;
        let sizes = batches.iter().map(|batch| objective.size(&**batch));
        let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
        let step: BatchCounts = sizes.iter().copied().sum();
        let mut sum = GradientsAccumulator::new();
        let mut losses = Vec::with_capacity(batches.len());
        for (batch, size) in batches.iter().zip(sizes) {
            // Dropout masks differ between batches, and do not depend on the number of batches.
            let dropout = dropout.in_batch(self.batches);
            self.batches += 1;
            let loss = objective.loss(model, &**batch, &step, dropout)?;
            losses.push(loss.clone().inner());
            let scaled = weighted(loss, self.loss_scale, 0.0);
            sum.accumulate(model, GradientsParams::from_grads(scaled.backward(), model));
            summary.count(size);
        }
        let gradients = match self.loss_scale == 1.0 {
            true => sum.grads(),
            false => multiply_all(model, sum.grads(), 1.0 / self.loss_scale),
        };
        Ok((gradients, Tensor::cat(losses, 0).sum(), step.weight))
    }

    /// Combines the gradients of the tasks, and updates the task weights for the next step.
    pub(crate) fn finish(self, model: &AnyModule, seed: u64) -> StepOutcome {
        let weighting = &self.plan.mixing.weighting;
        let several = self.plan.tasks.len() > 1;
        let measured = self.measure(model);
        let weight_of = |task: &TaskGradients| self.weights.weight(weighting, task.task);
        let weights: Vec<f64> = self.tasks.iter().map(weight_of).collect();
        let losses = self.tasks.iter().zip(&weights).map(|(task, weight)| {
            let penalty = self.weights.penalty(weighting, task.task);
            weighted(task.loss.clone(), *weight, penalty)
        });
        let loss = Tensor::cat(losses.collect(), 0).sum();
        let named = |(task, weight): (&TaskGradients, &f64)| UnreadTask {
            name: self.plan.tasks[task.task].name.clone(),
            weight: *weight,
            loss: task.loss.clone(),
        };
        let unread = self.tasks.iter().zip(&weights).map(named);
        let unread = unread.filter(|_| several).collect();
        self.weights.update(weighting, &measured);
        let (weight, tasks) = (
            self.tasks.iter().map(|task| task.divisor).sum(),
            self.tasks
                .iter()
                .map(|task| self.plan.tasks[task.task].index)
                .collect(),
        );
        let gradients = self
            .tasks
            .into_iter()
            .map(|task| task.gradients)
            .zip(weights);
        let place = Place {
            seed,
            step: self.step,
        };
        StepOutcome {
            gradients: combine(
                model,
                gradients.collect(),
                self.plan.mixing.gradient_combination,
                place,
            ),
            loss,
            weight,
            tasks,
            losses: unread,
        }
    }

    /// Reads the measurements that update the task weights from the device, all at once.
    fn measure(&self, model: &AnyModule) -> Vec<MeasuredTask> {
        let norms = match self.plan.mixing.weighting {
            LossWeighting::Uncertainty { .. } => None,
            LossWeighting::GradNorm { .. } => Some(SharedStages::new(model)),
            _ => return Vec::new(),
        };
        let measured = self.tasks.iter().map(|task| {
            let norm = norms.as_ref();
            let norm = norm.map(|shared| shared.norm_at_top(model, &task.gradients));
            let numbers = std::iter::once(task.loss.clone()).chain(norm);
            Tensor::cat(numbers.collect(), 0)
        });
        let measured = read_together(measured.collect());
        let tasks = self.tasks.iter().zip(&measured);
        let tasks = tasks.map(|(task, numbers)| MeasuredTask {
            task: task.task,
            loss: f64::from(numbers[0]),
            norm: numbers.get(1).copied().map_or(0.0, f64::from),
        });
        tasks.collect()
    }
}

/// Applies weight and penalty; a loss of weight 1 without penalty stays bitwise unchanged.
fn weighted(loss: Tensor<1>, weight: f64, penalty: f64) -> Tensor<1> {
    match (weight == 1.0, penalty == 0.0) {
        (true, true) => loss,
        _ => loss * weight + penalty,
    }
}
