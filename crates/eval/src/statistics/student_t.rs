//! Student's t distribution: tail probabilities and critical values.

use statrs::function::beta::beta_reg;

/// Returns the probability that |T| is at least |`statistic`|, for finite positive degrees of
/// freedom.
pub(super) fn two_sided_p(statistic: f64, degrees_of_freedom: f64) -> f64 {
    let square = statistic * statistic;
    // The smaller of center and tails is computed directly, not as the complement of the larger
    // one.
    if square < 1.0 {
        let x = square / (degrees_of_freedom + square);
        1.0 - beta_reg(0.5, degrees_of_freedom / 2.0, x)
    } else {
        let x = degrees_of_freedom / (degrees_of_freedom + square);
        beta_reg(degrees_of_freedom / 2.0, 0.5, x)
    }
}

/// Returns the value that |T| exceeds with probability `alpha`, in `(0, 1)`.
///
/// Bisection gives full precision for any alpha, unlike the inverse of statrs.
pub(super) fn critical_value(alpha: f64, degrees_of_freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while two_sided_p(high, degrees_of_freedom) > alpha {
        low = high;
        high *= 2.0;
    }
    while high - low > f64::EPSILON * high {
        let middle = low + (high - low) / 2.0;
        if middle == low || middle == high {
            break;
        }
        if two_sided_p(middle, degrees_of_freedom) > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_degree_of_freedom_is_the_cauchy_distribution() {
        for t in [0.0_f64, 1e-9, 0.3, 0.999, 1.0, 7.0, 1e6] {
            let expected = 1.0 - t.atan() * std::f64::consts::FRAC_2_PI;
            let got = two_sided_p(t, 1.0);
            assert!((got - expected).abs() < 1e-14, "{t}: {got}");
        }
    }

    #[test]
    fn the_critical_value_is_exceeded_with_probability_alpha() {
        for degrees_of_freedom in [0.5, 1.0, 1.7, 2.0, 8.0, 333.3, 1e5] {
            for alpha in [1e-12, 1e-6, 0.01, 0.05, 0.5, 0.99] {
                let value = critical_value(alpha, degrees_of_freedom);
                let back = two_sided_p(value, degrees_of_freedom);
                assert!(
                    (back / alpha - 1.0).abs() < 1e-11,
                    "{alpha} {degrees_of_freedom}: {back}"
                );
            }
        }
    }
}
