//! What a run tells about itself while it goes on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::TrainError;
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
    pub gradient_norm: f32,
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

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The activations of a frozen part are to be kept, or were found.
    Activations(ActivationsRecord),
    /// A phase begins.
    Started {
        /// Which.
        phase: Phase,
        /// Optimizer steps, or batches, in all.
        length: usize,
        /// Of these, done before: the run is resumed.
        done: usize,
    },
    /// An optimizer step, or a batch that is no step, went to the device with so many rows; its
    /// numbers follow later.
    Advanced {
        /// Rows.
        rows: usize,
    },
    /// The numbers of an optimizer step; several may come at once.
    Step(StepRecord),
    /// An epoch ended.
    Epoch(EpochRecord),
    /// The model was measured.
    Evaluated(EvaluationRecord),
    /// A checkpoint is about to be written: what belongs to the steps before it must be on the
    /// disk when this returns.
    Checkpointing {
        /// Optimizer steps before it.
        step: u64,
    },
    /// A checkpoint was written.
    Checkpointed(PathBuf),
    /// The phase ended.
    Ended(Phase),
}

impl Event {
    /// A phase of so many batches begins.
    pub(crate) fn started(phase: Phase, length: usize) -> Self {
        let done = 0;
        Self::Started {
            phase,
            length,
            done,
        }
    }
}

/// Watches a run: shows progress, writes records, ends it.
pub trait Observer {
    /// Called in order, on the thread of the run.
    ///
    /// # Errors
    /// Ends the run with this error.
    fn observe(&mut self, event: &Event) -> Result<(), TrainError>;

    /// Whether the training shall end after the step under way, as early stopping would end it.
    /// Asked after each step.
    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// Watches nothing.
impl Observer for () {
    fn observe(&mut self, _event: &Event) -> Result<(), TrainError> {
        Ok(())
    }
}

/// Both watch, the first first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn observe(&mut self, event: &Event) -> Result<(), TrainError> {
        self.0.observe(event)?;
        self.1.observe(event)
    }

    fn wants_to_stop(&self) -> bool {
        self.0.wants_to_stop() || self.1.wants_to_stop()
    }
}

impl<O: Observer + ?Sized> Observer for &mut O {
    fn observe(&mut self, event: &Event) -> Result<(), TrainError> {
        (**self).observe(event)
    }

    fn wants_to_stop(&self) -> bool {
        (**self).wants_to_stop()
    }
}

/// Keeps every step, for tests and for plots.
impl Observer for Vec<StepRecord> {
    fn observe(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Event::Step(record) = event {
            self.push(*record);
        }
        Ok(())
    }
}
