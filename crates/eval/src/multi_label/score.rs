//! The metrics of sets of classes by name.

use super::PredictedLabelSets;
use crate::error::EvalError;
use crate::exact_sum::sum;
use crate::metric::{MetricKind, MetricSource};
use crate::ranking::BinaryRanking;

/// Metrics with a value for sets of classes.
pub(crate) const METRICS: &[MetricKind] = &[
    MetricKind::Accuracy,
    MetricKind::HammingLoss,
    MetricKind::MicroPrecision,
    MetricKind::MicroRecall,
    MetricKind::MicroF1,
    MetricKind::MacroPrecision,
    MetricKind::MacroRecall,
    MetricKind::MacroF1,
    MetricKind::WeightedPrecision,
    MetricKind::WeightedRecall,
    MetricKind::WeightedF1,
    MetricKind::SamplesPrecision,
    MetricKind::SamplesRecall,
    MetricKind::SamplesF1,
    MetricKind::SamplesJaccard,
    MetricKind::RocAuc,
    MetricKind::RocAucOvrWeighted,
    MetricKind::MicroRocAuc,
    MetricKind::AveragePrecision,
    MetricKind::MicroAveragePrecision,
    MetricKind::LogLoss,
];

/// As scikit-learn's functions of the same names on multilabel indicators, with `zero_division=0`.
/// The log loss, which scikit-learn has for one class per row only, is that of all pairs of a row and
/// a class.
impl MetricSource for PredictedLabelSets {
    fn score(&self, metric: MetricKind) -> Result<f64, EvalError> {
        Ok(match metric {
            MetricKind::Accuracy => self.subset_accuracy(),
            MetricKind::HammingLoss => self.hamming_loss(),
            MetricKind::MicroPrecision => self.micro().precision,
            MetricKind::MicroRecall => self.micro().recall,
            MetricKind::MicroF1 => self.micro().f1,
            MetricKind::MacroPrecision => self.macro_mean().precision,
            MetricKind::MacroRecall => self.macro_mean().recall,
            MetricKind::MacroF1 => self.macro_mean().f1,
            MetricKind::WeightedPrecision => self.weighted().precision,
            MetricKind::WeightedRecall => self.weighted().recall,
            MetricKind::WeightedF1 => self.weighted().f1,
            MetricKind::SamplesPrecision => self.samples().precision,
            MetricKind::SamplesRecall => self.samples().recall,
            MetricKind::SamplesF1 => self.samples().f1,
            MetricKind::SamplesJaccard => self.samples_jaccard(),
            MetricKind::RocAuc => self.macro_area(BinaryRanking::roc_auc)?,
            MetricKind::RocAucOvrWeighted => self.weighted_roc_auc()?,
            MetricKind::MicroRocAuc => self.all_pairs()?.roc_auc()?,
            MetricKind::AveragePrecision => self.macro_area(BinaryRanking::average_precision)?,
            MetricKind::MicroAveragePrecision => self.all_pairs()?.average_precision()?,
            MetricKind::LogLoss => self.log_loss(),
            other => return Err(other.needs_other_input()),
        })
    }
}

impl PredictedLabelSets {
    /// Returns the mean area of the classes.
    fn macro_area(
        &self,
        area: impl Fn(&BinaryRanking) -> Result<f64, EvalError>,
    ) -> Result<f64, EvalError> {
        let classes = self.num_classes();
        let areas = (0..classes).map(|class| area(&self.ranking(class)?));
        let areas: Vec<f64> = areas.collect::<Result<_, _>>()?;
        Ok(sum(areas) / classes as f64)
    }

    /// Returns the mean area under the ROC curves of the classes, weighted by their rows. A class
    /// without rows has no weight, and needs no area.
    fn weighted_roc_auc(&self) -> Result<f64, EvalError> {
        let mut weighted = Vec::new();
        let mut weights = 0;
        for (class, counts) in self.class_counts().into_iter().enumerate() {
            if counts.support > 0 {
                weights += counts.support;
                weighted.push(counts.support as f64 * self.ranking(class)?.roc_auc()?);
            }
        }
        match weights {
            0 => Ok(0.0),
            weights => Ok(sum(weighted) / weights as f64),
        }
    }

    /// Returns the pairs of a row and a class by their probabilities.
    fn all_pairs(&self) -> Result<BinaryRanking, EvalError> {
        BinaryRanking::from_slices(&self.targets, &self.probabilities)
    }

    /// Returns the mean negative log-likelihood of all pairs of a row and a class, in nats.
    fn log_loss(&self) -> f64 {
        let pairs = self.targets.iter().zip(&self.probabilities);
        let losses = pairs.map(|(target, probability)| {
            let probability = probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
            -match target {
                true => probability.ln(),
                false => (1.0 - probability).ln(),
            }
        });
        sum(losses) / self.targets.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multi_label::Thresholds;

    #[test]
    fn every_listed_metric_has_a_value_and_no_other() {
        let targets = [vec![0], vec![1], vec![0, 1], vec![]];
        let rows = [[0.9, 0.2], [0.6, 0.7], [0.7, 0.6], [0.1, 0.4]];
        let predicted =
            PredictedLabelSets::from_slices(&targets, &rows, &Thresholds::default()).unwrap();
        for &metric in MetricKind::ALL {
            let has = METRICS.contains(&metric);
            assert_eq!(
                predicted.score(metric).is_ok_and(f64::is_finite),
                has,
                "{metric}"
            );
        }
        assert!(predicted.score(MetricKind::TopKAccuracy(2)).is_err());
    }

    #[test]
    fn an_area_without_both_kinds_of_rows_is_left_out() {
        let rows = [[0.9, 0.2], [0.6, 0.7]];
        let predicted =
            PredictedLabelSets::from_slices(&[[0], [0]], &rows, &Thresholds::default()).unwrap();
        let scores = predicted
            .scores(&[MetricKind::RocAuc, MetricKind::MicroF1])
            .unwrap();
        let names: Vec<&String> = scores.keys().collect();
        assert_eq!(names, ["micro_f1"]);
    }
}
