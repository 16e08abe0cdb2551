//! Multi-task training: task sampling, loss weighting and gradient combination.
//!
//! [`MixingConfig`] has one field per aspect:
//!
//! | type | decides |
//! |---|---|
//! | [`Sampling`] | the order of the tasks |
//! | [`StoppingStrategy`] | when an epoch ends, and whether finished tasks restart |
//! | [`UpdateStrategy`] | the batches of an optimizer step |
//! | [`LossWeighting`] | the loss weight of each task |
//! | [`Combination`] | the combination of the task gradients |
//!
//! Each visit to a task takes its next batch, without replacement within a pass over the task. So
//! all strategies see the same batches of a task, in a different order.
//!
//! Contradictory settings are rejected with the reason ([`MixingConfig::validate`]).

mod combination;
mod gradient_cosines;
mod gradient_logging;
mod sampling;
mod task_order;
mod weighting;

use serde::{Deserialize, Serialize};

pub use combination::Combination;
pub(crate) use combination::{Place, TaskGradients, combine};
pub(crate) use gradient_cosines::SharedStages;
pub(crate) use gradient_logging::probe;
pub use sampling::Sampling;
pub(crate) use task_order::Visits;
pub use weighting::LossWeighting;
pub(crate) use weighting::{MeasuredTask, TaskWeights};

use crate::error::TrainError;
use crate::evaluation::EarlyStopping;
use crate::run_length::TrainDuration;

/// Multi-task settings. By default the tasks alternate, one step each, until every row of every
/// task has been used once; a run with a single task then equals ordinary training.
///
/// ```
/// use finetune_train::{Combination, StoppingStrategy, MixingConfig, UpdateStrategy};
///
/// // One step on the sum of all tasks' losses, gradients in conflict projected.
/// let config: MixingConfig = serde_json::from_str(
///     r#"{
///         "stopping_strategy": "all_exhausted",
///         "updates": "joint",
///         "weighting": { "kind": "fixed", "weights": { "sst": 15.0, "qqp": 1.0, "sts": 25.0 } },
///         "gradient_combination": "pc_grad"
///     }"#,
/// )?;
/// config.validate()?;
/// let contradictory = MixingConfig { updates: UpdateStrategy::Alternating, ..config };
/// let message = contradictory.validate().unwrap_err().to_string();
/// assert!(message.contains("one task has no conflict"), "{message}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MixingConfig {
    /// Order of the tasks (default: round robin).
    pub sampling: Sampling,
    /// End of an epoch when tasks differ in size (default: all rows of all tasks are used once).
    pub stopping_strategy: StoppingStrategy,
    /// Batches of an optimizer step (default: one batch of one task).
    pub updates: UpdateStrategy,
    /// Loss weights of the tasks (default: equal).
    pub weighting: LossWeighting,
    /// Combination of the task gradients (default: sum).
    pub gradient_combination: Combination,
    /// Interval in optimizer steps, at least 1, at which the gradients of all tasks are compared on
    /// a batch each: norms, and cosines between tasks, per stage of the encoder (default: never).
    pub gradient_logging_steps: Option<usize>,
    /// Early stopping per task: a task whose own metric no longer improves is not trained any more,
    /// and the run ends when all have stopped (default: none).
    pub task_early_stopping: Option<EarlyStopping>,
}

/// End of an epoch when tasks have different numbers of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoppingStrategy {
    /// The epoch ends with the task that has the fewest batches. The unused rows of the others come
    /// first in the next epoch.
    FirstExhausted,
    /// A finished task restarts, without replacement within a pass. In round robin, the epoch ends
    /// with the task that has the most batches; with random sampling, after as many visits as all
    /// tasks have batches.
    AllExhausted,
    /// A finished task is skipped until the next epoch; every row of every task is used once.
    #[default]
    AllExhaustedWithoutReplacement,
}

/// Batches of an optimizer step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateStrategy {
    /// One batch; all batches of the first task, then all of the second, and so on.
    Sequential,
    /// One batch of the task that is next in the order.
    #[default]
    Alternating,
    /// One batch of each task, on the sum of the task losses (joint training).
    Joint,
    /// All batches of an epoch, on the sum of the tasks' mean losses.
    PerEpoch,
}

impl UpdateStrategy {
    /// Returns whether a step has several tasks.
    fn has_rounds(self) -> bool {
        matches!(self, Self::Joint | Self::PerEpoch)
    }
}

