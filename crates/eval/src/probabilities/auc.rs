//! Areas under the curves of several classes.

use serde::{Deserialize, Serialize};

use super::PredictedProbabilities;
use crate::error::EvalError;
use crate::exact_sum::sum;
use crate::ranking::BinaryRanking;

/// Averaging of the ROC AUC over classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MulticlassAverage {
    /// One-vs-rest: unweighted mean over the classes.
    #[default]
    OneVsRestMacro,
    /// One-vs-rest: mean over the classes, weighted by support.
    OneVsRestWeighted,
    /// One-vs-one: mean over all ordered pairs of classes ([Hand and Till 2001]); insensitive to
    /// class imbalance.
    ///
    /// [Hand and Till 2001]: https://doi.org/10.1023/A:1010920819831
    OneVsOneMacro,
}

impl PredictedProbabilities {
    /// Returns the area under the ROC curve, in `[0, 1]`: scikit-learn's [`roc_auc_score`] with
    /// `labels=range(C)` and the corresponding `multi_class` and `average`.
    ///
    /// With two classes it is the area of class 1 for any average. The area of a class without rows
    /// is undefined: weighted and one-vs-one averages skip it, the unweighted mean is an error.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    /// - [`EvalError::Undefined`] if all rows are of one class, or a class has no rows for
    ///   [`MulticlassAverage::OneVsRestMacro`] with more than two classes (scikit-learn: NaN).
    ///
    /// ```
    /// use finetune_eval::{MulticlassAverage, PredictedProbabilities};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let rows = [[0.6, 0.2, 0.2], [0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]];
    /// let predicted = PredictedProbabilities::from_slices(&[0, 1, 1, 2], &rows)?;
    /// assert_eq!(predicted.roc_auc(MulticlassAverage::OneVsOneMacro)?, 1.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`roc_auc_score`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_auc_score.html
    pub fn roc_auc(&self, average: MulticlassAverage) -> Result<f64, EvalError> {
        self.some_rows()?;
        if self.classes == 2 {
            return self.ranking(1)?.roc_auc();
        }
        let counts = self.class_counts();
        let occurring = || (0..self.classes).filter(|class| counts[*class] > 0);
        let area = |class: usize| self.ranking(class)?.roc_auc();
        match average {
            MulticlassAverage::OneVsRestMacro => {
                match counts.iter().position(|count| *count == 0) {
                    Some(class) => {
                        let reason = format!("class {class} has no rows");
                        Err(EvalError::undefined("ROC AUC", reason))
                    }
                    None => self.mean_over_classes(area),
                }
            }
            MulticlassAverage::OneVsRestWeighted => {
                let weighted = |class: usize| Ok(area(class)? * counts[class] as f64);
                let areas: Result<Vec<f64>, EvalError> = occurring().map(weighted).collect();
                Ok(sum(areas?) / self.rows() as f64)
            }
            MulticlassAverage::OneVsOneMacro => {
                let pairs = occurring().flat_map(|a| occurring().map(move |b| (a, b)));
                let pairs = pairs.filter(|(a, b)| a != b);
                let areas = pairs.map(|(a, b)| self.ranking_of_pair(a, b)?.roc_auc());
                let areas = areas.collect::<Result<Vec<f64>, _>>()?;
                let count = areas.len() as f64;
                match areas.is_empty() {
                    true => Err(EvalError::undefined("ROC AUC", "all rows are of one class")),
                    false => Ok(sum(areas) / count),
                }
            }
        }
    }

    /// Returns the average precision, in `[0, 1]`: that of class 1 for two classes, otherwise the
    /// mean over one-vs-rest: scikit-learn's [`average_precision_score`] of indicator labels.
    ///
    /// A class without rows counts as 0.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    ///
    /// [`average_precision_score`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html
    pub fn average_precision(&self) -> Result<f64, EvalError> {
        self.some_rows()?;
        if self.classes == 2 {
            return self.ranking(1)?.average_precision();
        }
        self.mean_over_classes(|class| self.ranking(class)?.average_precision())
    }

    fn mean_over_classes(
        &self,
        score: impl Fn(usize) -> Result<f64, EvalError>,
    ) -> Result<f64, EvalError> {
        let scores = (0..self.classes).map(score);
        Ok(sum(scores.collect::<Result<Vec<_>, _>>()?) / self.classes as f64)
    }

    /// Returns the ranking of the rows of two classes by the probability of one of them.
    fn ranking_of_pair(
        &self,
        positive: usize,
        negative: usize,
    ) -> Result<BinaryRanking, EvalError> {
        let mut ranking = BinaryRanking::new();
        for (label, probabilities) in self.each_row() {
            if label == positive || label == negative {
                ranking.add(label == positive, probabilities[positive])?;
            }
        }
        Ok(ranking)
    }

    fn class_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.classes];
        self.labels.iter().for_each(|label| counts[*label] += 1);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_without_rows_is_in_no_plain_mean() {
        let rows = [[0.6, 0.2, 0.2], [0.2, 0.2, 0.6]];
        let predicted = PredictedProbabilities::from_slices(&[0, 2], &rows).unwrap();
        let error = predicted
            .roc_auc(MulticlassAverage::OneVsRestMacro)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "ROC AUC is undefined: class 1 has no rows"
        );
        assert_eq!(
            predicted.roc_auc(MulticlassAverage::OneVsRestWeighted),
            Ok(1.0)
        );
        assert_eq!(predicted.roc_auc(MulticlassAverage::OneVsOneMacro), Ok(1.0));
        assert_eq!(predicted.average_precision(), Ok(2.0 / 3.0));
    }

    #[test]
    fn two_classes_have_one_area() {
        let rows = [[0.6, 0.4], [0.5, 0.5], [0.7, 0.3]];
        let predicted = PredictedProbabilities::from_slices(&[0, 1, 1], &rows).unwrap();
        let area = |average| predicted.roc_auc(average).unwrap();
        assert_eq!(area(MulticlassAverage::OneVsRestMacro), 0.5);
        assert_eq!(area(MulticlassAverage::OneVsOneMacro), 0.5);
    }
}
