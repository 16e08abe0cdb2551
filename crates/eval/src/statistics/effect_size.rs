//! Effect sizes.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

use super::sample::{self, Moments};
use super::t_test::Design;
use crate::error::EvalError;

/// Standardized difference of means: Cohen's d, and Hedges' g, which corrects its small-sample
/// bias.
///
/// The denominator is the pooled standard deviation for independent samples, and that of the
/// differences for paired samples (often written d_z). Hedges' correction is the [exact
/// factor](https://doi.org/10.2307/1164588), a ratio of gamma functions; statsmodels and many
/// papers use the approximation `1 - 3 / (4 df - 1)`, which differs in the second decimal for two
/// values per sample.
///
/// ```
/// use finetune_eval::statistics::{Design, EffectSize};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let effect = EffectSize::of(Design::Independent, &[3.0, 4.0, 5.0], &[1.0, 2.0, 3.0])?;
/// assert_eq!(effect.cohens_d, 2.0);
/// assert!((effect.hedges_g - 1.5957691216).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EffectSize {
    /// Difference of the means divided by the standard deviation.
    pub cohens_d: f64,
    /// Cohen's d times Hedges' correction; 0 for two pairs, which have one degree of freedom.
    pub hedges_g: f64,
    /// Standard deviation in the denominator.
    pub deviation: f64,
}

impl EffectSize {
    /// Computes the effect size of two samples.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFew`] if a sample has fewer than two values.
    /// - [`EvalError::InvalidRow`] if a value is NaN or infinite.
    /// - [`EvalError::LengthMismatch`] if the design is paired and the samples differ in size.
    /// - [`EvalError::Undefined`] if the standard deviation is 0.
    pub fn of(design: Design, first: &[f64], second: &[f64]) -> Result<Self, EvalError> {
        let (difference, variance, degrees_of_freedom) = match design {
            Design::Independent => pooled(first, second)?,
            Design::Paired => {
                let moments = Moments::of_differences(first, second)?;
                (moments.mean, moments.variance, moments.count - 1)
            }
        };
        if variance == 0.0 {
            return Err(sample::constant("a standardized difference"));
        }
        let deviation = variance.sqrt();
        let cohens_d = difference / deviation;
        Ok(Self {
            cohens_d,
            hedges_g: cohens_d * hedges_factor(degrees_of_freedom),
            deviation,
        })
    }
}

/// Returns difference of the means, pooled variance and degrees of freedom.
fn pooled(first: &[f64], second: &[f64]) -> Result<(f64, f64, usize), EvalError> {
    sample::check("first", first, 2)?;
    sample::check("second", second, 2)?;
    let (first, second) = (Moments::of(first), Moments::of(second));
    let degrees_of_freedom = first.count + second.count - 2;
    let squares =
        (first.count - 1) as f64 * first.variance + (second.count - 1) as f64 * second.variance;
    Ok((
        first.mean - second.mean,
        squares / degrees_of_freedom as f64,
        degrees_of_freedom,
    ))
}

/// Returns Hedges' correction Γ(m/2) / (√(m/2) Γ((m-1)/2)) for m degrees of freedom.
fn hedges_factor(degrees_of_freedom: usize) -> f64 {
    if degrees_of_freedom < 2 {
        return 0.0;
    }
    let half = degrees_of_freedom as f64 / 2.0;
    (ln_gamma(half) - ln_gamma(half - 0.5)).exp() / half.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_is_near_its_approximation_and_below_1() {
        for degrees_of_freedom in [2_usize, 3, 8, 50, 1000] {
            let approximation = 1.0 - 3.0 / (4.0 * degrees_of_freedom as f64 - 1.0);
            let factor = hedges_factor(degrees_of_freedom);
            assert!(factor < 1.0);
            assert!(
                (factor - approximation).abs() < 0.01,
                "{degrees_of_freedom}"
            );
        }
    }

    #[test]
    fn two_pairs_say_nothing_about_size() {
        let effect = EffectSize::of(Design::Paired, &[1.0, 3.0], &[0.0, 1.0]).unwrap();
        assert!(effect.cohens_d > 2.0);
        assert_eq!(effect.hedges_g, 0.0);
    }
}
