//! Order in which an epoch visits its tasks.

use finetune_random::{Purpose, number};

use super::{MixingConfig, StoppingStrategy, UpdateStrategy};
use crate::error::TrainError;

/// Settings that determine the task order of an epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visits<'a> {
    pub(crate) config: &'a MixingConfig,
    /// Name and rows of each task.
    pub(crate) tasks: &'a [(&'a str, usize)],
    /// Epochs of the run; 1 if unknown.
    pub(crate) epochs: u64,
    pub(crate) seed: u64,
}

impl Visits<'_> {
    /// Returns the steps of an epoch, each as the list of tasks it takes a batch of. `batches` has
    /// the number of batches per pass of each task.
    ///
    /// # Errors
    /// - [`TrainError::Task`] if a task has no weight.
    pub(crate) fn steps(
        &self,
        batches: &[usize],
        epoch: u64,
    ) -> Result<Vec<Vec<usize>>, TrainError> {
        let (sampling, stopping_strategy) = (&self.config.sampling, self.config.stopping_strategy);
        let shares = sampling.shares(self.tasks, epoch, self.epochs)?;
        let rounds = match shares {
            Some(shares) => {
                let draws = Draws {
                    seed: self.seed,
                    epoch,
                };
                let visits = draws.visits(batches, &shares, stopping_strategy);
                visits.into_iter().map(|task| vec![task]).collect()
            }
            None => in_turn(batches, stopping_strategy),
        };
        let visits = || rounds.iter().flatten().copied();
        Ok(match self.config.updates {
            UpdateStrategy::Joint => rounds,
            UpdateStrategy::Alternating => visits().map(|task| vec![task]).collect(),
            UpdateStrategy::PerEpoch => vec![visits().collect()],
            UpdateStrategy::Sequential => {
                let mut visits: Vec<usize> = visits().collect();
                visits.sort_unstable();
                visits.into_iter().map(|task| vec![task]).collect()
            }
        })
    }
}

/// Returns rounds of one batch per task.
fn in_turn(batches: &[usize], stopping_strategy: StoppingStrategy) -> Vec<Vec<usize>> {
    let most = batches.iter().copied().max().unwrap_or(0);
    let rounds = match stopping_strategy {
        StoppingStrategy::FirstExhausted => batches.iter().copied().min().unwrap_or(0),
        StoppingStrategy::AllExhausted | StoppingStrategy::AllExhaustedWithoutReplacement => most,
    };
    let takes_part = |round: usize, task: usize| {
        stopping_strategy != StoppingStrategy::AllExhaustedWithoutReplacement
            || round < batches[task]
    };
    let round = |round| {
        let tasks = 0..batches.len();
        tasks.filter(|task| takes_part(round, *task)).collect()
    };
    (0..rounds).map(round).collect()
}

/// Random task order.
struct Draws {
    seed: u64,
    epoch: u64,
}

impl Draws {
    fn visits(
        &self,
        batches: &[usize],
        shares: &[f64],
        stopping_strategy: StoppingStrategy,
    ) -> Vec<usize> {
        let all: usize = batches.iter().sum();
        let mut left = batches.to_vec();
        let mut visits = Vec::with_capacity(all);
        while visits.len() < all {
            let open = |task: usize| {
                stopping_strategy != StoppingStrategy::AllExhaustedWithoutReplacement
                    || left[task] > 0
            };
            let open: Vec<f64> = (0..left.len())
                .map(|task| if open(task) { shares[task] } else { 0.0 })
                .collect();
            let Some(task) = self.draw(&open, visits.len() as u64) else {
                break;
            };
            if stopping_strategy == StoppingStrategy::FirstExhausted && left[task] == 0 {
                break;
            }
            left[task] = left[task].saturating_sub(1);
            visits.push(task);
        }
        visits
    }

