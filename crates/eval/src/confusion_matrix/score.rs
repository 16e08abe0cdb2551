//! The metrics of predicted classes by name.

use super::{Average, ConfusionMatrix, KappaWeights};
use crate::classification::ClassScores;
use crate::error::EvalError;
use crate::metric::{MetricKind, MetricSource, TWO_CLASSES};

impl MetricSource for ConfusionMatrix {
    fn score(&self, metric: MetricKind) -> Result<f64, EvalError> {
        let rows = self.some_rows()?;
        let average = |average| self.averaged_scores(average, &self.class_names);
        Ok(match metric {
            MetricKind::Accuracy => self.correct() as f64 / rows,
            MetricKind::Precision => self.of_class_1(metric)?.precision,
            MetricKind::Recall => self.of_class_1(metric)?.recall,
            MetricKind::F1 => self.of_class_1(metric)?.f1,
            MetricKind::MicroPrecision => average(Average::Micro)?.precision,
            MetricKind::MicroRecall => average(Average::Micro)?.recall,
            MetricKind::MicroF1 => average(Average::Micro)?.f1,
            MetricKind::MacroPrecision => average(Average::Macro)?.precision,
            MetricKind::MacroRecall => average(Average::Macro)?.recall,
            MetricKind::MacroF1 => average(Average::Macro)?.f1,
            MetricKind::WeightedPrecision => average(Average::Weighted)?.precision,
            MetricKind::WeightedRecall => average(Average::Weighted)?.recall,
            MetricKind::WeightedF1 => average(Average::Weighted)?.f1,
            MetricKind::MatthewsCorrelation => self.matthews_correlation()?,
            MetricKind::CohenKappa => self.cohen_kappa(KappaWeights::None)?,
            MetricKind::LinearKappa => self.cohen_kappa(KappaWeights::Linear)?,
            MetricKind::QuadraticKappa => self.cohen_kappa(KappaWeights::Quadratic)?,
            other => return Err(other.needs_other_input()),
        })
    }
}

impl ConfusionMatrix {
    fn of_class_1(&self, metric: MetricKind) -> Result<ClassScores, EvalError> {
        match self.class_scores().as_slice() {
            [_, positive] => Ok(positive.clone()),
            _ => Err(EvalError::MetricNeeds {
                metric: metric.to_string(),
                needs: TWO_CLASSES,
                others: String::new(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classification::ClassificationReport;
    use crate::metric::{Metric, MetricInput};

    #[test]
    fn the_same_as_the_report_has() {
        let matrix =
            ConfusionMatrix::from_slices(&[0, 0, 1, 1, 1], &[0, 1, 1, 1, 0], ["a", "b"]).unwrap();
        let report = ClassificationReport::from_confusion_matrix(&matrix).unwrap();
        for (metric, expected) in [
            (MetricKind::Accuracy, report.accuracy),
            (MetricKind::MicroF1, report.accuracy),
            (MetricKind::F1, report.per_class[1].f1),
            (MetricKind::Precision, report.per_class[1].precision),
            (MetricKind::MacroRecall, report.macro_recall),
            (MetricKind::MacroF1, report.macro_f1),
            (MetricKind::WeightedF1, report.weighted_f1),
            (MetricKind::WeightedRecall, report.weighted_recall),
        ] {
            let score = matrix.score(metric).unwrap();
            assert!(
                (score - expected).abs() < 1e-15,
                "{metric}: {score}, {expected}"
            );
        }
    }

    #[test]
    fn every_metric_of_classes_is_there_and_no_other() {
        let matrix = ConfusionMatrix::from_slices(&[0, 1, 1], &[0, 1, 0], ["a", "b"]).unwrap();
        for &metric in MetricKind::ALL {
            let of_classes = metric.input() == MetricInput::Classes;
            assert_eq!(matrix.score(metric).is_ok(), of_classes, "{metric}");
        }
    }

    #[test]
    fn there_is_no_positive_class_among_three() {
        let matrix = ConfusionMatrix::from_slices(&[0], &[1], ["a", "b", "c"]).unwrap();
        let error = matrix.score(MetricKind::F1).unwrap_err().to_string();
        assert_eq!(
            error,
            "f1 needs two classes, the second of them the positive one"
        );
        let error = matrix.score(MetricKind::Pearson).unwrap_err().to_string();
        assert_eq!(error, "pearson needs predicted scores");
        let empty = ConfusionMatrix::new(["a", "b"]).unwrap();
        assert_eq!(empty.score(MetricKind::Accuracy), Err(EvalError::NoRows));
    }
}
