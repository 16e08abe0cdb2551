//! The metrics of predicted probabilities by name.

use super::{Binning, MulticlassAverage, PredictedProbabilities};
use crate::error::EvalError;
use crate::metric::{Metric, MetricInput, MetricKind, MetricSource};

impl MetricSource for PredictedProbabilities {
    /// Calibration errors are over the bins of [`Binning::default`].
    fn score(&self, metric: MetricKind) -> Result<f64, EvalError> {
        let reliability = || self.reliability(Binning::default());
        match metric {
            MetricKind::TopKAccuracy(k) => self.top_k_accuracy(usize::from(k)),
            MetricKind::RocAuc => self.roc_auc(MulticlassAverage::OneVsRestMacro),
            MetricKind::RocAucOvrWeighted => self.roc_auc(MulticlassAverage::OneVsRestWeighted),
            MetricKind::RocAucOvo => self.roc_auc(MulticlassAverage::OneVsOneMacro),
            MetricKind::AveragePrecision => self.average_precision(),
            MetricKind::LogLoss => self.log_loss(),
            MetricKind::BrierScore => self.brier_score(),
            MetricKind::ExpectedCalibrationError => Ok(reliability()?.expected_calibration_error),
            MetricKind::MaximumCalibrationError => Ok(reliability()?.maximum_calibration_error),
            other if other.input() == MetricInput::Classes => {
                let names = (0..self.classes).map(|class| class.to_string());
                self.confusion_matrix(names)?.score(other)
            }
            other => Err(other.needs_other_input()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_probabilities_and_classes_is_there_and_no_other() {
        let rows = [[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]];
        let predicted = PredictedProbabilities::from_slices(&[0, 1, 1], &rows).unwrap();
        for &metric in MetricKind::ALL {
            let has = matches!(
                metric.input(),
                MetricInput::Classes | MetricInput::Probabilities
            );
            assert_eq!(predicted.score(metric).is_ok(), has, "{metric}");
        }
        assert_eq!(predicted.score(MetricKind::TopKAccuracy(2)), Ok(1.0));
    }

    #[test]
    fn undefined_metrics_are_left_out() {
        let predicted = PredictedProbabilities::from_slices(&[1], &[[0.25, 0.75]]).unwrap();
        let scores = predicted.scores(&[
            MetricKind::RocAuc,
            MetricKind::CohenKappa,
            MetricKind::Accuracy,
        ]);
        assert_eq!(scores, Ok([("accuracy".to_string(), 1.0)].into()));
        assert!(predicted.scores(&[MetricKind::Pearson]).is_err());
        let none = PredictedProbabilities::new(2).unwrap();
        assert_eq!(none.scores(&[MetricKind::Accuracy]), Err(EvalError::NoRows));
    }
}
