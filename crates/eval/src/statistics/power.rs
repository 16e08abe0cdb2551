//! How likely a t test is to see a difference that exists, and how many seeds that takes.

use serde::{Deserialize, Serialize};

use super::interval::check_share;
use super::{Design, noncentral_t_cdf, student_t};
use crate::EvalError;

/// More seeds an arm than anyone runs; the search for a number ends here.
const MOST_SEEDS: usize = 100_000;

/// Standard errors beyond which a difference is as visible as it can be. The series takes time in
/// proportion.
const MOST_STANDARD_ERRORS: f64 = 300.0;

/// Power of a two-sided t test: the probability that it calls a true difference significant.
///
/// Sizes of effects are differences over a deviation, as [`EffectSize`](super::EffectSize) has them:
/// the deviation of a score for independent samples, of a difference for pairs. statsmodels'
/// [`TTestIndPower`] and [`TTestPower`](https://www.statsmodels.org/stable/generated/statsmodels.stats.power.TTestPower.html).
/// For Welch's test it holds where both arms vary alike, which is what one can plan for.
///
/// An observed effect is a guess of the true one: with few seeds a poor one. Better ask for the
/// smallest difference that would matter.
///
/// ```
/// use finetune_eval::statistics::{Design, TTestPower};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let test = TTestPower { design: Design::Independent, alpha: 0.05 };
/// assert!((test.power(0.5, 64)? - 0.8014596).abs() < 1e-7);
/// assert_eq!(test.seeds_needed(0.5, 0.8)?, Some(64));
/// # Ok(())
/// # }
/// ```
///
/// [`TTestIndPower`]: https://www.statsmodels.org/stable/generated/statsmodels.stats.power.TTestIndPower.html
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TTestPower {
    /// Whether the test is Welch's or the paired one.
    pub design: Design,
    /// p-value below which a difference is called significant, in `(0, 1)`.
    pub alpha: f64,
}

impl Default for TTestPower {
    fn default() -> Self {
        Self {
            design: Design::Independent,
            alpha: 0.05,
        }
    }
}

impl TTestPower {
    /// Power with `seeds` seeds an arm (or pairs) against a true effect of `effect_size`, whose sign
    /// does not matter.
    ///
    /// # Errors
    ///
    /// [`EvalError::Setting`] for an alpha outside `(0, 1)`, an effect that is not finite
    /// or fewer than two seeds.
    pub fn power(&self, effect_size: f64, seeds: usize) -> Result<f64, EvalError> {
        self.power_of_sizes(effect_size, seeds, seeds)
    }

    /// Power with arms of different size; pairs have one size.
    ///
    /// # Errors
    ///
    /// Those of [`power`](Self::power), and [`EvalError::PairsIncomplete`].
    pub fn power_of_sizes(
        &self,
        effect_size: f64,
        first: usize,
        second: usize,
    ) -> Result<f64, EvalError> {
        self.check(effect_size)?;
        for seeds in [first, second] {
            if seeds < 2 {
                return Err(EvalError::Setting {
                    setting: "number of seeds",
                    expected: "at least 2",
                    got: seeds.to_string(),
                });
            }
        }
        if self.design == Design::Paired && first != second {
            return Err(EvalError::PairsIncomplete { first, second });
        }
        Ok(self.power_unchecked(effect_size, first, second))
    }

    /// The fewest seeds an arm (or pairs), at least 2, whose power against `effect_size` is at least
    /// `power`. None where that takes more than 100,000, as for an effect of 0.
    ///
    /// # Errors
    ///
    /// [`EvalError::Setting`] for an alpha or power outside `(0, 1)` or an effect that is
    /// not finite.
    pub fn seeds_needed(&self, effect_size: f64, power: f64) -> Result<Option<usize>, EvalError> {
        self.check(effect_size)?;
        check_share("power", power)?;
        let enough = |seeds| self.power_unchecked(effect_size, seeds, seeds) >= power;
        let mut too_few = 1;
        let mut seeds = 2;
        while !enough(seeds) {
            if seeds == MOST_SEEDS {
                return Ok(None);
            }
            too_few = seeds;
            seeds = (2 * seeds).min(MOST_SEEDS);
        }
        // Power grows with the number of seeds: what is searched lies in (too_few, seeds].
        while seeds - too_few > 1 {
            let middle = too_few + (seeds - too_few) / 2;
            if enough(middle) {
                seeds = middle;
            } else {
                too_few = middle;
            }
        }
        Ok(Some(seeds))
    }

    fn check(&self, effect_size: f64) -> Result<(), EvalError> {
        check_share("alpha", self.alpha)?;
        if effect_size.is_finite() {
            return Ok(());
        }
        Err(EvalError::Setting {
            setting: "effect size",
            expected: "finite",
            got: effect_size.to_string(),
        })
    }

    fn power_unchecked(&self, effect_size: f64, first: usize, second: usize) -> f64 {
        let (first, second) = (first as f64, second as f64);
        let (effective, degrees_of_freedom) = match self.design {
            Design::Independent => (first * second / (first + second), first + second - 2.0),
            Design::Paired => (first, first - 1.0),
        };
        let noncentrality = (effect_size.abs() * effective.sqrt()).min(MOST_STANDARD_ERRORS);
        let critical = student_t::critical_value(self.alpha, degrees_of_freedom);
        let upper = 1.0 - noncentral_t_cdf(critical, degrees_of_freedom, noncentrality);
        let lower = noncentral_t_cdf(-critical, degrees_of_freedom, noncentrality);
        (upper + lower).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_effect_power_is_alpha() {
        for design in [Design::Independent, Design::Paired] {
            let test = TTestPower {
                design,
                alpha: 0.03,
            };
            assert!((test.power(0.0, 5).unwrap() - 0.03).abs() < 1e-12);
            assert_eq!(test.seeds_needed(0.0, 0.8).unwrap(), None);
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let test = TTestPower::default();
        let setting = |error| match error {
            EvalError::Setting { setting, .. } => setting,
            other => panic!("{other}"),
        };
        assert_eq!(setting(test.power(1.0, 1).unwrap_err()), "number of seeds");
        assert_eq!(setting(test.power(f64::NAN, 5).unwrap_err()), "effect size");
        assert_eq!(setting(test.seeds_needed(1.0, 1.0).unwrap_err()), "power");
        let test = TTestPower { alpha: 0.0, ..test };
        assert_eq!(setting(test.power(1.0, 5).unwrap_err()), "alpha");
    }
}
