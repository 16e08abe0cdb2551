//! Report of a classifier with any number of classes per row.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{LabelSetScores, PredictedLabelSets};
use crate::classification::ScoreTable;
use crate::error::{EvalError, defined};
use crate::metric::{MetricKind, MetricSource, Scores};

/// Scores of a multi-label classifier, per class and averaged, all in `[0, 1]`.
///
/// As scikit-learn's [`precision_recall_fscore_support`] on multilabel indicators with
/// `zero_division=0`: the precision of a class that is never predicted, the recall of a class
/// without rows, and the F1 of a row that has no class and gets none, are 0.
///
/// ```
/// use finetune_eval::{MultiLabelReport, PredictedLabelSets, Thresholds};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let probabilities = [[0.9, 0.6], [0.2, 0.7], [0.1, 0.3]];
/// let targets = [vec![0], vec![1], vec![]];
/// let predicted =
///     PredictedLabelSets::from_slices(&targets, &probabilities, &Thresholds::default())?;
/// let report = MultiLabelReport::new(&predicted, ["sports", "politics"])?;
/// assert_eq!(report.micro.f1, 0.8);
/// assert_eq!(report.per_class[1].precision, 0.5);
/// assert_eq!(
///     report.to_string(),
/// "              precision    recall  f1-score   support
///
///       sports     1.0000    1.0000    1.0000         1
///     politics     0.5000    1.0000    0.6667         1
///
///    micro avg     0.6667    1.0000    0.8000         2
///    macro avg     0.7500    1.0000    0.8333         2
/// weighted avg     0.7500    1.0000    0.8333         2
///  samples avg     0.5000    0.6667    0.5556         2
/// "
/// );
/// # Ok(())
/// # }
/// ```
///
/// [`precision_recall_fscore_support`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_fscore_support.html
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MultiLabelReport {
    /// Number of rows, at least 1.
    pub rows: u64,
    /// Fraction of the rows with exactly the right classes.
    pub accuracy: f64,
    /// Fraction of wrong pairs of a row and a class.
    pub hamming_loss: f64,
    /// Scores over all pairs of a row and a class.
    pub micro: LabelSetScores,
    /// Mean scores of the classes.
    #[serde(rename = "macro")]
    pub macro_mean: LabelSetScores,
    /// Mean scores of the classes, weighted by their rows.
    pub weighted: LabelSetScores,
    /// Mean scores of the rows.
    pub samples: LabelSetScores,
    /// Values of all metrics of label sets by name; undefined ones are left out.
    pub all_metrics: Scores,
    /// Scores per class, in class order.
    pub per_class: Vec<LabelScores>,
}

/// Scores of one class, in `[0, 1]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LabelScores {
    /// Class name.
    pub name: String,
    /// Minimum probability at which the class is predicted.
    pub threshold: f64,
    /// Fraction of the rows predicted to have the class that have it; 0 if there are none.
    pub precision: f64,
    /// Fraction of the rows with the class that are predicted to have it; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 if no row has the class and none gets it.
    pub f1: f64,
    /// Number of rows with the class.
    pub support: u64,
    /// Area under the ROC curve; `None` if all rows or none have the class.
    pub roc_auc: Option<f64>,
    /// Average precision: area under the precision-recall curve; 0 if no row has the class.
    pub average_precision: f64,
}

impl MultiLabelReport {
    /// Computes the report; names are in class order.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if there is not one name per class.
    pub fn new(
        predicted: &PredictedLabelSets,
        class_names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, EvalError> {
        let names: Vec<String> = class_names.into_iter().map(Into::into).collect();
        crate::validate::check_lengths(names.len(), predicted.num_classes())?;
        let per_class = names.into_iter().zip(predicted.class_counts()).enumerate();
        let per_class = per_class.map(|(class, (name, counts))| {
            let (ranking, scores) = (predicted.ranking(class)?, counts.scores());
            Ok(LabelScores {
                name,
                threshold: predicted.thresholds[class],
                precision: scores.precision,
                recall: scores.recall,
                f1: scores.f1,
                support: counts.support,
                roc_auc: defined(ranking.roc_auc())?,
                average_precision: ranking.average_precision()?,
            })
        });
        Ok(Self {
            rows: predicted.rows(),
            accuracy: predicted.subset_accuracy(),
            hamming_loss: predicted.hamming_loss(),
            micro: predicted.micro(),
            macro_mean: predicted.macro_mean(),
            weighted: predicted.weighted(),
            samples: predicted.samples(),
            all_metrics: predicted.scores(super::score::METRICS)?,
            per_class: per_class.collect::<Result<_, EvalError>>()?,
        })
    }

    /// Returns a metric by name; `None` if it is undefined for the rows, or not one of label sets.
    pub fn score(&self, metric: MetricKind) -> Option<f64> {
        self.all_metrics.get(&*metric.as_name()).copied()
    }
}

/// Writes a table that is identical to scikit-learn's [`classification_report`] with
/// `zero_division=0`. The precision of the format is scikit-learn's `digits` (default: 4).
///
/// [`classification_report`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.classification_report.html
impl fmt::Display for MultiLabelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.per_class.iter().map(|class| &class.name[..]);
        let table = ScoreTable::new(f.precision(), names);
        let mut text = table.head();
        for class in &self.per_class {
            let scores = [class.precision, class.recall, class.f1];
            text += &table.line(&class.name, scores, class.support);
        }
        text += "\n";
        let support: u64 = self.per_class.iter().map(|class| class.support).sum();
        for (name, scores) in [
            ("micro avg", &self.micro),
            ("macro avg", &self.macro_mean),
            ("weighted avg", &self.weighted),
            ("samples avg", &self.samples),
        ] {
            let scores = [scores.precision, scores.recall, scores.f1];
            text += &table.line(name, scores, support);
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multi_label::Thresholds;

    #[test]
    fn json_holds_every_score_and_reads_back() {
        let rows = [[0.9, 0.2], [0.6, 0.7]];
        let predicted =
            PredictedLabelSets::from_slices(&[[0], [0]], &rows, &Thresholds::default()).unwrap();
        let report = MultiLabelReport::new(&predicted, ["a", "b"]).unwrap();
        assert_eq!(report.per_class[0].roc_auc, None);
        assert_eq!(report.per_class[1].average_precision, 0.0);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["macro"]["f1"], report.macro_mean.f1);
        assert_eq!(json["per_class"][1]["threshold"], 0.5);
        assert_eq!(
            serde_json::from_value::<MultiLabelReport>(json).unwrap(),
            report
        );
        assert_eq!(report.score(MetricKind::SamplesF1), Some(report.samples.f1));
        assert_eq!(report.score(MetricKind::RocAuc), None);
        assert!(MultiLabelReport::new(&predicted, ["a"]).is_err());
    }
}
