//! Precision, recall and F1 of one class, or averaged over several classes.

use serde::{Deserialize, Serialize};

use super::ConfusionMatrix;
use crate::classification::ClassScores;
use crate::error::EvalError;

/// Averaging over classes, as scikit-learn's `average`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// Computed from the summed counts of the classes. Over all classes this is the accuracy; over
    /// a subset (such as all but "other") it is not.
    Micro,
    /// Unweighted mean over the classes.
    Macro,
    /// Mean over the classes, weighted by support.
    Weighted,
}

/// Precision, recall and F1 averaged over several classes, in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AveragedScores {
    /// Averaged precision.
    pub precision: f64,
    /// Averaged recall.
    pub recall: f64,
    /// Averaged F1; only for micro averages it is the F1 of the averaged precision and recall.
    pub f1: f64,
    /// Number of rows of these classes.
    pub support: u64,
}

impl ConfusionMatrix {
    /// Returns precision, recall and F1 of one class against all others: scikit-learn's binary
    /// scores with this class as `pos_label`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::Unknown`] if there is no class of this name.
    /// - [`EvalError::NoRows`] if the matrix is empty.
    ///
    /// ```
    /// use finetune_eval::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let matrix = ConfusionMatrix::from_slices(&[0, 0, 1, 1], &[0, 1, 1, 1], ["ham", "spam"])?;
    /// let spam = matrix.binary_scores("spam")?;
    /// assert_eq!((spam.precision, spam.recall, spam.f1), (2.0 / 3.0, 1.0, 0.8));
    /// # Ok(())
    /// # }
    /// ```
    pub fn binary_scores(&self, positive_class: &str) -> Result<ClassScores, EvalError> {
        let class = self.class(positive_class)?;
        self.some_rows()?;
        Ok(self.class_scores().swap_remove(class))
    }

    /// Returns precision, recall and F1 averaged over some classes: scikit-learn's
    /// [`precision_recall_fscore_support`] with these `labels` and `zero_division=0`.
    ///
    /// A class named twice counts twice in a macro average.
    ///
    /// # Errors
    ///
    /// - [`EvalError::Unknown`] if there is no class of a name.
    /// - [`EvalError::TooFew`] if `class_names` is empty.
    /// - [`EvalError::NoRows`] if the matrix is empty.
    ///
    /// ```
    /// use finetune_eval::{Average, ConfusionMatrix};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let names = ["person", "place", "other"];
    /// let matrix = ConfusionMatrix::from_slices(&[0, 1, 2, 2], &[0, 2, 2, 1], names)?;
    /// let entities = matrix.averaged_scores(Average::Micro, &["person", "place"])?;
    /// assert_eq!((entities.precision, entities.recall), (0.5, 0.5));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`precision_recall_fscore_support`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_fscore_support.html
    pub fn averaged_scores(
        &self,
        average: Average,
        class_names: &[impl AsRef<str>],
    ) -> Result<AveragedScores, EvalError> {
        if class_names.is_empty() {
            return Err(EvalError::too_few("classes", 0, 1));
        }
        self.some_rows()?;
        let names = class_names.iter();
        let classes: Vec<usize> = names
            .map(|name| self.class(name.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(match average {
            Average::Micro => self.micro(&classes),
            Average::Macro => self.mean(&classes, |_| 1.0),
            Average::Weighted => self.mean(&classes, |class| class.support as f64),
        })
    }

    /// Returns the scores of each class, in class order.
    pub(crate) fn class_scores(&self) -> Vec<ClassScores> {
        let totals = self.true_totals().into_iter().zip(self.predicted_totals());
        let scores = totals.enumerate().map(|(class, (support, predicted))| {
            let hits = self.count(class, class) as f64;
            let (true_rows, predicted_rows) = (support as f64, predicted as f64);
            ClassScores {
                name: self.class_names[class].clone(),
                precision: ratio(hits, predicted_rows),
                recall: ratio(hits, true_rows),
                // From the counts rather than precision and recall: one rounding instead of four.
                f1: ratio(2.0 * hits, true_rows + predicted_rows),
                support,
            }
        });
        scores.collect()
    }

    fn micro(&self, classes: &[usize]) -> AveragedScores {
        let (true_totals, predicted_totals) = (self.true_totals(), self.predicted_totals());
        let sum = |count: &dyn Fn(usize) -> u64| -> u64 { classes.iter().map(|c| count(*c)).sum() };
        let support = sum(&|class| true_totals[class]);
        let hits = sum(&|class| self.count(class, class)) as f64;
        let predicted = sum(&|class| predicted_totals[class]) as f64;
        AveragedScores {
            precision: ratio(hits, predicted),
            recall: ratio(hits, support as f64),
            f1: ratio(2.0 * hits, support as f64 + predicted),
            support,
        }
    }

    fn mean(&self, classes: &[usize], weight: fn(&ClassScores) -> f64) -> AveragedScores {
        let all = self.class_scores();
        let chosen = || classes.iter().map(|class| &all[*class]);
        let weights: f64 = chosen().map(weight).sum();
        let mean = |score: fn(&ClassScores) -> f64| {
            ratio(
                chosen().map(|class| weight(class) * score(class)).sum(),
                weights,
            )
        };
        AveragedScores {
            precision: mean(|class| class.precision),
            recall: mean(|class| class.recall),
            f1: mean(|class| class.f1),
            support: chosen().map(|class| class.support).sum(),
        }
    }
}

/// Divides, with 0 for a zero denominator (scikit-learn's `zero_division=0`).
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> ConfusionMatrix {
        let (labels, predictions) = ([0, 0, 1, 1, 1, 2], [0, 1, 1, 0, 0, 0]);
        ConfusionMatrix::from_slices(&labels, &predictions, ["a", "b", "c"]).unwrap()
    }

    #[test]
    fn over_all_classes_micro_is_the_accuracy() {
        let micro = matrix()
            .averaged_scores(Average::Micro, &["a", "b", "c"])
            .unwrap();
        let accuracy = 2.0 / 6.0;
        assert_eq!(
            (micro.precision, micro.recall, micro.f1),
            (accuracy, accuracy, accuracy)
        );
        assert_eq!(micro.support, 6);
    }

    #[test]
    fn unknown_classes_are_named() {
        let error = matrix().binary_scores("d").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown class \"d\", expected one of a, b, c"
        );
        let none: [&str; 0] = [];
        assert_eq!(
            matrix().averaged_scores(Average::Macro, &none),
            Err(EvalError::too_few("classes", 0, 1))
        );
    }

    #[test]
    fn classes_without_rows_weigh_nothing() {
        let matrix = ConfusionMatrix::from_slices(&[0], &[1], ["a", "b", "c"]).unwrap();
        let weighted = matrix
            .averaged_scores(Average::Weighted, &["b", "c"])
            .unwrap();
        assert_eq!(
            (weighted.precision, weighted.recall, weighted.support),
            (0.0, 0.0, 0)
        );
    }
}
