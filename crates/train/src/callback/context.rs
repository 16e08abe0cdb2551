//! What callbacks see of a run.

use std::any::Any;
use std::cell::OnceCell;
use std::fmt;

use burn::tensor::Tensor;
use finetune_eval::Scores;
use finetune_ops::read_floats;

use crate::evaluation::EvaluationRecord;
use crate::optimizer::Optimizer;

/// A run between two steps: its position, its model and its optimizer.
#[derive(Clone, Copy)]
pub struct TrainContext<'a> {
    /// Optimizer steps done, those before a resume included.
    pub steps: u64,
    /// Optimizer steps of the whole run, unless it is stopped before.
    pub total_steps: u64,
    /// What callbacks have multiplied the learning rate by so far (default: 1).
    pub learning_rate_scale: f64,
    pub(crate) model: &'a dyn Any,
    pub(crate) optimizer: &'a Optimizer,
    pub(crate) last_evaluation: Option<&'a EvaluationRecord>,
}

impl<'a> TrainContext<'a> {
    /// Returns the model, if it is an `M`: the [`Objective::Model`](crate::Objective::Model) of the
    /// run, such as `SequenceClassifier`. Nothing is copied, and a clone should not outlive the
    /// call: a second handle makes the next step copy every parameter.
    pub fn model<M: 'static>(&self) -> Option<&'a M> {
        self.model.downcast_ref()
    }

    /// Returns the optimizer: its algorithm, learning rates and state.
    pub fn optimizer(&self) -> &'a Optimizer {
        self.optimizer
    }

    /// Returns the latest evaluation, if there has been one.
    pub fn last_evaluation(&self) -> Option<&'a EvaluationRecord> {
        self.last_evaluation
    }

    /// Returns the scores of the latest evaluation, if there has been one.
    pub fn scores(&self) -> Option<&'a Scores> {
        self.last_evaluation.map(|evaluation| &evaluation.scores)
    }
}

impl fmt::Debug for TrainContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainContext")
            .field("steps", &self.steps)
            .field("total_steps", &self.total_steps)
            .field("learning_rate_scale", &self.learning_rate_scale)
            .finish_non_exhaustive()
    }
}

/// An optimizer step that has just been done.
pub struct StepContext<'a> {
    /// The number of the step (from 1).
    pub step: u64,
    /// The number of its epoch (from 1).
    pub epoch: u64,
    /// Optimizer steps of the whole run, unless it is stopped before.
    pub total_steps: u64,
    /// The learning rate of the step, before the factors of parameter groups.
    pub learning_rate: f64,
    pub(crate) train: TrainContext<'a>,
    pub(crate) numbers: Option<&'a StepNumbers>,
}

/// The numbers of a step, on the device until a callback asks for them.
pub(crate) struct StepNumbers {
    loss: Tensor<1>,
    grad_norm: Tensor<1>,
    read: OnceCell<[f32; 2]>,
}

impl StepNumbers {
    pub(crate) fn new(loss: Tensor<1>, grad_norm: Tensor<1>) -> Self {
        Self {
            loss,
            grad_norm,
            read: OnceCell::new(),
        }
    }

    fn read(&self) -> [f32; 2] {
        *self.read.get_or_init(|| {
            let numbers = vec![self.loss.clone(), self.grad_norm.clone()];
            match read_floats(Tensor::cat(numbers, 0))[..] {
                [loss, grad_norm] => [loss, grad_norm],
                _ => unreachable!("two tensors of one value"),
            }
        })
    }
}

impl<'a> StepContext<'a> {
    /// Returns the mean loss of the rows; `None` for a step that moved nothing (its gradients
    /// overflowed in half precision, or all its tasks have stopped).
    ///
    /// The value is read from the device, which waits until the step is computed: on a GPU, a
    /// callback that asks after every step costs time.
    pub fn loss(&self) -> Option<f32> {
        self.numbers.map(|numbers| numbers.read()[0])
    }

    /// Returns the norm of all gradients together, before clipping; `None` and waiting as in
    /// [`Self::loss`].
    pub fn grad_norm(&self) -> Option<f32> {
        self.numbers.map(|numbers| numbers.read()[1])
    }

    /// Returns the run after the step.
    pub fn train(&self) -> &TrainContext<'a> {
        &self.train
    }

    /// Returns the model after the step; see [`TrainContext::model`].
    pub fn model<M: 'static>(&self) -> Option<&'a M> {
        self.train.model()
    }

    /// Returns the optimizer after the step; see [`TrainContext::optimizer`].
    pub fn optimizer(&self) -> &'a Optimizer {
        self.train.optimizer()
    }

    /// Returns the scores of the latest evaluation, if there has been one.
    pub fn scores(&self) -> Option<&'a Scores> {
        self.train.scores()
    }
}

impl fmt::Debug for StepContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepContext")
            .field("step", &self.step)
            .field("epoch", &self.epoch)
            .field("total_steps", &self.total_steps)
            .field("learning_rate", &self.learning_rate)
            .finish_non_exhaustive()
    }
}
