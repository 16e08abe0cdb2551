//! Loss weights of tasks, fixed or adapted during training.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Lower bound of a GradNorm weight: a task with weight 0 would never recover.
const LEAST_WEIGHT: f64 = 1e-3;

/// Loss weighting of tasks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LossWeighting {
    /// Weight 1 for each task.
    #[default]
    Equal,
    /// A fixed weight per task.
    Fixed {
        /// Weight per task name, above 0; every task needs one.
        weights: BTreeMap<String, f64>,
    },
    /// Number of rows of the largest task divided by that of the task.
    Size,
    /// Uncertainty weighting with a learned log variance `s` per task, initially 0 ([Kendall et al.
    /// 2018](https://arxiv.org/abs/1705.07115), equation 7, for all kinds of losses). The loss is
    /// `exp(-s) L / 2 + s / 2`; `s` is updated by plain gradient descent.
    Uncertainty {
        /// Learning rate of `s`, above 0 (default: 0.01).
        #[serde(default = "uncertainty_rate")]
        learning_rate: f64,
    },
    /// GradNorm ([Chen et al. 2018](https://arxiv.org/abs/1711.02257), algorithm 1), which gives
    /// larger gradients to tasks that learn slowly: at the encoder's last layer, the target of a
    /// task's gradient norm is the mean norm times its relative inverse training rate to the power
    /// of `alpha`. Weights start at 1, are updated by plain gradient descent, and add up to the
    /// number of tasks.
    GradNorm {
        /// Strength of the preference for slow tasks, at least 0 (default: 1.5).
        #[serde(default = "alpha")]
        alpha: f64,
        /// Learning rate of the weights, above 0 (default: 0.025).
        #[serde(default = "grad_norm_rate")]
        learning_rate: f64,
    },
}

fn uncertainty_rate() -> f64 {
    1e-2
}

fn alpha() -> f64 {
    1.5
}

fn grad_norm_rate() -> f64 {
    2.5e-2
}

impl LossWeighting {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub(super) fn validate(&self) -> Result<(), TrainError> {
        let above_0 = |value: f64| value > 0.0 && value.is_finite();
        match self {
            Self::Fixed { weights } => match weights.values().find(|weight| !above_0(**weight)) {
                Some(weight) => Err(TrainError::setting("weight of a task", weight, "above 0")),
                None => Ok(()),
            },
            Self::Uncertainty { learning_rate } | Self::GradNorm { learning_rate, .. }
                if !above_0(*learning_rate) =>
            {
                let setting = "learning_rate of the weighting";
                Err(TrainError::setting(setting, learning_rate, "above 0"))
            }
            Self::GradNorm { alpha, .. } if !(*alpha >= 0.0 && alpha.is_finite()) => {
                Err(TrainError::setting("alpha", alpha, "at least 0"))
            }
            _ => Ok(()),
        }
    }
}

/// Current task weights; part of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskWeights {
    /// Log variances (uncertainty weighting), or the weights themselves.
    values: Vec<f64>,
    /// First loss of each task, the reference of GradNorm's training rate.
    first_losses: Vec<Option<f64>>,
}

impl TaskWeights {
    /// Creates the initial weights, from name and number of rows of each task.
    ///
    /// # Errors
    /// - [`TrainError::Task`] if a task has no weight.
    pub(crate) fn start(
        weighting: &LossWeighting,
        tasks: &[(&str, usize)],
    ) -> Result<Self, TrainError> {
        let most = tasks.iter().map(|(_, rows)| *rows).max().unwrap_or(1);
        let value = |(name, rows): &(&str, usize)| match weighting {
            LossWeighting::Equal | LossWeighting::GradNorm { .. } => Ok(1.0),
            LossWeighting::Uncertainty { .. } => Ok(0.0),
            LossWeighting::Size => Ok(most as f64 / (*rows).max(1) as f64),
            LossWeighting::Fixed { weights } => weights.get(*name).copied().ok_or_else(|| {
                let names: Vec<_> = weights.keys().map(String::as_str).collect();
                let found = format!("for {}", names.join(", "));
                TrainError::setting("weights", found, "one for each task").in_task(name)
            }),
        };
        Ok(Self {
            values: tasks.iter().map(value).collect::<Result<_, _>>()?,
            first_losses: vec![None; tasks.len()],
        })
    }

    /// Returns the current loss weight of a task.
    pub(crate) fn weight(&self, weighting: &LossWeighting, task: usize) -> f64 {
        match weighting {
            LossWeighting::Uncertainty { .. } => (-self.values[task]).exp() / 2.0,
            _ => self.values[task],
        }
    }

    /// Returns the term added to the weighted loss of a task.
    pub(crate) fn penalty(&self, weighting: &LossWeighting, task: usize) -> f64 {
        match weighting {
            LossWeighting::Uncertainty { .. } => self.values[task] / 2.0,
            _ => 0.0,
        }
    }

