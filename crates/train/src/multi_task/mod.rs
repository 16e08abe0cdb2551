//! Multi-task fine-tuning: one shared encoder, and data, head, loss and metric for each task.
//!
//! 1. A [`MultiTaskConfig`] contains a [`TaskConfig`] for each task, and a
//!    [`MixingConfig`](crate::MixingConfig) with sampling, loss weights and gradient combination.
//! 2. [`MultiTask::prepare`] loads the checkpoint, tokenizes the data of all tasks and checks them;
//!    errors name the task.
//! 3. [`MultiTask::run`] trains in the same loop as all other runs, tests every task, and writes a
//!    run directory with a complete model for each.
//! 4. [`MultiTaskTexts`] is the objective that the loop trains; it can also be used directly.

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
