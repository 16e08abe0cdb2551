//! The events of a run, and the records that they carry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use finetune_predict::PredictionProgress;
use serde::{Deserialize, Serialize};

use crate::evaluation::EvaluationRecord;

/// A part of a run that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Computing the activations of a frozen part.
    Activations,
    /// Optimizer steps.
    Training,
    /// Predicting the validation rows, in the middle of the training.
    Validating,
    /// Predicting the test rows.
    Testing,
}

/// One optimizer step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepRecord {
    /// From 1.
    pub step: u64,
    /// From 1.
    pub epoch: u64,
    /// Mean loss of the rows.
    pub loss: f32,
    /// Of this step, before the factors of parameter groups.
    pub learning_rate: f64,
    /// Of all gradients together, before clipping.
    pub grad_norm: f32,
}

/// The tasks of an optimizer step, of a run that has several.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TaskLossRecord {
    /// From 1.
    pub step: u64,
    /// The mean loss of each task of the step, before weighting.
    pub task_losses: BTreeMap<String, f32>,
    /// What each counted for.
    pub task_weights: BTreeMap<String, f64>,
}

/// The gradients of all tasks at the parameters before a step, each of one batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct GradientRecord {
    /// From 1.
    pub step: u64,
    /// The norm of each task's gradient at each stage of the encoder: the embeddings, then the
    /// layers.
    pub gradient_norms: BTreeMap<String, Vec<f64>>,
    /// The cosine of each pair of tasks, named `first/second`, at each stage; not a number where one
    /// of them has no gradient.
    pub gradient_cosines: BTreeMap<String, Vec<f64>>,
}

/// One pass over the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Optimizer steps since the run began.
    pub step: u64,
    /// From 1.
    pub epoch: u64,
    /// Mean loss over the rows.
    pub loss: f64,
    /// Wall time, with the evaluations in it.
    pub seconds: f64,
}

/// The activations of a frozen part that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ActivationsRecord {
    /// Rows of the data set.
    pub rows: usize,
    /// What they take in memory or on disk.
    pub bytes: u64,
    /// Whether an earlier run computed them.
    pub reused: bool,
}

/// An event of a run, as [`Callback::on_event`](super::Callback::on_event) receives it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The activations of a frozen part are to be kept, or were found.
    Activations(ActivationsRecord),
    /// A phase begins.
    PhaseBegin {
        /// The phase.
        phase: Phase,
        /// Optimizer steps, or batches, in all.
        length: usize,
        /// Of these, done before: the run is resumed.
        done: usize,
    },
    /// An optimizer step, or a batch that is no step, went to the device; its numbers follow later.
    BatchSubmitted {
        /// Rows of the batch.
        rows: usize,
    },
    /// The numbers of an optimizer step. They are read from the device in batches, so that several
    /// steps may follow each other at once.
    StepEnd(StepRecord),
    /// The losses of the tasks of that step, in a run that has several.
    TaskLosses(TaskLossRecord),
    /// The gradients of all tasks were measured.
    Gradients(GradientRecord),
    /// An epoch ended.
    EpochEnd(EpochRecord),
    /// The model was evaluated.
    Evaluate(EvaluationRecord),
    /// A checkpoint is about to be written: what belongs to the steps before it must be on the
    /// disk when this returns.
    BeforeSave {
        /// Optimizer steps before it.
        step: u64,
    },
    /// A checkpoint was written into this directory.
    Save(PathBuf),
    /// A phase ended.
    PhaseEnd(Phase),
}

impl Event {
    /// The progress of a prediction loop in a phase.
    pub(crate) fn of_prediction(phase: Phase, progress: PredictionProgress) -> Self {
        match progress {
            PredictionProgress::Begin { batches } => Self::phase_begin(phase, batches),
            PredictionProgress::Batch { rows } => Self::BatchSubmitted { rows },
            PredictionProgress::End => Self::PhaseEnd(phase),
        }
    }

    /// The begin of a phase of so many batches.
    pub(crate) fn phase_begin(phase: Phase, length: usize) -> Self {
        let done = 0;
        Self::PhaseBegin {
            phase,
            length,
            done,
        }
    }
}
