//! Comparisons of many arms, with a baseline or among each other.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Adjustment, Arm, ArmSummary, Comparison, ComparisonConfig};
use crate::EvalError;

/// Comparisons of the arms of a study, with p-values adjusted for multiple tests.
///
/// ```
/// use finetune_eval::statistics::{Arm, ComparisonConfig, ComparisonTable, Verdict};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let arms = [
///     Arm::new("frozen", [0.781, 0.779, 0.784, 0.780, 0.782]),
///     Arm::new("last two layers", [0.815, 0.820, 0.811, 0.818, 0.814]),
///     Arm::new("fine-tuned", [0.826, 0.831, 0.829, 0.824, 0.833]),
/// ];
/// let table = ComparisonTable::against_baseline(&arms, "frozen", &ComparisonConfig::default())?;
/// assert_eq!(table.comparisons.len(), 2);
/// assert!(table.comparisons.iter().all(|one| one.verdict() == Verdict::Better));
/// println!("{table}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComparisonTable {
    /// Arms, in the given order.
    pub arms: Vec<ArmSummary>,
    /// Name of the baseline; `None` if all pairs are compared.
    pub baseline: Option<String>,
    /// Comparisons, in the order of the arms.
    pub comparisons: Vec<Comparison>,
}

impl ComparisonTable {
    /// Compares each arm with the baseline.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFewArms`] if there are fewer than two arms.
    /// - [`EvalError::ArmTwice`] if two arms have the same name.
    /// - [`EvalError::UnknownArm`] if no arm is named `baseline`.
    /// - The errors of [`Comparison::new`].
    pub fn against_baseline(
        arms: &[Arm],
        baseline: &str,
        config: &ComparisonConfig,
    ) -> Result<Self, EvalError> {
        check(arms)?;
        let base = named(arms, baseline)?;
        let others = arms.iter().filter(|arm| arm.name != baseline);
        let pairs = others.map(|arm| (arm, base)).collect();
        Self::compared(arms, Some(baseline), pairs, config)
    }

    /// Compares all pairs of arms.
    ///
    /// # Errors
    ///
    /// - The errors of [`against_baseline`](Self::against_baseline).
    pub fn all_pairs(arms: &[Arm], config: &ComparisonConfig) -> Result<Self, EvalError> {
        check(arms)?;
        let pairs = arms
            .iter()
            .enumerate()
            .flat_map(|(position, first)| {
                let later = arms[position + 1..].iter();
                later.map(move |second| (first, second))
            })
            .collect();
        Self::compared(arms, None, pairs, config)
    }

    /// Creates a table of separate comparisons, such as with different designs. Their p-values are
    /// adjusted here; the confidence intervals of the arms have the level `1 - alpha`.
    ///
    /// ```
    /// use finetune_eval::statistics::{
    ///     Adjustment, Arm, Comparison, ComparisonConfig, ComparisonTable, Design,
    /// };
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let arms = [Arm::new("a", [0.80, 0.82, 0.81]), Arm::new("b", [0.83, 0.84, 0.82])];
    /// let paired = ComparisonConfig { design: Design::Paired, ..Default::default() };
    /// let one = Comparison::new(&arms[0], &arms[1], &paired)?;
    /// let table = ComparisonTable::of(&arms, None, vec![one], Adjustment::Holm, 0.05)?;
    /// assert_eq!(table.comparisons[0].adjusted_p, table.comparisons[0].test.map(|test| test.p_value));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFewArms`] if there are fewer than two arms.
    /// - [`EvalError::ArmTwice`] if two arms have the same name.
    /// - [`EvalError::UnknownArm`] if no arm is named `baseline`.
    /// - The errors of [`Arm::summary`].
    pub fn of(
        arms: &[Arm],
        baseline: Option<&str>,
        mut comparisons: Vec<Comparison>,
        adjustment: Adjustment,
        alpha: f64,
    ) -> Result<Self, EvalError> {
        check(arms)?;
        if let Some(baseline) = baseline {
            named(arms, baseline)?;
        }
        let tested = || comparisons.iter().filter_map(|one| one.test);
        let raw: Vec<f64> = tested().map(|test| test.p_value).collect();
        let adjusted = adjustment.adjust(&raw)?;
        let tested = comparisons.iter_mut().filter(|one| one.test.is_some());
        for (comparison, p) in tested.zip(adjusted) {
            comparison.adjusted_p = Some(p);
        }
        Ok(Self {
            arms: arms
                .iter()
                .map(|arm| arm.summary(1.0 - alpha))
                .collect::<Result<_, _>>()?,
            baseline: baseline.map(str::to_owned),
            comparisons,
        })
    }

