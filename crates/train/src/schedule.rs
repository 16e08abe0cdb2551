//! Learning rate schedules with the formulas of
//! [`transformers.optimization`](https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/optimization.py).
//! The factor depends on the step alone, so a resumed run needs no scheduler state.

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Learning rate schedule: linear warm-up, then decay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LrScheduler {
    /// Length of the linear warm-up from 0 to the full learning rate (default: 10 % of all steps;
    /// transformers: none).
    pub warmup: Warmup,
    /// Decay after the warm-up (default: cosine; transformers: linear).
    pub decay: Decay,
}

impl Default for LrScheduler {
    fn default() -> Self {
        Self {
            warmup: Warmup::Ratio(0.1),
            decay: Decay::Cosine,
        }
    }
}

/// Length of the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warmup {
    /// Number of optimizer steps, at most the steps of the run.
    Steps(usize),
    /// Fraction of all optimizer steps, in `[0, 1]`, rounded up to whole steps.
    Ratio(f64),
}

/// Learning rate decay after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decay {
    /// Constant full learning rate.
    Constant,
    /// Linear decay to 0 at the last step.
    Linear,
    /// Half a cosine wave, to 0 at the last step.
    Cosine,
    /// Cosine decay with hard restarts: `num_cycles` half waves, each starting from the full rate.
    CosineWithRestarts {
        /// Number of half waves, at least 1.
        num_cycles: usize,
    },
    /// Polynomial decay `(1 - progress)^power` from the full rate to `end_factor` times the full
    /// rate.
    Polynomial {
        /// Exponent, above 0.
        power: f64,
        /// Final learning rate as a fraction of the full rate, in `[0, 1]`.
        end_factor: f64,
    },
    /// Inverse square root of the step, with the warm-up steps as time scale (10,000 without
    /// warm-up); it never reaches 0.
    InverseSqrt,
}

impl LrScheduler {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range.
    pub fn validate(&self) -> Result<(), TrainError> {
        if let Warmup::Ratio(share) = self.warmup
            && !(0.0..=1.0).contains(&share)
        {
            return Err(TrainError::setting("warmup ratio", share, "in [0, 1]"));
        }
        match self.decay {
            Decay::CosineWithRestarts { num_cycles: 0 } => {
                Err(TrainError::setting("num_cycles", 0, "at least 1"))
            }
            Decay::Polynomial { power, .. } if !(power > 0.0 && power.is_finite()) => {
                Err(TrainError::setting("power", power, "above 0"))
            }
            Decay::Polynomial { end_factor, .. } if !(0.0..=1.0).contains(&end_factor) => {
                Err(TrainError::setting("end_factor", end_factor, "in [0, 1]"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that every value is in its range and that the warm-up has at most `total` steps.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range or the warm-up is longer than
    ///   the run.
    ///
    /// ```
    /// use finetune_train::{Decay, LrScheduler, Warmup};
    ///
    /// let schedule = LrScheduler { warmup: Warmup::Steps(100), decay: Decay::Linear };
    /// assert!(schedule.check(100).is_ok());
    /// let message = schedule.check(99).unwrap_err().to_string();
    /// assert_eq!(message, "warmup steps is 100, expected at most the run's 99 steps");
    /// ```
    pub fn check(&self, total: usize) -> Result<(), TrainError> {
        self.validate()?;
        match self.warmup {
            Warmup::Steps(steps) if steps > total => {
                let expected = format!("at most the run's {total} steps");
                Err(TrainError::setting("warmup steps", steps, expected))
            }
            _ => Ok(()),
        }
    }

    /// Returns the learning rate at `step` (from 0) of `total` steps as a fraction of the full
    /// rate.
    pub fn factor(&self, step: usize, total: usize) -> f64 {
        let warmup = match self.warmup {
            Warmup::Steps(steps) => steps,
            Warmup::Ratio(share) => (share * total as f64).ceil() as usize,
        };
        if step < warmup {
            return step as f64 / warmup as f64;
        }
        let progress = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
        self.decay.factor(step, warmup, progress)
    }
}

impl Decay {
    fn factor(self, step: usize, warmup: usize, progress: f64) -> f64 {
        use std::f64::consts::PI;
        match self {
            Self::Constant => 1.0,
            Self::Linear => (1.0 - progress).max(0.0),
            Self::Cosine => (0.5 * (1.0 + (PI * progress).cos())).max(0.0),
            Self::CosineWithRestarts { .. } if progress >= 1.0 => 0.0,
            Self::CosineWithRestarts { num_cycles: cycles } => {
                let in_cycle = (cycles as f64 * progress) % 1.0;
                (0.5 * (1.0 + (PI * in_cycle).cos())).max(0.0)
            }
            Self::Polynomial { end_factor, .. } if progress > 1.0 => end_factor,
            Self::Polynomial { power, end_factor } => {
                (1.0 - end_factor) * (1.0 - progress).powf(power) + end_factor
            }
            Self::InverseSqrt => {
                let timescale = if warmup == 0 { 10_000 } else { warmup };
                let shifted = (step + timescale - warmup) as f64;
                1.0 / (shifted / timescale as f64).sqrt()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warmup_starts_at_zero_and_ends_at_the_full_rate() {
        let schedule = LrScheduler {
            warmup: Warmup::Steps(4),
            decay: Decay::Cosine,
        };
        let factors: Vec<f64> = (0..=4).map(|step| schedule.factor(step, 10)).collect();
        assert_eq!(factors, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert!(schedule.factor(10, 10).abs() < 1e-15);
    }

    #[test]
    fn a_share_is_rounded_up() {
        let schedule = LrScheduler {
            warmup: Warmup::Ratio(0.1),
            decay: Decay::Constant,
        };
        assert_eq!(schedule.factor(1, 11), 0.5);
        assert_eq!(schedule.factor(2, 11), 1.0);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let polynomial = |power, end_factor| Decay::Polynomial { power, end_factor };
        for (warmup, decay) in [
            (Warmup::Ratio(1.5), Decay::Linear),
            (Warmup::Ratio(f64::NAN), Decay::Linear),
            (
                Warmup::Steps(0),
                Decay::CosineWithRestarts { num_cycles: 0 },
            ),
            (Warmup::Steps(0), polynomial(f64::NAN, 0.0)),
            (Warmup::Steps(0), polynomial(1.0, -0.1)),
        ] {
            assert!(
                LrScheduler { warmup, decay }.validate().is_err(),
                "{warmup:?} {decay:?}"
            );
        }
    }
}
