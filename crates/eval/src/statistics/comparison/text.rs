//! Text format of a comparison: one sentence.

use std::fmt;

use super::{Comparison, SampleSize, Verdict};
use crate::statistics::{Adjustment, Design};

pub(super) fn write(comparison: &Comparison, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (first, second) = (&comparison.first, &comparison.second);
    let claim = match comparison.verdict() {
        Verdict::Better => format!("{} is better than {}", first.name, second.name),
        Verdict::Worse => format!("{} is worse than {}", first.name, second.name),
        Verdict::NoDifferenceShown => {
            format!(
                "no difference shown between {} and {}",
                first.name, second.name
            )
        }
        Verdict::Untested => format!("{} and {} cannot be tested", first.name, second.name),
    };
    write!(
        f,
        "{claim}: {:.4} - {:.4} = {:.4}",
        first.scores.mean, second.scores.mean, comparison.difference
    )?;
    match &comparison.test {
        Some(test) => write!(f, ", {} ({})", test.interval, evidence(comparison))?,
        None => write!(f, ", and the scores do not vary ({})", seeds(comparison))?,
    }
    match comparison.more_seeds {
        Some(more) if comparison.verdict() == Verdict::NoDifferenceShown => {
            write!(f, "; {}", outlook(more))
        }
        _ => Ok(()),
    }
}

/// Returns test, p-value, effect size and number of seeds.
fn evidence(comparison: &Comparison) -> String {
    let mut parts = String::new();
    if let Some(test) = &comparison.test {
        parts += &match test.design {
            Design::Independent => format!(
                "Welch's t({:.1}) = {:.2}",
                test.degrees_of_freedom, test.statistic
            ),
            Design::Paired => format!(
                "paired t({}) = {:.2}",
                test.degrees_of_freedom, test.statistic
            ),
        };
        parts += &format!(", {}", probability(test.p_value));
    }
    if let Some(p) = comparison.adjusted_p {
        parts += &match comparison.config.adjustment {
            Adjustment::Holm => format!(", by Holm {}", probability(p)),
            Adjustment::BenjaminiHochberg => {
                format!(", by Benjamini-Hochberg {}", probability(p))
            }
            Adjustment::None => String::new(),
        };
    }
    if let Some(effect) = comparison.effect_size {
        parts += &format!(", d = {:.2}", effect.cohens_d);
    }
    format!("{parts}; {}", seeds(comparison))
}

fn seeds(comparison: &Comparison) -> String {
    let (first, second) = (
        comparison.first.scores.count,
        comparison.second.scores.count,
    );
    match comparison.config.design {
        Design::Independent => format!("{first} and {second} runs"),
        Design::Paired => format!("{first} pairs of runs"),
    }
}

fn outlook(more: SampleSize) -> String {
    let SampleSize {
        difference, power, ..
    } = more;
    match more.additional {
        Some(0) => {
            format!("these runs would show a difference of {difference:.4} with power {power}")
        }
        Some(1) => format!(
            "1 seed more a group would show a difference of {difference:.4} with power {power}"
        ),
        Some(count) => format!(
            "{count} runs more a group would show a difference of {difference:.4} with power {power}"
        ),
        None => format!(
            "no practicable number of runs would show a difference of {difference:.4} with power {power}"
        ),
    }
}

/// Formats a p-value as `p = 0.0123` or `p < 0.0001`.
fn probability(p: f64) -> String {
    if p < 0.0001 {
        "p < 0.0001".to_owned()
    } else {
        format!("p = {p:.4}")
    }
}

#[cfg(test)]
mod tests {
    use crate::statistics::{Comparison, ComparisonConfig, Design, ScoreGroup};

    fn sentence(first: &[f64], second: &[f64], config: &ComparisonConfig) -> String {
        Comparison::new(
            &ScoreGroup::new("a", first),
            &ScoreGroup::new("b", second),
            config,
        )
        .unwrap()
        .to_string()
    }

    #[test]
    fn a_claim_comes_with_its_test() {
        let config = ComparisonConfig {
            design: Design::Paired,
            ..ComparisonConfig::default()
        };
        assert_eq!(
            sentence(&[0.9, 0.8, 0.85], &[0.8, 0.71, 0.74], &config),
            "a is better than b: 0.8500 - 0.7500 = 0.1000, 95 % interval 0.0752 to 0.1248 \
             (paired t(2) = 17.32, p = 0.0033, d = 10.00; 3 pairs of runs)"
        );
    }

    #[test]
    fn scores_that_do_not_vary_are_no_claim() {
        assert_eq!(
            sentence(&[0.5, 0.5], &[0.25, 0.25], &ComparisonConfig::default()),
            "a and b cannot be tested: 0.5000 - 0.2500 = 0.2500, and the scores do not vary \
             (2 and 2 runs)"
        );
    }

    #[test]
    fn enough_seeds_and_too_many_are_said() {
        let scores = ([0.80, 0.82, 0.84], [0.81, 0.82, 0.83]);
        for (difference, outlook) in [
            (
                0.1,
                "; these runs would show a difference of 0.1000 with power 0.8",
            ),
            (
                0.04,
                "; 1 seed more a group would show a difference of 0.0400 with power 0.8",
            ),
            (
                1e-5,
                "; no practicable number of runs would show a difference of 0.0000 with power 0.8",
            ),
        ] {
            let config = ComparisonConfig {
                min_detectable_difference: Some(difference),
                ..ComparisonConfig::default()
            };
            let sentence = sentence(&scores.0, &scores.1, &config);
            assert!(sentence.ends_with(outlook), "{sentence}");
        }
    }
}
