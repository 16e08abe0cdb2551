//! Evaluation during training: its schedule, the best model so far and early stopping.

use std::collections::BTreeMap;

use finetune_eval::{Better, MetricKind, Scores};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::run_length::Interval;

/// Settings of the evaluation on validation rows during training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Interval between evaluations (default: 1 epoch).
    pub every: Interval,
    /// Whether to also evaluate before the first step (default: false).
    pub on_start: bool,
    /// Name of the metric for model selection and early stopping: any built-in metric of the task,
    /// or your own (default: `loss`).
    pub metric_for_best_model: String,
    /// Whether the run returns the best model instead of the last (default: true).
    pub load_best_model_at_end: bool,
    /// Early stopping (default: none).
    pub early_stopping: Option<EarlyStopping>,
}

/// Early stopping of a run that no longer improves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    /// Consecutive evaluations without an improvement that end the run, at least 1 (default: 1).
    pub patience: usize,
    /// Minimum change of the metric that counts as an improvement, at least 0 (default: 0). It does
    /// not affect the choice of the best model.
    pub min_delta: f64,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            every: Interval::Epochs(1),
            on_start: false,
            metric_for_best_model: MetricKind::Loss.to_string(),
            load_best_model_at_end: true,
            early_stopping: None,
        }
    }
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self {
            patience: 1,
            min_delta: 0.0,
        }
    }
}

impl EarlyStopping {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), TrainError> {
        if self.patience == 0 {
            return Err(TrainError::setting("patience", 0, "at least 1"));
        }
        let least = self.min_delta;
        match least >= 0.0 && least.is_finite() {
            true => Ok(()),
            false => Err(TrainError::setting("min_delta", least, "at least 0")),
        }
    }
}

impl EvaluationConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.every.validate("evaluation.every")?;
        match self.early_stopping {
            Some(stopping) => stopping.validate(),
            None => Ok(()),
        }
    }

    /// Returns whether higher or lower values of the configured metric are better.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if `metrics` is empty or lacks the configured metric.
    pub(crate) fn check(&self, metrics: &[(String, Better)]) -> Result<Better, TrainError> {
        if metrics.is_empty() {
            let (setting, found) = match self.early_stopping {
                Some(stopping) => ("patience", format!("{} evaluations", stopping.patience)),
                None => ("evaluation.every", format!("{:?}", self.every)),
            };
            let expected = "none without validation rows, of which there are 0";
            return Err(TrainError::setting(setting, found, expected));
        }
        let found = metrics
            .iter()
            .find(|(name, _)| *name == self.metric_for_best_model);
        found.map(|(_, better)| *better).ok_or_else(|| {
            let names: Vec<_> = metrics.iter().map(|(name, _)| &name[..]).collect();
            let expected = format!("one of {}", names.join(", "));
            TrainError::setting(
                "evaluation.metric_for_best_model",
                &self.metric_for_best_model,
                expected,
            )
        })
    }
}

/// Record of one evaluation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// Optimizer steps completed before the evaluation.
    pub step: u64,
    /// Epoch of the latest step, from 1; 0 before the first step.
    pub epoch: u64,
    /// Metrics by name; of several tasks, the overall metrics.
    pub scores: Scores,
    /// Metrics of each task by task name; empty in a run on a single task.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, Scores>,
}

/// Result of an evaluation of one or several tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// Metrics by name; of several tasks, the overall metrics.
    pub scores: Scores,
    /// Metrics of each task by task name; empty for a single task.
    pub tasks: BTreeMap<String, TaskScores>,
}

/// Evaluation of one task of several.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskScores {
    /// Name of the task's main metric.
    pub metric: String,
    /// Whether higher or lower values of the main metric are better.
    pub better: Better,
    /// All metrics of the task by name.
    pub scores: Scores,
}

impl From<Scores> for Evaluation {
    fn from(scores: Scores) -> Self {
        Self {
            scores,
            tasks: BTreeMap::new(),
        }
    }
}

impl EvaluationRecord {
    /// Formats all scores as one human-readable line.
    pub(crate) fn scores_text(&self) -> String {
        let text = |scores: &Scores| {
            let scores = scores.iter();
            let scores: Vec<_> = scores
                .map(|(metric, score)| format!("{metric} {score:.4}"))
                .collect();
            scores.join(", ")
        };
        let tasks = self.tasks.iter();
        let tasks = tasks.map(|(name, scores)| format!("{name}: {}", text(scores)));
        let all = std::iter::once(text(&self.scores)).chain(tasks);
        all.collect::<Vec<_>>().join("; ")
    }
}

