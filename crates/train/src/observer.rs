//! What a run tells about itself while it goes on.

use serde::Serialize;

use crate::TrainError;

/// A part of a run that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Optimizer steps.
    Training,
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
    /// Mean loss of the batch.
    pub loss: f32,
    /// Of this step.
    pub learning_rate: f64,
    /// Of all gradients together, before clipping.
    pub gradient_norm: f32,
}

/// One pass over the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: u64,
    /// Mean loss over the rows.
    pub loss: f64,
    /// Wall time.
    pub seconds: f64,
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event {
    /// A phase of so many batches begins.
    Started(Phase, usize),
    /// A batch went to the device; its numbers follow later.
    BatchDone {
        /// The rows in it.
        rows: usize,
    },
    /// An optimizer step, with its numbers; several may come at once.
    Step(StepRecord),
    /// An epoch ended.
    Epoch(EpochRecord),
    /// The phase ended.
    Ended(Phase),
}

/// Watches a run: shows progress, writes records, stops it with an error.
pub trait Observer {
    /// Called in order, on the thread of the run.
    ///
    /// # Errors
    /// Ends the run.
    fn observe(&mut self, event: &Event) -> Result<(), TrainError>;
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
}

impl<O: Observer + ?Sized> Observer for &mut O {
    fn observe(&mut self, event: &Event) -> Result<(), TrainError> {
        (**self).observe(event)
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