    /// Updates the weights after a step, from the mean losses of its tasks and (for GradNorm) their
    /// gradient norms before weighting.
    pub(crate) fn update(&mut self, weighting: &LossWeighting, step: &[MeasuredTask]) {
        match *weighting {
            LossWeighting::Uncertainty { learning_rate } => {
                for task in step {
                    let s = &mut self.values[task.task];
                    *s -= learning_rate * 0.5 * (1.0 - (-*s).exp() * task.loss);
                }
            }
            LossWeighting::GradNorm {
                alpha,
                learning_rate,
            } => self.balance(alpha, learning_rate, step),
            _ => {}
        }
    }

    fn balance(&mut self, alpha: f64, learning_rate: f64, step: &[MeasuredTask]) {
        let count = step.len() as f64;
        let ratios: Vec<f64> = step
            .iter()
            .map(|task| {
                let first = *self.first_losses[task.task].get_or_insert(task.loss);
                task.loss / first.max(f64::MIN_POSITIVE)
            })
            .collect();
        let mean_ratio = ratios.iter().sum::<f64>() / count;
        let norm = |task: &MeasuredTask| self.values[task.task] * task.norm;
        let norms: Vec<f64> = step.iter().map(norm).collect();
        let mean_norm = norms.iter().sum::<f64>() / count;
        for ((task, norm), ratio) in step.iter().zip(norms).zip(ratios) {
            let target = mean_norm * (ratio / mean_ratio.max(f64::MIN_POSITIVE)).powf(alpha);
            let direction = match norm.total_cmp(&target) {
                std::cmp::Ordering::Less => -1.0,
                std::cmp::Ordering::Equal => 0.0,
                std::cmp::Ordering::Greater => 1.0,
            };
            let weight = &mut self.values[task.task];
            *weight = (*weight - learning_rate * direction * task.norm).max(LEAST_WEIGHT);
        }
        let sum: f64 = step.iter().map(|task| self.values[task.task]).sum();
        for task in step {
            self.values[task.task] *= count / sum;
        }
    }
}

/// Loss and gradient norm of a task in a step, read from the device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MeasuredTask {
    pub(crate) task: usize,
    /// Mean loss.
    pub(crate) loss: f64,
    /// Gradient norm at the encoder's last layer, before weighting.
    pub(crate) norm: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: [(&str, usize); 2] = [("small", 10), ("large", 160)];

    fn measured(losses: [f64; 2], norms: [f64; 2]) -> Vec<MeasuredTask> {
        let task = |task: usize| MeasuredTask {
            task,
            loss: losses[task],
            norm: norms[task],
        };
        (0..2).map(task).collect()
    }

    #[test]
    fn static_weights() {
        let weights = |weighting: &LossWeighting| {
            let state = TaskWeights::start(weighting, &TASKS).unwrap();
            [0, 1].map(|task| state.weight(weighting, task))
        };
        assert_eq!(weights(&LossWeighting::Equal), [1.0, 1.0]);
        assert_eq!(weights(&LossWeighting::Size), [16.0, 1.0]);
        let given = |names: &[(&str, f64)]| LossWeighting::Fixed {
            weights: names
                .iter()
                .map(|(name, weight)| (name.to_string(), *weight))
                .collect(),
        };
        assert_eq!(
            weights(&given(&[("small", 15.0), ("large", 2.0)])),
            [15.0, 2.0]
        );
        let error = TaskWeights::start(&given(&[("small", 15.0)]), &TASKS).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("task large: weights is for small"),
            "{error}"
        );
    }

    /// Where the derivative is 0, at `s = ln L`, a task stays.
    #[test]
    fn a_log_variance_goes_to_the_log_of_its_loss() {
        let weighting = LossWeighting::Uncertainty { learning_rate: 0.5 };
        let mut state = TaskWeights::start(&weighting, &TASKS).unwrap();
        for _ in 0..200 {
            state.update(&weighting, &measured([4.0, 0.25], [0.0; 2]));
        }
        assert!((state.weight(&weighting, 0) - 0.125).abs() < 1e-9);
        assert!((state.weight(&weighting, 1) - 2.0).abs() < 1e-9);
        assert!((state.penalty(&weighting, 0) - 2.0f64.ln()).abs() < 1e-9);
    }

    /// The task with the smaller gradient gains what the other loses.
    #[test]
    fn gradient_norms_are_drawn_together() {
        let weighting = LossWeighting::GradNorm {
            alpha: 0.0,
            learning_rate: 0.1,
        };
        let mut state = TaskWeights::start(&weighting, &TASKS).unwrap();
        state.update(&weighting, &measured([1.0, 1.0], [3.0, 1.0]));
        // 1 - 0.1 * 3 and 1 + 0.1 * 1, over their sum of 1.8, times 2.
        let weights = [0, 1].map(|task| state.weight(&weighting, task));
        assert!((weights[0] - 0.7 / 0.9).abs() < 1e-12 && (weights[1] - 1.1 / 0.9).abs() < 1e-12);
    }
}