/// Best evaluation and early-stopping state of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BestTracker {
    /// The best evaluation so far; on ties, the first.
    pub(crate) best: Option<EvaluationRecord>,
    /// Metric value of the last improvement.
    improved_to: Option<f64>,
    /// Evaluations since the last improvement.
    pub(crate) without_improvement: usize,
}

impl BestTracker {
    /// Records an evaluation and returns whether it is the best so far.
    pub(crate) fn update(
        &mut self,
        config: &EvaluationConfig,
        better: Better,
        record: &EvaluationRecord,
    ) -> bool {
        let value =
            |record: &EvaluationRecord| record.scores.get(&config.metric_for_best_model).copied();
        // NaN is never an improvement.
        let Some(new) = value(record).filter(|value| !value.is_nan()) else {
            self.without_improvement += 1;
            return false;
        };
        let least = config
            .early_stopping
            .map_or(0.0, |stopping| stopping.min_delta);
        let by = |old| better.improvement(old, new);
        match self.improved_to {
            Some(old) if by(old) <= least => self.without_improvement += 1,
            _ => (self.improved_to, self.without_improvement) = (Some(new), 0),
        }
        let is_best = match self.best.as_ref().and_then(value) {
            Some(old) => by(old) > 0.0,
            None => true,
        };
        if is_best {
            self.best = Some(record.clone());
        }
        is_best
    }

    /// Returns whether early stopping ends the run.
    pub(crate) fn is_over(&self, config: &EvaluationConfig) -> bool {
        let stopping = config.early_stopping;
        stopping.is_some_and(|stopping| self.without_improvement >= stopping.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(patience: usize, min_delta: f64) -> EvaluationConfig {
        EvaluationConfig {
            metric_for_best_model: "accuracy".to_string(),
            early_stopping: Some(EarlyStopping {
                patience,
                min_delta,
            }),
            ..Default::default()
        }
    }

    fn record(step: u64, accuracy: f64) -> EvaluationRecord {
        EvaluationRecord {
            step,
            epoch: 0,
            scores: [("accuracy".to_string(), accuracy)].into(),
            tasks: BTreeMap::new(),
        }
    }

    /// Returns the step of the best evaluation, and the evaluation at which early stopping ended.
    fn follow(config: &EvaluationConfig, accuracies: &[f64]) -> (u64, Option<usize>) {
        let mut standing = BestTracker::default();
        for (step, accuracy) in accuracies.iter().enumerate() {
            standing.update(config, Better::Higher, &record(step as u64, *accuracy));
            if standing.is_over(config) {
                return (standing.best.unwrap().step, Some(step));
            }
        }
        (standing.best.unwrap().step, None)
    }

    #[test]
    fn patience_counts_evaluations_without_improvement() {
        assert_eq!(follow(&config(2, 0.0), &[0.5, 0.6, 0.6, 0.6]), (1, Some(3)));
        assert_eq!(follow(&config(2, 0.0), &[0.5, 0.4, 0.6, 0.5]), (2, None));
        assert_eq!(follow(&config(1, 0.0), &[0.5, 0.4]), (0, Some(1)));
    }

    #[test]
    fn a_small_lead_is_kept_but_is_no_improvement() {
        let small = [0.5, 0.505, 0.509, 0.515];
        assert_eq!(follow(&config(2, 0.01), &small), (2, Some(2)));
        assert_eq!(follow(&config(3, 0.01), &small), (3, None));
    }

    #[test]
    fn not_a_number_is_never_the_best() {
        assert_eq!(follow(&config(9, 0.0), &[0.5, f64::NAN, 0.6]), (2, None));
        let mut standing = BestTracker::default();
        let higher = Better::Higher;
        assert!(!standing.update(&config(9, 0.0), higher, &record(0, f64::NAN)));
        assert!(standing.update(&config(9, 0.0), higher, &record(1, 0.0)));
    }

    #[test]
    fn what_contradicts_is_refused() {
        assert!(config(0, 0.0).validate().is_err());
        assert!(config(1, f64::NAN).validate().is_err());
        let error = config(3, 0.0).check(&[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "patience is 3 evaluations, expected none without validation rows, of which there are 0"
        );
        let error = config(3, 0.0).check(&[
            ("loss".to_string(), Better::Lower),
            ("perplexity".to_string(), Better::Lower),
        ]);
        let error = error.unwrap_err().to_string();
        assert!(error.ends_with("one of loss, perplexity"), "{error}");
    }
}
