//! Several tasks in one run: whose turn it is, and what a loss and a gradient of each count for.
//!
//! Every axis is a value of a [`MixingConfig`]:
//!
//! | axis | question |
//! |---|---|
//! | [`Sampling`] | which task comes next |
//! | [`Exhaustion`] | what happens when a task has been gone through |
//! | [`Updates`] | when the optimizer steps |
//! | [`Weighting`] | what the loss of a task counts for |
//! | [`Combination`] | how the gradients of a step's tasks meet |
//!
//! A task's rows are a stream of their own: each visit takes its next batch, pass after pass,
//! without replacement. So all policies see the same batches of a task, in another order.
//!
//! What contradicts itself is refused with the reason ([`MixingConfig::validate`]).

mod combination;
mod geometry;
mod probe;
mod sampling;
mod visits;
mod weighting;

use serde::{Deserialize, Serialize};

pub use combination::Combination;
pub(crate) use combination::{Place, TaskGradients, combine};
pub(crate) use geometry::SharedStages;
pub(crate) use probe::probe;
pub use sampling::Sampling;
pub(crate) use visits::Visits;
pub use weighting::Weighting;
pub(crate) use weighting::{MeasuredTask, TaskWeights};

use crate::TrainError;
use crate::evaluation::EarlyStopping;
use crate::run_length::RunLength;

/// How several tasks share a run. By default they take turns, a step each, until all rows of all
/// tasks have been used; a run of one task is that of any other setting.
///
/// ```
/// use finetune_train::{Combination, Exhaustion, MixingConfig, Updates};
///
/// // One step on the sum of all tasks' losses, gradients in conflict projected.
/// let config: MixingConfig = serde_json::from_str(
///     r#"{
///         "exhaustion": "cycle",
///         "updates": "summed",
///         "weighting": { "kind": "given", "weights": { "sst": 15.0, "qqp": 1.0, "sts": 25.0 } },
///         "combination": "pc_grad"
///     }"#,
/// )?;
/// config.validate()?;
/// let contradictory = MixingConfig { updates: Updates::Alternating, ..config };
/// let message = contradictory.validate().unwrap_err().to_string();
/// assert!(message.contains("one task has no conflict"), "{message}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MixingConfig {
    /// Which task comes next.
    pub sampling: Sampling,
    /// What happens when a task has been gone through.
    pub exhaustion: Exhaustion,
    /// When the optimizer steps.
    pub updates: Updates,
    /// What the loss of a task counts for.
    pub weighting: Weighting,
    /// How the gradients of a step's tasks become one.
    pub combination: Combination,
    /// After each so many steps the gradients of all tasks are measured on a batch each: norms, and
    /// cosines between tasks, stage by stage of the encoder. `None` for never.
    pub measure_gradients: Option<usize>,
    /// A task that no longer improves in its own metric is not trained any more, and the run ends
    /// when none is; `None` trains all to the end.
    pub task_stopping: Option<EarlyStopping>,
}

/// What happens when a task has been gone through in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exhaustion {
    /// The epoch ends with the task that has the fewest batches. The rows that the others did not
    /// come to are the first of the next epoch.
    Shortest,
    /// It begins again, without replacement within a pass. In turn, the epoch ends when the task
    /// with the most batches is through; drawn at random, after as many visits as all tasks have
    /// batches.
    Cycle,
    /// It drops out until the next epoch, which comes when every row of every task was used once.
    #[default]
    AllData,
}

/// When the optimizer steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Updates {
    /// After each batch; task after task: all batches of the first, then all of the second.
    Serial,
    /// After each batch, of the task whose turn it is.
    #[default]
    Alternating,
    /// After a batch of each task, on the sum of their losses.
    Summed,
    /// Once an epoch, on the sum of the tasks' mean losses over it.
    Epoch,
}

impl Updates {
    /// Whether a step has more than one task.
    fn has_rounds(self) -> bool {
        matches!(self, Self::Summed | Self::Epoch)
    }
}

impl MixingConfig {
    /// Whether every value is in its range, and none contradicts another.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not, and why.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.sampling.validate()?;
        self.weighting.validate()?;
        if self.measure_gradients == Some(0) {
            return Err(TrainError::setting("measure_gradients", 0, "at least 1"));
        }
        if let Some(stopping) = self.task_stopping {
            stopping.validate()?;
        }
        let drawn = self.sampling != Sampling::InTurn;
        if drawn && matches!(self.updates, Updates::Serial | Updates::Summed) {
            let expected = "alternating or epoch: tasks drawn at random come in no order, and make \
                            no round of one batch each";
            return Err(TrainError::setting("updates", name(self.updates), expected));
        }
        if self.combination == Combination::PcGrad && !self.updates.has_rounds() {
            let expected = "sum: a step of one task has no conflict to solve; or set updates to \
                            summed or epoch";
            return Err(TrainError::setting("combination", "pc_grad", expected));
        }
        if let Weighting::GradNorm { .. } = self.weighting {
            let rounds_lack_tasks = self.updates == Updates::Summed
                && self.exhaustion == Exhaustion::AllData
                || self.updates == Updates::Epoch && drawn;
            if !self.updates.has_rounds() || rounds_lack_tasks || self.task_stopping.is_some() {
                let expected = "another: GradNorm compares the gradients of all tasks in every \
                                step, so updates must be summed (with exhaustion shortest or \
                                cycle) or epoch, in turn, and no task may stop";
                return Err(TrainError::setting("weighting", "grad_norm", expected));
            }
        }
        Ok(())
    }

    /// Whether the run is long enough to be annealed.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] for a run whose epochs are not given.
    pub(crate) fn check_length(&self, length: RunLength) -> Result<(), TrainError> {
        match (self.sampling.clone(), length) {
            (Sampling::Annealed, RunLength::Steps(_)) => Err(TrainError::setting(
                "sampling",
                "annealed",
                "another for a run of so many steps: it is annealed over the epochs of `length`",
            )),
            _ => Ok(()),
        }
    }
}

/// As in settings.
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
                r#"{"sampling": {"kind": "proportional"}, "updates": "serial"}"#,
                "no order",
            ),
            (
                r#"{"sampling": {"kind": "annealed"}, "updates": "summed"}"#,
                "no round",
            ),
            (r#"{"combination": "pc_grad"}"#, "no conflict"),
            (
                r#"{"combination": "pc_grad", "updates": "serial"}"#,
                "no conflict",
            ),
            (
                r#"{"weighting": {"kind": "grad_norm"}}"#,
                "all tasks in every step",
            ),
            (
                r#"{"weighting": {"kind": "grad_norm"}, "updates": "summed"}"#,
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
                r#"{"weighting": {"kind": "given", "weights": {"a": 0.0}}}"#,
                "above 0",
            ),
            (r#"{"measure_gradients": 0}"#, "at least 1"),
            (r#"{"task_stopping": {"patience": 0}}"#, "at least 1"),
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
            r#"{"sampling": {"kind": "annealed"}, "exhaustion": "cycle"}"#,
            r#"{"sampling": {"kind": "proportional"}, "updates": "epoch", "combination": "pc_grad"}"#,
            r#"{"weighting": {"kind": "grad_norm"}, "updates": "summed", "exhaustion": "cycle"}"#,
            r#"{"weighting": {"kind": "uncertainty"}, "updates": "serial"}"#,
        ] {
            config(json).validate().unwrap();
            let text = serde_json::to_string(&config(json)).unwrap();
            assert_eq!(config(&text), config(json));
        }
        assert!(
            config(r#"{"sampling": {"kind": "annealed"}}"#)
                .check_length(RunLength::Steps(9))
                .is_err()
        );
    }
}
