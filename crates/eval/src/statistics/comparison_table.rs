//! Comparisons of many groups, with a baseline or among each other.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Adjustment, Comparison, ComparisonConfig, GroupSummary, ScoreGroup};
use crate::EvalError;

/// Comparisons of the groups of a study, with p-values adjusted for multiple tests.
///
/// ```
/// use finetune_eval::statistics::{ScoreGroup, ComparisonConfig, ComparisonTable, Verdict};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let groups = [
///     ScoreGroup::new("frozen", [0.781, 0.779, 0.784, 0.780, 0.782]),
///     ScoreGroup::new("last two layers", [0.815, 0.820, 0.811, 0.818, 0.814]),
///     ScoreGroup::new("fine-tuned", [0.826, 0.831, 0.829, 0.824, 0.833]),
/// ];
/// let table = ComparisonTable::against_baseline(&groups, "frozen", &ComparisonConfig::default())?;
/// assert_eq!(table.comparisons.len(), 2);
/// assert!(table.comparisons.iter().all(|one| one.verdict() == Verdict::Better));
/// println!("{table}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComparisonTable {
    /// Groups, in the given order.
    pub groups: Vec<GroupSummary>,
    /// Name of the baseline; `None` if all pairs are compared.
    pub baseline: Option<String>,
    /// Comparisons, in the order of the groups.
    pub comparisons: Vec<Comparison>,
}

impl ComparisonTable {
    /// Compares each group with the baseline.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFewGroups`] if there are fewer than two groups.
    /// - [`EvalError::DuplicateGroup`] if two groups have the same name.
    /// - [`EvalError::UnknownGroup`] if no group is named `baseline`.
    /// - The errors of [`Comparison::new`].
    pub fn against_baseline(
        groups: &[ScoreGroup],
        baseline: &str,
        config: &ComparisonConfig,
    ) -> Result<Self, EvalError> {
        check(groups)?;
        let base = named(groups, baseline)?;
        let others = groups.iter().filter(|group| group.name != baseline);
        let pairs = others.map(|group| (group, base)).collect();
        Self::compared(groups, Some(baseline), pairs, config)
    }

    /// Compares all pairs of groups.
    ///
    /// # Errors
    ///
    /// - The errors of [`against_baseline`](Self::against_baseline).
    pub fn all_pairs(groups: &[ScoreGroup], config: &ComparisonConfig) -> Result<Self, EvalError> {
        check(groups)?;
        let pairs = groups
            .iter()
            .enumerate()
            .flat_map(|(position, first)| {
                let later = groups[position + 1..].iter();
                later.map(move |second| (first, second))
            })
            .collect();
        Self::compared(groups, None, pairs, config)
    }

    /// Creates a table of separate comparisons, such as with different designs. Their p-values are
    /// adjusted here; the confidence intervals of the groups have the level `1 - alpha`.
    ///
    /// ```
    /// use finetune_eval::statistics::{
    ///     Adjustment, ScoreGroup, Comparison, ComparisonConfig, ComparisonTable, Design,
    /// };
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let groups = [ScoreGroup::new("a", [0.80, 0.82, 0.81]), ScoreGroup::new("b", [0.83, 0.84, 0.82])];
    /// let paired = ComparisonConfig { design: Design::Paired, ..Default::default() };
    /// let one = Comparison::new(&groups[0], &groups[1], &paired)?;
    /// let table = ComparisonTable::of(&groups, None, vec![one], Adjustment::Holm, 0.05)?;
    /// assert_eq!(table.comparisons[0].adjusted_p, table.comparisons[0].test.map(|test| test.p_value));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFewGroups`] if there are fewer than two groups.
    /// - [`EvalError::DuplicateGroup`] if two groups have the same name.
    /// - [`EvalError::UnknownGroup`] if no group is named `baseline`.
    /// - The errors of [`ScoreGroup::summary`].
    pub fn of(
        groups: &[ScoreGroup],
        baseline: Option<&str>,
        mut comparisons: Vec<Comparison>,
        adjustment: Adjustment,
        alpha: f64,
    ) -> Result<Self, EvalError> {
        check(groups)?;
        if let Some(baseline) = baseline {
            named(groups, baseline)?;
        }
        let tested = || comparisons.iter().filter_map(|one| one.test);
        let raw: Vec<f64> = tested().map(|test| test.p_value).collect();
        let adjusted = adjustment.adjust(&raw)?;
        let tested = comparisons.iter_mut().filter(|one| one.test.is_some());
        for (comparison, p) in tested.zip(adjusted) {
            comparison.adjusted_p = Some(p);
        }
        Ok(Self {
            groups: groups
                .iter()
                .map(|group| group.summary(1.0 - alpha))
                .collect::<Result<_, _>>()?,
            baseline: baseline.map(str::to_owned),
            comparisons,
        })
    }

