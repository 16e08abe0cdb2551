//! Inputs that several built-in metrics share.

use std::cell::OnceCell;

use super::{MetricInput, MetricKind, MetricSource};
use crate::confusion_matrix::ConfusionMatrix;
use crate::error::EvalError;
use crate::metric::Metric;
use crate::multi_label::PredictedLabelSets;
use crate::predictions::{Predictions, Targets};
use crate::probabilities::PredictedProbabilities;
use crate::regression::PredictedScores;

/// Predictions with the inputs of built-in metrics, each computed at most once.
#[derive(Debug)]
pub(super) struct SharedInputs<'a> {
    predictions: &'a Predictions,
    targets: &'a Targets,
    classes: Cached<ConfusionMatrix>,
    probabilities: Cached<PredictedProbabilities>,
    label_sets: Cached<PredictedLabelSets>,
    scores: Cached<PredictedScores>,
}

type Cached<T> = OnceCell<Result<T, EvalError>>;

impl<'a> SharedInputs<'a> {
    pub(super) fn new(predictions: &'a Predictions, targets: &'a Targets) -> Self {
        Self {
            predictions,
            targets,
            classes: OnceCell::new(),
            probabilities: OnceCell::new(),
            label_sets: OnceCell::new(),
            scores: OnceCell::new(),
        }
    }

    /// Computes a metric.
    ///
    /// # Errors
    /// The errors of [`Metric::compute`].
    pub(super) fn score(&self, metric: MetricKind) -> Result<f64, EvalError> {
        let has_sets = matches!(self.targets, Targets::MultiLabel(_));
        match metric.input() {
            MetricInput::Classes | MetricInput::Probabilities | MetricInput::LabelSets
                if has_sets =>
            {
                self.of_label_sets(metric)
            }
            MetricInput::LabelSets => self.of_label_sets(metric),
            MetricInput::Any | MetricInput::Losses => {
                let loss = self.predictions.mean_loss;
                let loss = loss.ok_or_else(|| metric.needs_other_input())?;
                Ok(match metric {
                    MetricKind::Perplexity => loss.exp(),
                    _ => loss,
                })
            }
            MetricInput::Classes => cached(&self.classes, || self.matrix())?.score(metric),
            MetricInput::Probabilities => {
                cached(&self.probabilities, || self.probabilities())?.score(metric)
            }
            MetricInput::Scores => cached(&self.scores, || {
                PredictedScores::from_slices(self.targets.scores()?, &self.predictions.scores())
            })?
            .score(metric),
            MetricInput::Tasks => Err(metric.needs_other_input()),
        }
    }

    fn of_label_sets(&self, metric: MetricKind) -> Result<f64, EvalError> {
        cached(&self.label_sets, || {
            self.predictions.label_sets(self.targets)
        })?
        .score(metric)
    }

    fn matrix(&self) -> Result<ConfusionMatrix, EvalError> {
        let names = (0..self.predictions.num_classes()).map(|class| class.to_string());
        ConfusionMatrix::from_slices(self.targets.classes()?, &self.predictions.classes(), names)
    }

    fn probabilities(&self) -> Result<PredictedProbabilities, EvalError> {
        let (predictions, labels) = (self.predictions, self.targets.classes()?);
        if predictions.logits.iter().any(|row| row.len() == 1) {
            let rows = (0..predictions.len()).map(|row| predictions.probabilities(row));
            return PredictedProbabilities::from_slices(labels, &rows.collect::<Vec<_>>());
        }
        PredictedProbabilities::from_logits(labels, &predictions.logits)
    }
}

fn cached<T>(
    cell: &Cached<T>,
    compute: impl FnOnce() -> Result<T, EvalError>,
) -> Result<&T, EvalError> {
    cell.get_or_init(compute).as_ref().map_err(Clone::clone)
}
