//! Multi-task fine-tuning: one shared encoder, and data, head, loss and metrics for each task.
//!
//! 1. A [`MultiTaskConfig`] contains a [`TaskConfig`] for each task, and a
//!    [`MixingConfig`](crate::MixingConfig) with sampling, loss weights and gradient combination.
//! 2. [`MultiTask`] is the same run as that of a single task; errors name the task, every task is
//!    tested, and the run directory has a complete model for each.
//! 3. [`TaskGroup`] is what the loop trains.

mod config;
mod conflicts;
mod overall;
mod run;
mod task_group;

pub use config::{MultiTaskConfig, TaskConfig};
pub use conflicts::ConflictSection;
pub use overall::OverallScore;
pub use run::{MultiTask, MultiTaskOutput, TaskData};
pub use task_group::{NamedTask, TaskGroup};
