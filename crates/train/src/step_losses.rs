//! Deferred reading of losses and gradient norms from the device.

use std::path::Path;

use burn::tensor::Tensor;
use finetune_ops::read_floats;

use crate::callback::{Callback, Event, StepRecord, TaskLossRecord};
use crate::error::TrainError;

/// Number of steps whose losses are read together; reading each separately would stall a GPU.
const STEPS_PER_READ: usize = 10;

/// Steps whose losses have not been read from the device.
#[derive(Default)]
pub(crate) struct StepLosses {
    unread: Vec<UnreadStep>,
}

/// An optimizer step whose loss and gradient norm have not been read.
pub(crate) struct UnreadStep {
    /// Step number, from 1.
    pub(crate) step: u64,
    /// Epoch, from 1.
    pub(crate) epoch: u64,
    /// Indices of the examples in the training data.
    pub(crate) examples: Vec<usize>,
    /// Weight of the step in the epoch's mean loss.
    pub(crate) weight: f64,
    pub(crate) learning_rate: f64,
    pub(crate) loss: Tensor<1>,
    pub(crate) norm: Tensor<1>,
    /// Tasks of the step in a multi-task run; otherwise empty.
    pub(crate) tasks: Vec<UnreadTask>,
}

/// A task of a step whose loss has not been read.
pub(crate) struct UnreadTask {
    pub(crate) name: String,
    pub(crate) weight: f64,
    pub(crate) loss: Tensor<1>,
}

/// Weighted sum of the losses of an epoch so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct EpochLoss {
    sum: f64,
    weight: f64,
}

impl EpochLoss {
    /// Returns the mean loss of the steps read so far.
    pub(crate) fn mean(self) -> f64 {
        self.sum / self.weight
    }
}

impl StepLosses {
    pub(crate) fn push(&mut self, step: UnreadStep) {
        self.unread.push(step);
    }

    /// Returns whether enough steps have accumulated for a read.
    pub(crate) fn is_full(&self) -> bool {
        self.unread.len() >= STEPS_PER_READ
    }

    /// Reads all losses and gradient norms, passes them to the callback and adds them to the
    /// epoch's loss.
    ///
    /// # Errors
    /// - [`TrainError::Diverged`] if a loss or a gradient norm is NaN or infinite.
    /// - Any error of `callback`.
    pub(crate) fn read(
        &mut self,
        epoch: &mut EpochLoss,
        last_checkpoint: Option<&Path>,
        callback: &mut dyn Callback,
    ) -> Result<(), TrainError> {
        if self.unread.is_empty() {
            return Ok(());
        }
        let steps = self.unread.iter();
        let values = steps.flat_map(|step| {
            let tasks = step.tasks.iter().map(|task| task.loss.clone());
            [step.loss.clone(), step.norm.clone()]
                .into_iter()
                .chain(tasks)
        });
        let values = read_floats(Tensor::cat(values.collect(), 0));
        let mut values = &values[..];
        for unread in self.unread.drain(..) {
            let (pair, rest) = values.split_at(2);
            let (losses, rest) = rest.split_at(unread.tasks.len());
            values = rest;
            let record = StepRecord {
                step: unread.step,
                epoch: unread.epoch,
                loss: pair[0],
                learning_rate: unread.learning_rate,
                grad_norm: pair[1],
            };
            callback.on_event(&Event::StepEnd(record))?;
            let name = match &unread.tasks[..] {
                [only] => only.name.clone(),
                _ => String::new(),
            };
            if !unread.tasks.is_empty() {
                let tasks = task_losses(record.step, unread.tasks, losses);
                callback.on_event(&Event::TaskLosses(tasks))?;
            }
            if !(record.loss.is_finite() && record.grad_norm.is_finite()) {
                let diverged = TrainError::Diverged {
                    step: record.step,
                    loss: record.loss,
                    grad_norm: record.grad_norm,
                    examples: unread.examples,
                    checkpoint: last_checkpoint.map(Path::to_path_buf),
                };
                return Err(diverged.in_task(&name));
            }
            epoch.sum += f64::from(record.loss) * unread.weight;
            epoch.weight += unread.weight;
        }
        Ok(())
    }
}

fn task_losses(step: u64, tasks: Vec<UnreadTask>, losses: &[f32]) -> TaskLossRecord {
    let mut record = TaskLossRecord {
        step,
        ..Default::default()
    };
    for (task, loss) in tasks.into_iter().zip(losses) {
        record.task_losses.insert(task.name.clone(), *loss);
        record.task_weights.insert(task.name, task.weight);
    }
    record
}
