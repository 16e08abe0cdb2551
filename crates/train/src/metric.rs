//! What a model is measured by while it trains.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that says how good a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// The mean loss; less is better.
    Loss,
    /// Share of rows whose likeliest class is right.
    Accuracy,
    /// Mean over the classes of their F1.
    MacroF1,
    /// Correlation of predicted and true scores.
    Pearson,
    /// Correlation of their ranks.
    Spearman,
    /// What several tasks have together, as an
    /// [`OverallScore`](crate::OverallScore) says.
    Overall,
    /// The exponential of the mean loss of a masked token; less is better.
    Perplexity,
}

/// The metrics of one evaluation.
pub type Scores = BTreeMap<Metric, f64>;

impl Metric {
    /// Whether a larger value is a better one.
    pub fn higher_is_better(self) -> bool {
        !matches!(self, Self::Loss | Self::Perplexity)
    }

    /// By how much `new` is better than `old`; negative if it is worse.
    pub fn improvement(self, old: f64, new: f64) -> f64 {
        match self.higher_is_better() {
            true => new - old,
            false => old - new,
        }
    }

    /// As in the metrics file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::MacroF1 => "macro_f1",
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
            Self::Overall => "overall",
            Self::Perplexity => "perplexity",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files() {
        for metric in [
            Metric::Loss,
            Metric::Accuracy,
            Metric::MacroF1,
            Metric::Pearson,
            Metric::Spearman,
            Metric::Overall,
            Metric::Perplexity,
        ] {
            let name = serde_json::to_value(metric).unwrap();
            assert_eq!(name, metric.name());
        }
    }

    #[test]
    fn less_loss_is_an_improvement() {
        assert_eq!(Metric::Loss.improvement(2.0, 1.5), 0.5);
        assert_eq!(Metric::Accuracy.improvement(0.5, 0.75), 0.25);
    }
}