    fn compared(
        arms: &[Arm],
        baseline: Option<&str>,
        pairs: Vec<(&Arm, &Arm)>,
        config: &ComparisonConfig,
    ) -> Result<Self, EvalError> {
        let comparisons = pairs
            .into_iter()
            .map(|(first, second)| Comparison::new(first, second, config))
            .collect::<Result<Vec<_>, _>>()?;
        Self::of(arms, baseline, comparisons, config.adjustment, config.alpha)
    }
}

fn named<'a>(arms: &'a [Arm], name: &str) -> Result<&'a Arm, EvalError> {
    let found = arms.iter().find(|arm| arm.name == name);
    found.ok_or_else(|| EvalError::UnknownArm {
        name: name.to_owned(),
        arms: arms.iter().map(|arm| arm.name.clone()).collect(),
    })
}

fn check(arms: &[Arm]) -> Result<(), EvalError> {
    if arms.len() < 2 {
        return Err(EvalError::TooFewArms { got: arms.len() });
    }
    let mut names = HashSet::new();
    match arms.iter().find(|arm| !names.insert(&arm.name)) {
        Some(arm) => Err(EvalError::ArmTwice {
            name: arm.name.clone(),
        }),
        None => Ok(()),
    }
}

/// Writes one line per arm, then one sentence per comparison.
impl fmt::Display for ComparisonTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.arms.iter().map(|arm| arm.name.chars().count());
        let width = names.max().unwrap_or(0);
        for arm in &self.arms {
            write!(f, "{:width$}  {}", arm.name, arm.scores)?;
            match arm.scores.spread {
                Some(spread) => writeln!(f, "  {}", spread.interval)?,
                None => writeln!(f)?,
            }
        }
        for comparison in &self.comparisons {
            write!(f, "\n{comparison}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arms() -> [Arm; 3] {
        [
            Arm::new("a", [0.80, 0.82, 0.81]),
            Arm::new("b", [0.83, 0.84, 0.82]),
            Arm::new("c", [0.90, 0.91, 0.93]),
        ]
    }

    #[test]
    fn each_arm_meets_each_other_once() {
        let table = ComparisonTable::all_pairs(&arms(), &ComparisonConfig::default()).unwrap();
        let pairs: Vec<(&str, &str)> = table
            .comparisons
            .iter()
            .map(|one| (one.first.name.as_str(), one.second.name.as_str()))
            .collect();
        assert_eq!(pairs, [("a", "b"), ("a", "c"), ("b", "c")]);
        for comparison in &table.comparisons {
            assert!(comparison.adjusted_p.unwrap() >= comparison.test.unwrap().p_value);
        }
    }

    #[test]
    fn what_was_not_tested_does_not_count_as_a_test() {
        let arms = [
            Arm::new("constant", [0.5, 0.5]),
            Arm::new("as constant", [0.5, 0.5]),
            Arm::new("varying", [0.6, 0.7]),
        ];
        let table =
            ComparisonTable::against_baseline(&arms, "constant", &ComparisonConfig::default())
                .unwrap();
        let [untested, tested] = table.comparisons.as_slice() else {
            panic!("{table}");
        };
        assert_eq!(untested.adjusted_p, None);
        assert_eq!(tested.adjusted_p, Some(tested.test.unwrap().p_value));
    }

    #[test]
    fn prints_arms_and_sentences() {
        let table =
            ComparisonTable::against_baseline(&arms(), "a", &ComparisonConfig::default()).unwrap();
        let text = table.to_string();
        assert!(text.starts_with("a  0.8100 ± 0.0100 (3)  95 % interval 0.7852 to 0.8348\n"));
        assert!(text.contains("\n\nno difference shown between b and a: "));
        assert!(text.contains("\nc is better than a: "));
        assert_eq!(text.lines().count(), 6);
    }

    #[test]
    fn arms_that_cannot_be_told_apart_are_refused() {
        let config = ComparisonConfig::default();
        let [a, b, _] = arms();
        assert_eq!(
            ComparisonTable::all_pairs(std::slice::from_ref(&a), &config),
            Err(EvalError::TooFewArms { got: 1 })
        );
        assert_eq!(
            ComparisonTable::all_pairs(&[a.clone(), a.clone()], &config),
            Err(EvalError::ArmTwice { name: "a".into() })
        );
        assert_eq!(
            ComparisonTable::against_baseline(&[a, b], "z", &config),
            Err(EvalError::UnknownArm {
                name: "z".into(),
                arms: vec!["a".into(), "b".into()]
            })
        );
    }
}
