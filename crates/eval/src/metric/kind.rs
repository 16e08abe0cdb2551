//! Built-in metrics by name, with their inputs and directions.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::shared_inputs::SharedInputs;
use super::{Better, Metric, Scores};
use crate::error::EvalError;
use crate::error::defined;
use crate::names::nearest_first;
use crate::predictions::{Predictions, Targets};

/// Defines the metrics without a parameter: name, input and direction of each.
macro_rules! metrics {
    ($($(#[$doc:meta])* $metric:ident = $name:literal, $input:ident, $better:ident;)*) => {
        /// A built-in metric.
        ///
        /// Serialized as its name: `"accuracy"`, `"macro_f1"`, `"top_5_accuracy"`. The positive class of
        /// [`Precision`](MetricKind::Precision), [`Recall`](MetricKind::Recall) and [`F1`](MetricKind::F1)
        /// is class 1 of two, as in scikit-learn;
        /// [`ConfusionMatrix::binary_scores`](crate::ConfusionMatrix::binary_scores) takes any class by
        /// name.
        ///
        /// ```
        /// use finetune_eval::{Better, Metric, MetricKind};
        ///
        /// # fn main() -> Result<(), finetune_eval::EvalError> {
        /// let metric: MetricKind = "macro_f1".parse()?;
        /// assert_eq!(metric, MetricKind::MacroF1);
        /// assert!(metric.better() == Better::Higher && MetricKind::LogLoss.better() == Better::Lower);
        /// assert_eq!("top_3_accuracy".parse::<MetricKind>()?, MetricKind::TopKAccuracy(3));
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum MetricKind {
            $($(#[$doc])* $metric,)*
            /// Fraction of rows whose class is among the `k` most likely ones.
            TopKAccuracy(u16),
        }

        impl MetricKind {
            /// All metrics except [`TopKAccuracy`](Self::TopKAccuracy), which has a parameter.
            pub const ALL: &[Self] = &[$(Self::$metric),*];

            /// Returns the name, as in settings and reports.
            pub(crate) fn as_name(self) -> Cow<'static, str> {
                match self {
                    $(Self::$metric => $name.into(),)*
                    Self::TopKAccuracy(k) => format!("top_{k}_accuracy").into(),
                }
            }

            fn input_and_direction(self) -> (MetricInput, Better) {
                match self {
                    $(Self::$metric => (MetricInput::$input, Better::$better),)*
                    Self::TopKAccuracy(_) => (MetricInput::Probabilities, Better::Higher),
                }
            }
        }
    };
}

metrics! {
    /// Mean loss, of whichever kind the model is trained with; lower is better.
    Loss = "loss", Losses, Lower;
    /// Exponential of the mean loss per token; lower is better.
    Perplexity = "perplexity", Losses, Lower;
    /// Fraction of rows whose most likely class is right, or all of whose classes are, of
    /// multi-label data.
    Accuracy = "accuracy", Classes, Higher;
    /// Fraction of the rows predicted as class 1 of two that belong to it.
    Precision = "precision", Classes, Higher;
    /// Fraction of the rows of class 1 of two that are predicted as it.
    Recall = "recall", Classes, Higher;
    /// Harmonic mean of precision and recall.
    F1 = "f1", Classes, Higher;
    /// Precision over all rows and classes; equals the accuracy with one label per row.
    MicroPrecision = "micro_precision", Classes, Higher;
    /// Recall over all rows and classes; equals the accuracy with one label per row.
    MicroRecall = "micro_recall", Classes, Higher;
    /// F1 over all rows and classes; equals the accuracy with one label per row.
    MicroF1 = "micro_f1", Classes, Higher;
    /// Mean precision over the classes.
    MacroPrecision = "macro_precision", Classes, Higher;
    /// Mean recall over the classes: the balanced accuracy if every class has rows.
    MacroRecall = "macro_recall", Classes, Higher;
    /// Mean F1 over the classes.
    MacroF1 = "macro_f1", Classes, Higher;
    /// Mean precision, with classes weighted by their rows.
    WeightedPrecision = "weighted_precision", Classes, Higher;
    /// Mean recall, with classes weighted by their rows: the accuracy with one label per row.
    WeightedRecall = "weighted_recall", Classes, Higher;
    /// Mean F1, with classes weighted by their rows.
    WeightedF1 = "weighted_f1", Classes, Higher;
    /// Matthews correlation coefficient of labels and predictions.
    MatthewsCorrelation = "matthews_correlation", Classes, Higher;
    /// Cohen's kappa: agreement beyond chance.
    CohenKappa = "cohen_kappa", Classes, Higher;
    /// Cohen's kappa of ordered classes, with errors weighted by their distance.
    LinearKappa = "linear_kappa", Classes, Higher;
    /// Cohen's kappa of ordered classes, with errors weighted by their squared distance.
    QuadraticKappa = "quadratic_kappa", Classes, Higher;
    /// Area under the ROC curve: of class 1 of two, or the mean over each class against the rest.
    RocAuc = "roc_auc", Probabilities, Higher;
    /// The same, with classes weighted by their rows.
    RocAucOvrWeighted = "roc_auc_ovr_weighted", Probabilities, Higher;
    /// Mean area under the ROC curves of all pairs of classes.
    RocAucOvo = "roc_auc_ovo", Probabilities, Higher;
    /// Average precision: of class 1 of two, or the mean over each class against the rest.
    AveragePrecision = "average_precision", Probabilities, Higher;
    /// Mean negative log-likelihood of the right class, or of each class of multi-label data, in
    /// nats; lower is better.
    LogLoss = "log_loss", Probabilities, Lower;
    /// Mean squared error of the probabilities; lower is better.
    BrierScore = "brier_score", Probabilities, Lower;
    /// Mean distance of confidence and accuracy; lower is better.
    ExpectedCalibrationError = "expected_calibration_error", Probabilities, Lower;
    /// Largest distance of confidence and accuracy; lower is better.
    MaximumCalibrationError = "maximum_calibration_error", Probabilities, Lower;
    /// Fraction of wrong pairs of a row and a class of multi-label data; lower is better.
    HammingLoss = "hamming_loss", LabelSets, Lower;
    /// Mean precision over the rows of multi-label data.
    SamplesPrecision = "samples_precision", LabelSets, Higher;
    /// Mean recall over the rows of multi-label data.
    SamplesRecall = "samples_recall", LabelSets, Higher;
    /// Mean F1 over the rows of multi-label data.
    SamplesF1 = "samples_f1", LabelSets, Higher;
    /// Mean of intersection over union of predicted and true classes over the rows.
    SamplesJaccard = "samples_jaccard", LabelSets, Higher;
    /// Area under the ROC curve of all pairs of a row and a class.
    MicroRocAuc = "micro_roc_auc", LabelSets, Higher;
    /// Average precision of all pairs of a row and a class.
    MicroAveragePrecision = "micro_average_precision", LabelSets, Higher;
    /// Pearson correlation of predicted and true scores.
    Pearson = "pearson", Scores, Higher;
    /// Spearman rank correlation of predicted and true scores.
    Spearman = "spearman", Scores, Higher;
    /// Mean absolute error; lower is better.
    MeanAbsoluteError = "mean_absolute_error", Scores, Lower;
    /// Mean squared error; lower is better.
    MeanSquaredError = "mean_squared_error", Scores, Lower;
    /// Root of the mean squared error; lower is better.
    RootMeanSquaredError = "root_mean_squared_error", Scores, Lower;
    /// Explained fraction of the variance of the true scores.
    R2 = "r2", Scores, Higher;
    /// Combination of the scores of several tasks.
    Overall = "overall", Tasks, Higher;
}

/// Input of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricInput {
    /// Predictions and targets of any kind.
    Any,
    /// Mean loss.
    Losses,
    /// Predicted classes: [`ConfusionMatrix`](crate::ConfusionMatrix), or the likeliest of
    /// [`PredictedProbabilities`](crate::PredictedProbabilities).
    Classes,
    /// [`PredictedProbabilities`](crate::PredictedProbabilities).
    Probabilities,
    /// [`PredictedLabelSets`](crate::PredictedLabelSets): any number of classes per row.
    LabelSets,
    /// [`PredictedScores`](crate::PredictedScores).
    Scores,
    /// Scores of several tasks, combined by their owner.
    Tasks,
}

/// Predictions that can be scored by the name of a metric.
pub trait MetricSource {
    /// Returns the value of a metric.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    /// - [`EvalError::MetricNeeds`] if the metric has another input.
    /// - [`EvalError::Undefined`] if the rows do not define it.
    fn score(&self, metric: MetricKind) -> Result<f64, EvalError>;

    /// Returns the values of several metrics; one that is undefined for these rows is left out.
    ///
    /// # Errors
    ///
    /// The errors of [`score`](Self::score), except [`EvalError::Undefined`].
    ///
    /// ```
    /// use finetune_eval::{MetricKind, MetricSource, PredictedScores};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// // Constant predictions have an error, but no correlation.
    /// let predicted = PredictedScores::from_slices(&[1.0, 2.0, 3.0], &[2.0, 2.0, 2.0])?;
    /// let scores = predicted.scores(&[MetricKind::Pearson, MetricKind::MeanSquaredError])?;
    /// assert_eq!(scores["mean_squared_error"], 2.0 / 3.0);
    /// assert_eq!(scores.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    fn scores(&self, metrics: &[MetricKind]) -> Result<Scores, EvalError> {
        let mut scores = Scores::new();
        for &metric in metrics {
            if let Some(score) = defined(self.score(metric))? {
                scores.insert(metric.to_string(), score);
            }
        }
        Ok(scores)
    }
}

/// What a metric of a positive class needs.
pub(crate) const TWO_CLASSES: &str = "two classes, the second of them the positive one";

impl MetricKind {
    /// Returns whether the metric is one of the positive class, which only two classes have.
    pub fn is_of_positive_class(self) -> bool {
        matches!(self, Self::Precision | Self::Recall | Self::F1)
    }

    /// Returns the error of predictions that do not have this metric.
    pub(crate) fn needs_other_input(self) -> EvalError {
        EvalError::MetricNeeds {
            metric: self.to_string(),
            needs: self.input().description(),
            others: String::new(),
        }
    }
}

impl MetricInput {
    /// Returns the description for an error message.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Any => "predictions",
            Self::Losses => "the losses of the rows or tokens",
            Self::Classes => "predicted classes",
            Self::Probabilities => "the probabilities of the classes",
            Self::LabelSets => "any number of classes per row",
            Self::Scores => "predicted scores",
            Self::Tasks => "the scores of several tasks",
        }
    }
}

