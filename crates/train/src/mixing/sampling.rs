//! Task sampling.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Task sampling: the order in which tasks are visited.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Sampling {
    /// Round robin, in the order of the tasks.
    #[default]
    RoundRobin,
    /// Random, in proportion to the number of rows.
    Proportional,
    /// Random, in proportion to the number of rows to the power of `1 / temperature`: 1 is
    /// proportional, higher temperatures are closer to uniform ([Raffel et al.
    /// 2020](https://arxiv.org/abs/1910.10683), section 3.5.2).
    Temperature {
        /// Temperature, above 0.
        temperature: f64,
    },
    /// Random, in proportion to the number of rows to the power of `1 - 0.8 (e - 1) / (E - 1)` in
    /// epoch `e` of `E`: proportional at first, nearly uniform at the end ([Stickland & Murray
    /// 2019](https://arxiv.org/abs/1902.02671), section 3.1).
    Annealed,
    /// Random, with a weight per task.
    Weighted {
        /// Weight per task name, at least 0; every task needs one.
        weights: BTreeMap<String, f64>,
    },
}

impl Sampling {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub(super) fn validate(&self) -> Result<(), TrainError> {
        match self {
            Self::Temperature { temperature }
                if !(*temperature > 0.0 && temperature.is_finite()) =>
            {
                Err(TrainError::setting("temperature", temperature, "above 0"))
            }
            Self::Weighted { weights } => {
                let bad = |weight: &&f64| !(**weight >= 0.0 && weight.is_finite());
                match weights.values().find(bad) {
                    Some(weight) => {
                        Err(TrainError::setting("sampling weight", weight, "at least 0"))
                    }
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Returns the unnormalized sampling weight of each task in an epoch (from 0) of `epochs`, from
    /// the name and the rows of each task; `None` for round robin.
    ///
    /// # Errors
    /// - [`TrainError::Task`] if a task has no weight.
    pub(super) fn shares(
        &self,
        tasks: &[(&str, usize)],
        epoch: u64,
        epochs: u64,
    ) -> Result<Option<Vec<f64>>, TrainError> {
        let power = match self {
            Self::RoundRobin => return Ok(None),
            Self::Proportional => 1.0,
            Self::Temperature { temperature } => 1.0 / temperature,
            Self::Annealed if epochs < 2 => 1.0,
            Self::Annealed => 1.0 - 0.8 * epoch as f64 / (epochs - 1) as f64,
            Self::Weighted { weights } => {
                let weight = |(name, _): &(&str, usize)| {
                    weights.get(*name).copied().ok_or_else(|| {
                        let names: Vec<_> = weights.keys().map(String::as_str).collect();
                        let found = format!("for {}", names.join(", "));
                        let error =
                            TrainError::setting("sampling weights", found, "one for each task");
                        error.in_task(name)
                    })
                };
                return Ok(Some(tasks.iter().map(weight).collect::<Result<_, _>>()?));
            }
        };
        // Relative to the largest task: powers of large numbers overflow at low temperatures.
        let most = tasks.iter().map(|(_, rows)| *rows).max().unwrap_or(1) as f64;
        let share = |(_, rows): &(&str, usize)| (*rows as f64 / most).powf(power);
        Ok(Some(tasks.iter().map(share).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: [(&str, usize); 2] = [("small", 100), ("large", 10_000)];

    fn shares(sampling: &Sampling, epoch: u64, epochs: u64) -> Vec<f64> {
        sampling.shares(&TASKS, epoch, epochs).unwrap().unwrap()
    }

    #[test]
    fn shares_follow_their_formulas() {
        assert_eq!(Sampling::RoundRobin.shares(&TASKS, 0, 1).unwrap(), None);
        assert_eq!(shares(&Sampling::Proportional, 0, 1), [0.01, 1.0]);
        let temperature = Sampling::Temperature { temperature: 2.0 };
        assert_eq!(shares(&temperature, 0, 1), [0.1, 1.0]);
        let close = |found: Vec<f64>, expected: f64| assert!((found[0] - expected).abs() < 1e-12);
        close(shares(&Sampling::Annealed, 0, 5), 0.01);
        close(shares(&Sampling::Annealed, 2, 5), 0.01f64.powf(0.6));
        close(shares(&Sampling::Annealed, 4, 5), 0.01f64.powf(0.2));
        close(shares(&Sampling::Annealed, 0, 1), 0.01);
    }

    #[test]
    fn a_task_without_a_weight_is_named() {
        let sampling = Sampling::Weighted {
            weights: [("small".to_string(), 1.0)].into(),
        };
        let message = sampling.shares(&TASKS, 0, 1).unwrap_err().to_string();
        assert!(message.starts_with("task large: "), "{message}");
    }
}
