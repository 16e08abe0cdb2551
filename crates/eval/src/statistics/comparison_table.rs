//! Comparisons of many groups, with a baseline or among each other.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::adjustment::Adjustment;
use super::comparison::{Comparison, ComparisonConfig, GroupSummary, ScoreGroup};
use crate::error::EvalError;

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
/// let table = ComparisonTable::new(&groups, Some("frozen"), &ComparisonConfig::default())?;
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
    /// Compares each group with the baseline, or all pairs of groups without a baseline.
    ///
    /// # Errors
    ///
    /// - The errors of [`Self::of`] and of [`Comparison::new`].
    pub fn new(
        groups: &[ScoreGroup],
        baseline: Option<&str>,
        config: &ComparisonConfig,
    ) -> Result<Self, EvalError> {
        check(groups, baseline)?;
        let base = groups
            .iter()
            .find(|group| Some(group.name.as_str()) == baseline);
        let mut comparisons = Vec::new();
        for (position, first) in groups.iter().enumerate() {
            let others = match base {
                None => &groups[position + 1..],
                Some(base) if base.name == first.name => &[],
                Some(base) => std::slice::from_ref(base),
            };
            for second in others {
                comparisons.push(Comparison::new(first, second, config)?);
            }
        }
        Self::of(
            groups,
            baseline,
            comparisons,
            config.adjustment,
            config.alpha,
        )
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
    /// - [`EvalError::TooFew`] if there are fewer than two groups.
    /// - [`EvalError::Duplicate`] if two groups have the same name.
    /// - [`EvalError::Unknown`] if no group is named `baseline`.
    /// - The errors of [`ScoreGroup::summary`].
    pub fn of(
        groups: &[ScoreGroup],
        baseline: Option<&str>,
        mut comparisons: Vec<Comparison>,
        adjustment: Adjustment,
        alpha: f64,
    ) -> Result<Self, EvalError> {
        check(groups, baseline)?;
        let raw: Vec<f64> = comparisons.iter().filter_map(|one| one.p_value).collect();
        let adjusted = adjustment.adjust(&raw)?;
        let tested = comparisons.iter_mut().filter(|one| one.p_value.is_some());
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
}

fn check(groups: &[ScoreGroup], baseline: Option<&str>) -> Result<(), EvalError> {
    if groups.len() < 2 {
        return Err(EvalError::too_few("groups", groups.len(), 2));
    }
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
        let (what, name) = ("group", (*name).to_owned());
        return Err(EvalError::Duplicate { what, name });
    }
    match baseline {
        Some(baseline) if !names.contains(&baseline) => {
            Err(EvalError::unknown("group", baseline, &names))
        }
        _ => Ok(()),
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
        let table = ComparisonTable::new(&groups(), None, &ComparisonConfig::default()).unwrap();
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
            ComparisonTable::new(&groups, Some("constant"), &ComparisonConfig::default()).unwrap();
        let [untested, tested] = table.comparisons.as_slice() else {
            panic!("{table}");
        };
        assert_eq!(untested.adjusted_p, None);
        assert_eq!(tested.adjusted_p, Some(tested.test.unwrap().p_value));
    }

    #[test]
    fn prints_arms_and_sentences() {
        let table =
            ComparisonTable::new(&groups(), Some("a"), &ComparisonConfig::default()).unwrap();
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
            ComparisonTable::new(std::slice::from_ref(&a), None, &config),
            Err(EvalError::too_few("groups", 1, 2))
        );
        assert_eq!(
            ComparisonTable::new(&[a.clone(), a.clone()], None, &config),
            Err(EvalError::Duplicate {
                what: "group",
                name: "a".into()
            })
        );
        assert_eq!(
            ComparisonTable::new(&[a, b], Some("z"), &config),
            Err(EvalError::unknown("group", "z", &["a", "b"]))
        );
    }
}