impl Metric for MetricKind {
    fn name(&self) -> String {
        self.as_name().into_owned()
    }

    fn better(&self) -> Better {
        self.input_and_direction().1
    }

    fn input(&self) -> MetricInput {
        self.input_and_direction().0
    }

    fn compute(&self, predictions: &Predictions, targets: &Targets) -> Result<f64, EvalError> {
        SharedInputs::new(predictions, targets).score(*self)
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_name())
    }
}

impl FromStr for MetricKind {
    type Err = EvalError;

    fn from_str(name: &str) -> Result<Self, EvalError> {
        if let Some(metric) = Self::ALL.iter().find(|metric| metric.as_name() == name) {
            return Ok(*metric);
        }
        let k = name
            .strip_prefix("top_")
            .and_then(|rest| rest.strip_suffix("_accuracy"))
            .and_then(|k| k.parse().ok())
            .filter(|k| *k > 0);
        k.map(Self::TopKAccuracy).ok_or_else(|| {
            let names = Self::ALL.iter().map(|metric| metric.name());
            let known = nearest_first(name, names.chain(["top_K_accuracy".to_string()]));
            EvalError::unknown("metric", name, &[known])
        })
    }
}

impl Serialize for MetricKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.as_name())
    }
}

impl<'de> Deserialize<'de> for MetricKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_everywhere() {
        for metric in MetricKind::ALL
            .iter()
            .copied()
            .chain([MetricKind::TopKAccuracy(10)])
        {
            assert_eq!(metric.to_string().parse(), Ok(metric));
            let json = serde_json::to_string(&metric).unwrap();
            assert_eq!(json, format!("\"{metric}\""));
            assert_eq!(serde_json::from_str::<MetricKind>(&json).unwrap(), metric);
        }
    }

    #[test]
    fn no_name_is_used_twice() {
        let names: std::collections::HashSet<_> =
            MetricKind::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), MetricKind::ALL.len());
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        for name in [
            "f1_macro",
            "Accuracy",
            "top_0_accuracy",
            "top_x_accuracy",
            "",
        ] {
            let error = name.parse::<MetricKind>().unwrap_err();
            assert!(matches!(error, EvalError::Unknown { .. }));
            assert!(error.to_string().contains("macro_f1"), "{error}");
        }
        assert!(serde_json::from_str::<MetricKind>("\"f1_macro\"").is_err());
    }
}