    /// Draws a task in proportion to `shares`; `None` if all are 0.
    fn draw(&self, shares: &[f64], visit: u64) -> Option<usize> {
        let bits = number(self.seed, Purpose::TaskSampling, self.epoch, visit) >> 11;
        let mut place = bits as f64 / (1u64 << 53) as f64 * shares.iter().sum::<f64>();
        let mut last = None;
        for (task, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            if place < *share {
                return Some(task);
            }
            place -= share;
            last = Some(task);
        }
        // Rounding moved the drawn position to the very end.
        last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mixing::Sampling;

    fn steps(json: &str, batches: &[usize], epoch: u64) -> Vec<Vec<usize>> {
        let config: MixingConfig = serde_json::from_str(json).unwrap();
        config.validate().unwrap();
        let names = ["a", "b", "c"];
        let tasks: Vec<_> = names
            .into_iter()
            .zip(batches.iter().map(|count| count * 8))
            .collect();
        let visits = Visits {
            config: &config,
            tasks: &tasks,
            epochs: 3,
            seed: 7,
        };
        visits.steps(batches, epoch).unwrap()
    }

    fn flat(json: &str, batches: &[usize]) -> Vec<usize> {
        steps(json, batches, 0).concat()
    }

    #[test]
    fn turns_end_as_the_exhaustion_says() {
        let of =
            |stopping_strategy: &str| format!(r#"{{"stopping_strategy": "{stopping_strategy}"}}"#);
        assert_eq!(flat(&of("first_exhausted"), &[2, 3, 1]), [0, 1, 2]);
        assert_eq!(
            flat(&of("all_exhausted_without_replacement"), &[2, 3, 1]),
            [0, 1, 2, 0, 1, 1]
        );
        assert_eq!(
            flat(&of("all_exhausted"), &[2, 3, 1]),
            [0, 1, 2, 0, 1, 2, 0, 1, 2]
        );
    }

    #[test]
    fn updates_gather_visits_into_steps() {
        let of = |updates: &str| steps(&format!(r#"{{"updates": "{updates}"}}"#), &[2, 3, 1], 0);
        assert_eq!(of("alternating"), [[0], [1], [2], [0], [1], [1]]);
        assert_eq!(of("sequential"), [[0], [0], [1], [1], [1], [2]]);
        assert_eq!(of("joint"), [vec![0, 1, 2], vec![0, 1], vec![1]]);
        assert_eq!(of("per_epoch"), [[0, 1, 2, 0, 1, 1]]);
    }

    #[test]
    fn one_task_is_the_same_under_every_policy() {
        for stopping_strategy in [
            "first_exhausted",
            "all_exhausted",
            "all_exhausted_without_replacement",
        ] {
            for sampling in ["round_robin", "proportional", "annealed"] {
                let json = format!(
                    r#"{{"stopping_strategy": "{stopping_strategy}", "sampling": {{"kind": "{sampling}"}}}}"#
                );
                assert_eq!(flat(&json, &[4]), [0; 4], "{json}");
            }
        }
    }

    #[test]
    fn draws_follow_the_shares() {
        let json = r#"{"sampling": {"kind": "weighted", "weights": {"a": 3.0, "b": 1.0, "c": 0.0}},
                       "stopping_strategy": "all_exhausted"}"#;
        let visits = flat(json, &[4000, 3000, 1000]);
        assert_eq!(visits.len(), 8000);
        let count = |task| visits.iter().filter(|visit| **visit == task).count();
        // Six standard deviations of a draw with chance 3/4 are 232.
        assert!(count(0).abs_diff(6000) < 232, "{}", count(0));
        assert_eq!(count(2), 0);
    }

    proptest! {
        #[test]
        fn all_data_visits_every_batch_once(
            batches in prop::collection::vec(1usize..9, 1..4),
            kind in prop::sample::select(vec!["round_robin", "proportional", "annealed"]),
            epoch in 0u64..3,
        ) {
            let json = format!(r#"{{"sampling": {{"kind": "{kind}"}}}}"#);
            let visits = steps(&json, &batches, epoch).concat();
            for (task, count) in batches.iter().enumerate() {
                let found = visits.iter().filter(|visit| **visit == task).count();
                prop_assert_eq!(found, *count);
            }
        }

        #[test]
        fn nothing_is_visited_beyond_its_rows_before_the_shortest_ends(
            batches in prop::collection::vec(1usize..9, 1..4),
            epoch in 0u64..3,
        ) {
            let config = MixingConfig {
                sampling: Sampling::Proportional,
                stopping_strategy: StoppingStrategy::FirstExhausted,
                ..Default::default()
            };
            let json = serde_json::to_string(&config).unwrap();
            let visits = steps(&json, &batches, epoch).concat();
            let count = |task| visits.iter().filter(|visit| **visit == task).count();
            prop_assert!((0..batches.len()).all(|task| count(task) <= batches[task]));
            prop_assert!((0..batches.len()).any(|task| count(task) == batches[task]));
        }
    }
}
