//! Overall score of several tasks.

use serde::{Deserialize, Serialize};

/// Formula of the overall score, from the main metric of each task: accuracy for classes, Pearson
/// correlation for scores.
///
/// The CS224N variants are the leaderboard scores of the default project of Stanford's CS224N in
/// those years. They accept any tasks.
///
/// ```
/// use finetune_train::OverallScore;
///
/// let dev = [("accuracy", 0.484), ("accuracy", 0.768), ("pearson", 0.607)];
/// let overall = OverallScore::Cs224n2023.of(dev).ok_or("no tasks")?;
/// assert_eq!(format!("{overall:.3}"), "0.620");
/// let dev = [("accuracy", 0.533), ("accuracy", 0.82), ("pearson", 0.726)];
/// let overall = OverallScore::Cs224n2024.of(dev).ok_or("no tasks")?;
/// assert_eq!(format!("{overall:.4}"), "0.7387");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverallScore {
    /// Mean over the tasks.
    #[serde(rename = "cs224n_2023")]
    Cs224n2023,
    /// Mean over the tasks, with a correlation `r` counted as `(r + 1) / 2`.
    #[default]
    #[serde(rename = "cs224n_2024")]
    Cs224n2024,
    /// Score of the task with this name.
    Task(String),
}

impl OverallScore {
    /// Returns the overall score from the metric and score of each task; `None` without tasks.
    /// [`OverallScore::Task`] returns the score of the first task given.
    pub fn of<M: AsRef<str>>(&self, tasks: impl IntoIterator<Item = (M, f64)>) -> Option<f64> {
        let tasks = tasks
            .into_iter()
            .map(|(metric, score)| match (self, metric.as_ref()) {
                (Self::Cs224n2024, "pearson" | "spearman") => (score + 1.0) / 2.0,
                _ => score,
            });
        let tasks: Vec<f64> = tasks.collect();
        match (self, tasks.is_empty()) {
            (_, true) => None,
            (Self::Task(_), _) => tasks.first().copied(),
            _ => Some(tasks.iter().sum::<f64>() / tasks.len() as f64),
        }
    }

    /// Returns whether a task is part of the overall score.
    pub(super) fn counts(&self, task: &str) -> bool {
        match self {
            Self::Task(only) => only == task,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the tables of the two reports, and what their overall scores follow from.
    #[test]
    fn published_scores_follow_from_the_formula_of_their_year() {
        let overall = |formula: OverallScore, [sst, para, sts]: [f64; 3]| {
            let tasks = [("accuracy", sst), ("accuracy", para), ("pearson", sts)];
            formula.of(tasks).unwrap()
        };
        for (scores, published) in [
            ([0.396, 0.524, 0.376], 0.536),
            ([0.240, 0.810, 0.818], 0.653),
            ([0.284, 0.800, 0.815], 0.664),
            ([0.516, 0.828, 0.615], 0.717),
        ] {
            let found = overall(OverallScore::Cs224n2024, scores);
            assert!((found - published).abs() < 1e-3, "{found} {published}");
        }
        for (scores, published) in [
            ([0.519, 0.684, 0.323], 0.509),
            ([0.536, 0.604, 0.255], 0.465),
            ([0.484, 0.768, 0.607], 0.620),
        ] {
            let found = overall(OverallScore::Cs224n2023, scores);
            assert!((found - published).abs() < 1e-3, "{found} {published}");
        }
    }

    #[test]
    fn names_are_those_of_settings() {
        for (formula, json) in [
            (OverallScore::Cs224n2023, r#""cs224n_2023""#),
            (OverallScore::Cs224n2024, r#""cs224n_2024""#),
            (OverallScore::Task("sst".into()), r#"{"task":"sst"}"#),
        ] {
            assert_eq!(serde_json::to_string(&formula).unwrap(), json);
            assert_eq!(serde_json::from_str::<OverallScore>(json).unwrap(), formula);
        }
        assert_eq!(OverallScore::Cs224n2023.of::<&str>([]), None);
    }
}
