//! Text format of a comparison: one sentence.

use std::fmt;

use super::{Comparison, SampleSize, Verdict};
use crate::statistics::adjustment::Adjustment;
use crate::statistics::significance::{SignificanceTest, p_value_text};
use crate::statistics::t_test::Design;

/// Writes the comparison as a sentence.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = (&self.first.name, &self.second.name);
        match self.verdict() {
            Verdict::Better => write!(f, "{first} is better than {second}"),
            Verdict::Worse => write!(f, "{first} is worse than {second}"),
            Verdict::NoDifferenceShown => {
                write!(f, "no difference shown between {first} and {second}")
            }
            Verdict::Untested => write!(f, "{first} and {second} cannot be tested"),
        }?;
        let (first, second) = (&self.first.scores, &self.second.scores);
        write!(
            f,
            ": {:.4} - {:.4} = {:.4}",
            first.mean, second.mean, self.difference
        )?;
        let runs = match self.config.design {
            Design::Independent => format!("{} and {} runs", first.count, second.count),
            Design::Paired => format!("{} pairs of runs", first.count),
        };
        match &self.test {
            Some(test) => write!(f, ", {} ({}; {runs})", test.interval, self.evidence())?,
            None => write!(f, ", and the scores do not vary ({runs})")?,
        }
        match self.more_seeds {
            Some(more) if self.verdict() == Verdict::NoDifferenceShown => {
                write!(f, "; {}", outlook(more))
            }
            _ => Ok(()),
        }
    }
}

impl Comparison {
    /// Returns test, p-values and effect size.
    fn evidence(&self) -> String {
        let test = self.test.iter().flat_map(|test| {
            let (freedom, t) = (test.degrees_of_freedom, test.statistic);
            let name = match test.design {
                Design::Independent => format!("Welch's t({freedom:.1}) = {t:.2}"),
                Design::Paired => format!("paired t({freedom}) = {t:.2}"),
            };
            [name, p_value_text(test.p_value)]
        });
        let other = match self.config.test {
            SignificanceTest::T => None,
            test => (self.p_value).map(|p| format!("{} {}", test.name(), p_value_text(p))),
        };
        let adjusted = self.adjusted_p.and_then(|p| match self.config.adjustment {
            Adjustment::Holm => Some(format!("by Holm {}", p_value_text(p))),
            Adjustment::BenjaminiHochberg => {
                Some(format!("by Benjamini-Hochberg {}", p_value_text(p)))
            }
            Adjustment::None => None,
        });
        let effect = self
            .effect_size
            .map(|effect| format!("d = {:.2}", effect.cohens_d));
        test.chain(other)
            .chain(adjusted)
            .chain(effect)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn outlook(more: SampleSize) -> String {
    let runs = match more.additional {
        Some(0) => "these runs".to_owned(),
        Some(1) => "1 seed more a group".to_owned(),
        Some(count) => format!("{count} runs more a group"),
        None => "no practicable number of runs".to_owned(),
    };
    let SampleSize {
        difference, power, ..
    } = more;
    format!("{runs} would show a difference of {difference:.4} with power {power}")
}

#[cfg(test)]
mod tests {
    use crate::statistics::{Comparison, ComparisonConfig, Design, ScoreGroup, SignificanceTest};

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
    fn another_test_is_named_and_decides() {
        let config = ComparisonConfig {
            design: Design::Paired,
            test: SignificanceTest::Wilcoxon,
            ..ComparisonConfig::default()
        };
        assert_eq!(
            sentence(&[0.9, 0.8, 0.85], &[0.8, 0.71, 0.74], &config),
            "no difference shown between a and b: 0.8500 - 0.7500 = 0.1000, 95 % interval 0.0752 \
             to 0.1248 (paired t(2) = 17.32, p = 0.0033, Wilcoxon's signed-rank test p = 0.2500, d \
             = 10.00; 3 pairs of runs); these runs would show a difference of 0.1000 with power 0.8"
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