impl MixingConfig {
    /// Checks that every value is in its range and that no setting contradicts another.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if one does; it names the first setting and the reason.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.sampling.validate()?;
        self.weighting.validate()?;
        if self.gradient_logging_steps == Some(0) {
            return Err(TrainError::setting(
                "gradient_logging_steps",
                0,
                "at least 1",
            ));
        }
        if let Some(stopping) = self.task_early_stopping {
            stopping.validate()?;
        }
        let drawn = self.sampling != Sampling::RoundRobin;
        if drawn
            && matches!(
                self.updates,
                UpdateStrategy::Sequential | UpdateStrategy::Joint
            )
        {
            let expected = "alternating or epoch: tasks drawn at random come in no order, and make \
                            no round of one batch each";
            return Err(TrainError::setting("updates", name(self.updates), expected));
        }
        if self.gradient_combination == Combination::PcGrad && !self.updates.has_rounds() {
            let expected = "sum: a step of one task has no conflict to solve; or set updates to \
                            summed or epoch";
            return Err(TrainError::setting(
                "gradient_combination",
                "pc_grad",
                expected,
            ));
        }
        if let LossWeighting::GradNorm { .. } = self.weighting {
            let rounds_lack_tasks = self.updates == UpdateStrategy::Joint
                && self.stopping_strategy == StoppingStrategy::AllExhaustedWithoutReplacement
                || self.updates == UpdateStrategy::PerEpoch && drawn;
            if !self.updates.has_rounds() || rounds_lack_tasks || self.task_early_stopping.is_some()
            {
                let expected = "another: GradNorm compares the gradients of all tasks in every \
                                step, so updates must be summed (with stopping_strategy shortest or \
                                cycle) or epoch, in turn, and no task may stop";
                return Err(TrainError::setting("weighting", "grad_norm", expected));
            }
        }
        Ok(())
    }

    /// Checks that annealed sampling has a run with a known number of epochs.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if sampling is annealed and the duration is in steps.
    pub(crate) fn check_length(&self, length: TrainDuration) -> Result<(), TrainError> {
        match (self.sampling.clone(), length) {
            (Sampling::Annealed, TrainDuration::Steps(_)) => Err(TrainError::setting(
                "sampling",
                "annealed",
                "another for a run of so many steps: it is annealed over the epochs of `length`",
            )),
            _ => Ok(()),
        }
    }
}

/// Returns the serialized name of a value.
fn name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> MixingConfig {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn contradictions_are_refused_with_the_reason() {
        for (json, reason) in [
            (
                r#"{"sampling": {"kind": "proportional"}, "updates": "sequential"}"#,
                "no order",
            ),
            (
                r#"{"sampling": {"kind": "annealed"}, "updates": "joint"}"#,
                "no round",
            ),
            (r#"{"gradient_combination": "pc_grad"}"#, "no conflict"),
            (
                r#"{"gradient_combination": "pc_grad", "updates": "sequential"}"#,
                "no conflict",
            ),
            (
                r#"{"weighting": {"kind": "grad_norm"}}"#,
                "all tasks in every step",
            ),
            (
                r#"{"weighting": {"kind": "grad_norm"}, "updates": "joint"}"#,
                "all tasks in every",
            ),
            (
                r#"{"sampling": {"kind": "temperature", "temperature": 0.0}}"#,
                "above 0",
            ),
            (
                r#"{"sampling": {"kind": "weighted", "weights": {"a": -1.0}}}"#,
                "at least 0",
            ),
            (
                r#"{"weighting": {"kind": "fixed", "weights": {"a": 0.0}}}"#,
                "above 0",
            ),
            (r#"{"gradient_logging_steps": 0}"#, "at least 1"),
            (r#"{"task_early_stopping": {"patience": 0}}"#, "at least 1"),
        ] {
            let message = config(json).validate().unwrap_err().to_string();
            assert!(message.contains(reason), "{json}: {message}");
        }
        assert!(serde_json::from_str::<MixingConfig>(r#"{"sampler": {}}"#).is_err());
    }

    #[test]
    fn what_fits_is_taken() {
        for json in [
            "{}",
            r#"{"sampling": {"kind": "annealed"}, "stopping_strategy": "all_exhausted"}"#,
            r#"{"sampling": {"kind": "proportional"}, "updates": "per_epoch", "gradient_combination": "pc_grad"}"#,
            r#"{"weighting": {"kind": "grad_norm"}, "updates": "joint", "stopping_strategy": "all_exhausted"}"#,
            r#"{"weighting": {"kind": "uncertainty"}, "updates": "sequential"}"#,
        ] {
            config(json).validate().unwrap();
            let text = serde_json::to_string(&config(json)).unwrap();
            assert_eq!(config(&text), config(json));
        }
        assert!(
            config(r#"{"sampling": {"kind": "annealed"}}"#)
                .check_length(TrainDuration::Steps(9))
                .is_err()
        );
    }
}
