//! Power of t tests and required number of seeds.

use serde::{Deserialize, Serialize};

use super::noncentral_t::noncentral_t_cdf;
use super::student_t;
use super::t_test::Design;
use crate::error::EvalError;
use crate::validate::check_share;

/// Maximum number of seeds per group in the search.
const MOST_SEEDS: usize = 100_000;

/// Standard errors beyond which the power no longer increases; the series takes time in proportion.
const MOST_STANDARD_ERRORS: f64 = 300.0;

/// Power of a two-sided t test: the probability of detecting a true difference.
///
/// Effect sizes are differences divided by a standard deviation, as in
/// [`EffectSize`](super::EffectSize): that of a score for independent samples, that of a difference
/// for pairs. As statsmodels' [`TTestIndPower`] and
/// [`TTestPower`](https://www.statsmodels.org/stable/generated/statsmodels.stats.power.TTestPower.html).
/// For Welch's test, equal variances are assumed.
///
/// An observed effect is an estimate of the true one, and imprecise with few seeds. Prefer the
/// smallest difference of interest.
///
/// ```
/// use finetune_eval::statistics::{Design, TTestPower};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let test = TTestPower { design: Design::Independent, alpha: 0.05 };
/// assert!((test.power(0.5, 64)? - 0.8014596).abs() < 1e-7);
/// assert_eq!(test.required_seeds(0.5, 0.8)?, Some(64));
/// # Ok(())
/// # }
/// ```
///
/// [`TTestIndPower`]: https://www.statsmodels.org/stable/generated/statsmodels.stats.power.TTestIndPower.html
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TTestPower {
    /// Design: Welch's t test for independent samples, or the paired t test (default: independent).
    pub design: Design,
    /// Significance level, in `(0, 1)` (default: 0.05).
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
    /// Returns the power with `seeds` seeds per group (or pairs) for a true effect of `effect_size`,
    /// whose sign has no influence.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidSetting`] if `alpha` is not in `(0, 1)`, the effect is NaN or infinite, or
    ///   there are fewer than two seeds.
    pub fn power(&self, effect_size: f64, seeds: usize) -> Result<f64, EvalError> {
        self.check(effect_size)?;
        match seeds < 2 {
            true => Err(EvalError::setting("number of seeds", seeds, "at least 2")),
            false => Ok(self.power_unchecked(effect_size, seeds)),
        }
    }

    /// Returns the minimum number of seeds per group (or pairs), at least 2, for a power of at least
    /// `power` for `effect_size`; `None` if it exceeds 100,000, such as for an effect of 0.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidSetting`] if `alpha` or `power` are not in `(0, 1)`, or the effect is NaN or
    ///   infinite.
    pub fn required_seeds(&self, effect_size: f64, power: f64) -> Result<Option<usize>, EvalError> {
        self.check(effect_size)?;
        check_share("power", power)?;
        let enough = |seeds| self.power_unchecked(effect_size, seeds) >= power;
        let mut too_few = 1;
        let mut seeds = 2;
        while !enough(seeds) {
            if seeds == MOST_SEEDS {
                return Ok(None);
            }
            too_few = seeds;
            seeds = (2 * seeds).min(MOST_SEEDS);
        }
        // Power increases with the number of seeds: the result is in (too_few, seeds].
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
        match effect_size.is_finite() {
            true => Ok(()),
            false => Err(EvalError::setting("effect size", effect_size, "finite")),
        }
    }

    fn power_unchecked(&self, effect_size: f64, seeds: usize) -> f64 {
        let seeds = seeds as f64;
        let (effective, degrees_of_freedom) = match self.design {
            Design::Independent => (seeds * seeds / (seeds + seeds), seeds + seeds - 2.0),
            Design::Paired => (seeds, seeds - 1.0),
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
            assert_eq!(test.required_seeds(0.0, 0.8).unwrap(), None);
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let test = TTestPower::default();
        let setting = |error| match error {
            EvalError::InvalidSetting { setting, .. } => setting,
            other => panic!("{other}"),
        };
        assert_eq!(setting(test.power(1.0, 1).unwrap_err()), "number of seeds");
        assert_eq!(setting(test.power(f64::NAN, 5).unwrap_err()), "effect size");
        assert_eq!(setting(test.required_seeds(1.0, 1.0).unwrap_err()), "power");
        let test = TTestPower { alpha: 0.0, ..test };
        assert_eq!(setting(test.power(1.0, 5).unwrap_err()), "alpha");
    }
}
