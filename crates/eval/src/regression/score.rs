//! The metrics of predicted scores by name.

use super::PredictedScores;
use crate::{EvalError, MetricKind, Scored};

impl Scored for PredictedScores {
    fn rows(&self) -> u64 {
        PredictedScores::rows(self)
    }

    fn score(&self, metric: MetricKind) -> Result<f64, EvalError> {
        match metric {
            MetricKind::Pearson => self.pearson(),
            MetricKind::Spearman => self.spearman(),
            MetricKind::MeanAbsoluteError => self.mean_absolute_error(),
            MetricKind::MeanSquaredError => self.mean_squared_error(),
            MetricKind::RootMeanSquaredError => self.root_mean_squared_error(),
            MetricKind::R2 => self.r2(),
            other => Err(other.needs_other_input()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, MetricInput};

    #[test]
    fn every_metric_of_scores_is_there_and_no_other() {
        let predicted = PredictedScores::from_slices(&[1.0, 2.0, 4.0], &[1.0, 3.0, 3.5]).unwrap();
        for &metric in MetricKind::ALL {
            let of_scores = metric.input() == MetricInput::Scores;
            assert_eq!(predicted.score(metric).is_ok(), of_scores, "{metric}");
        }
    }
}
