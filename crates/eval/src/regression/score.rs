//! The metrics of predicted scores by name.

use super::PredictedScores;
use crate::{EvalError, Metric, Scored};

impl Scored for PredictedScores {
    fn rows(&self) -> u64 {
        PredictedScores::rows(self)
    }

    fn score(&self, metric: Metric) -> Result<f64, EvalError> {
        match metric {
            Metric::Pearson => self.pearson(),
            Metric::Spearman => self.spearman(),
            Metric::MeanAbsoluteError => self.mean_absolute_error(),
            Metric::MeanSquaredError => self.mean_squared_error(),
            Metric::RootMeanSquaredError => self.root_mean_squared_error(),
            Metric::R2 => self.r2(),
            other => Err(other.needs_other_input()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricInput;

    #[test]
    fn every_metric_of_scores_is_there_and_no_other() {
        let predicted = PredictedScores::from_slices(&[1.0, 2.0, 4.0], &[1.0, 3.0, 3.5]).unwrap();
        for &metric in Metric::ALL {
            let of_scores = metric.input() == MetricInput::Scores;
            assert_eq!(predicted.score(metric).is_ok(), of_scores, "{metric}");
        }
    }
}