    fn compared(
        groups: &[ScoreGroup],
        baseline: Option<&str>,
        pairs: Vec<(&ScoreGroup, &ScoreGroup)>,
        config: &ComparisonConfig,
    ) -> Result<Self, EvalError> {
        let comparisons = pairs
            .into_iter()
            .map(|(first, second)| Comparison::new(first, second, config))
            .collect::<Result<Vec<_>, _>>()?;
        Self::of(
            groups,
            baseline,
            comparisons,
            config.adjustment,
            config.alpha,
        )
    }
}

fn named<'a>(groups: &'a [ScoreGroup], name: &str) -> Result<&'a ScoreGroup, EvalError> {
    let found = groups.iter().find(|group| group.name == name);
    found.ok_or_else(|| EvalError::UnknownGroup {
        name: name.to_owned(),
        groups: groups.iter().map(|group| group.name.clone()).collect(),
    })
}

fn check(groups: &[ScoreGroup]) -> Result<(), EvalError> {
    if groups.len() < 2 {
        return Err(EvalError::TooFewGroups {
            found: groups.len(),
        });
    }
    let mut names = HashSet::new();
    match groups.iter().find(|group| !names.insert(&group.name)) {
        Some(group) => Err(EvalError::DuplicateGroup {
            name: group.name.clone(),
        }),
        None => Ok(()),
    }
}

/// Writes one line per group, then one sentence per comparison.
impl fmt::Display for ComparisonTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.groups.iter().map(|group| group.name.chars().count());
        let width = names.max().unwrap_or(0);
        for group in &self.groups {
            write!(f, "{:width$}  {}", group.name, group.scores)?;
            match group.scores.spread {
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

    fn groups() -> [ScoreGroup; 3] {
        [
            ScoreGroup::new("a", [0.80, 0.82, 0.81]),
            ScoreGroup::new("b", [0.83, 0.84, 0.82]),
            ScoreGroup::new("c", [0.90, 0.91, 0.93]),
        ]
    }

    #[test]
    fn each_arm_meets_each_other_once() {
        let table = ComparisonTable::all_pairs(&groups(), &ComparisonConfig::default()).unwrap();
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
        let groups = [
            ScoreGroup::new("constant", [0.5, 0.5]),
            ScoreGroup::new("as constant", [0.5, 0.5]),
            ScoreGroup::new("varying", [0.6, 0.7]),
        ];
        let table =
            ComparisonTable::against_baseline(&groups, "constant", &ComparisonConfig::default())
                .unwrap();
        let [untested, tested] = table.comparisons.as_slice() else {
            panic!("{table}");
        };
        assert_eq!(untested.adjusted_p, None);
        assert_eq!(tested.adjusted_p, Some(tested.test.unwrap().p_value));
    }

    #[test]
    fn prints_arms_and_sentences() {
        let table = ComparisonTable::against_baseline(&groups(), "a", &ComparisonConfig::default())
            .unwrap();
        let text = table.to_string();
        assert!(text.starts_with("a  0.8100 ± 0.0100 (3)  95 % interval 0.7852 to 0.8348\n"));
        assert!(text.contains("\n\nno difference shown between b and a: "));
        assert!(text.contains("\nc is better than a: "));
        assert_eq!(text.lines().count(), 6);
    }

    #[test]
    fn arms_that_cannot_be_told_apart_are_refused() {
        let config = ComparisonConfig::default();
        let [a, b, _] = groups();
        assert_eq!(
            ComparisonTable::all_pairs(std::slice::from_ref(&a), &config),
            Err(EvalError::TooFewGroups { found: 1 })
        );
        assert_eq!(
            ComparisonTable::all_pairs(&[a.clone(), a.clone()], &config),
            Err(EvalError::DuplicateGroup { name: "a".into() })
        );
        assert_eq!(
            ComparisonTable::against_baseline(&[a, b], "z", &config),
            Err(EvalError::UnknownGroup {
                name: "z".into(),
                groups: vec!["a".into(), "b".into()]
            })
        );
    }
}
