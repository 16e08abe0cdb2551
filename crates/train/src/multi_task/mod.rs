//! Fine-tuning on several tasks at once, each with data, head, loss and metric of its own, on one
//! encoder.
//!
//! 1. A [`MultiTaskConfig`] has a [`TaskConfig`] for each task, and a
//!    [`MixingConfig`](crate::MixingConfig) that says how they share the run.
//! 2. [`MultiTask::prepare`] loads the checkpoint, tokenizes the data of all tasks and finds what
//!    is wrong, with the name of the task.
//! 3. [`MultiTask::run`] trains in the same loop as everything else, tests every task, and leaves
//!    a run directory with a whole model for each.
//! 4. [`MultiTaskTexts`] is what the loop trains, for use on its own.

mod config;
mod conflicts;
mod objective;
mod overall;
mod report;
mod run;
mod tasks;

pub use config::{MultiTaskConfig, TaskConfig};
pub use conflicts::ConflictSection;
pub use objective::{MultiTaskTexts, TaskTexts};
pub use overall::OverallScore;
pub use report::{MultiTaskReport, TaskReport};
pub use run::MultiTask;
