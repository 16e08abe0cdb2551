//! The built-in metrics by name, and what each is computed from.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Better, Metric, Scores};
use crate::{
    ConfusionMatrix, EvalError, PredictedProbabilities, PredictedScores, Predictions, Targets,
    nearest_first,
};

/// A built-in metric: the registry of their names, each an implementation of [`Metric`].
///
/// In settings and records a metric is its name: `"accuracy"`, `"macro_f1"`, `"top_5_accuracy"`.
/// Where a class has to be the positive one ([`Precision`](Self::Precision), [`Recall`](Self::Recall),
/// [`F1`](Self::F1)) it is class 1 of two, as scikit-learn's default has it;
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
    /// The mean loss, whichever the model is trained with; less is better.
    Loss,
    /// The exponential of the mean loss of a token; less is better.
    Perplexity,
    /// Share of rows whose likeliest class is right.
    Accuracy,
    /// Share of rows whose class is among the so many likeliest.
    TopKAccuracy(u16),
    /// Of the rows predicted as class 1 of two, the share that are of it.
    Precision,
    /// Of the rows of class 1 of two, the share predicted as it.
    Recall,
    /// The harmonic mean of these.
    F1,
    /// Precision over all rows together: the accuracy, where a row has one label.
    MicroPrecision,
    /// Recall over all rows together: the accuracy, where a row has one label.
    MicroRecall,
    /// F1 over all rows together: the accuracy, where a row has one label.
    MicroF1,
    /// Mean precision over the classes.
    MacroPrecision,
    /// Mean recall over the classes: the balanced accuracy, where every class has rows.
    MacroRecall,
    /// Mean F1 over the classes.
    MacroF1,
    /// Mean precision, classes weighted by their rows.
    WeightedPrecision,
    /// Mean recall, classes weighted by their rows: the accuracy.
    WeightedRecall,
    /// Mean F1, classes weighted by their rows.
    WeightedF1,
    /// Matthews correlation of labels and predictions.
    MatthewsCorrelation,
    /// Cohen's kappa: agreement beyond chance.
    CohenKappa,
    /// Cohen's kappa of ordered classes, errors weighted by their distance.
    LinearKappa,
    /// Cohen's kappa of ordered classes, errors weighted by their squared distance.
    QuadraticKappa,
    /// Area under the ROC curve: of class 1 of two; of more, the mean over each against the rest.
    RocAuc,
    /// The same, classes weighted by their rows.
    WeightedRocAuc,
    /// Mean area under the ROC curves of all pairs of classes.
    OneVsOneRocAuc,
    /// Average precision: of class 1 of two; of more, the mean over each against the rest.
    AveragePrecision,
    /// Mean negative log-likelihood of the right class, in nats; less is better.
    LogLoss,
    /// Mean squared error of the probabilities; less is better.
    BrierScore,
    /// Mean distance of confidence and accuracy; less is better.
    ExpectedCalibrationError,
    /// Largest distance of confidence and accuracy; less is better.
    MaximumCalibrationError,
    /// Correlation of predicted and true scores.
    Pearson,
    /// Correlation of the ranks of predicted and true scores.
    Spearman,
    /// Mean absolute error; less is better.
    MeanAbsoluteError,
    /// Mean squared error; less is better.
    MeanSquaredError,
    /// Root of the mean squared error; less is better.
    RootMeanSquaredError,
    /// Share of the variance of the true scores that is explained.
    R2,
    /// What the scores of several tasks come to together.
    Overall,
}

/// What a metric is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricInput {
    /// Predictions and targets of any kind.
    Any,
    /// Losses: [`Perplexity`](crate::Perplexity).
    Losses,
    /// Predicted classes: [`ConfusionMatrix`](crate::ConfusionMatrix), or the likeliest of
    /// [`PredictedProbabilities`](crate::PredictedProbabilities).
    Classes,
    /// [`PredictedProbabilities`](crate::PredictedProbabilities).
    Probabilities,
    /// [`PredictedScores`](crate::PredictedScores).
    Scores,
    /// The scores of several tasks, by a formula of whoever has them.
    Tasks,
}

/// Predictions that can be scored by the name of a metric.
pub trait Scored {
    /// Number of rows, or of tokens, that were predicted.
    fn rows(&self) -> u64;

    /// The value of one metric.
    ///
    /// # Errors
    ///
    /// [`EvalError::NoRows`] without rows, [`EvalError::MetricNeeds`] for a metric that these
    /// predictions do not have, [`EvalError::Undefined`] for one that these rows do not have.
    fn score(&self, metric: MetricKind) -> Result<f64, EvalError>;

    /// The values of several metrics; one that is undefined for these rows is left out.
    ///
    /// # Errors
    ///
    /// Those of [`score`](Self::score) but for [`EvalError::Undefined`].
    ///
    /// ```
    /// use finetune_eval::{MetricKind, PredictedScores, Scored};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// // The predictions are all the same: they are wrong by something, and correlate with nothing.
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
            match self.score(metric) {
                Ok(score) => drop(scores.insert(metric.to_string(), score)),
                Err(EvalError::Undefined { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(scores)
    }
}

/// Each metric without a parameter with its name: the compiler sees to it that none is forgotten.
macro_rules! metrics {
    ($($metric:ident = $name:literal,)*) => {
        impl MetricKind {
            /// Every metric but [`TopKAccuracy`](Self::TopKAccuracy), of which there are many.
            pub const ALL: &[Self] = &[$(Self::$metric),*];

            /// The name, as in settings and records.
            pub(crate) fn as_name(self) -> Cow<'static, str> {
                match self {
                    $(Self::$metric => $name.into(),)*
                    Self::TopKAccuracy(k) => format!("top_{k}_accuracy").into(),
                }
            }
        }
    };
}

metrics! {
    Loss = "loss",
    Perplexity = "perplexity",
    Accuracy = "accuracy",
    Precision = "precision",
    Recall = "recall",
    F1 = "f1",
    MicroPrecision = "micro_precision",
    MicroRecall = "micro_recall",
    MicroF1 = "micro_f1",
    MacroPrecision = "macro_precision",
    MacroRecall = "macro_recall",
    MacroF1 = "macro_f1",
    WeightedPrecision = "weighted_precision",
    WeightedRecall = "weighted_recall",
    WeightedF1 = "weighted_f1",
    MatthewsCorrelation = "matthews_correlation",
    CohenKappa = "cohen_kappa",
    LinearKappa = "linear_kappa",
    QuadraticKappa = "quadratic_kappa",
    RocAuc = "roc_auc",
    WeightedRocAuc = "weighted_roc_auc",
    OneVsOneRocAuc = "one_vs_one_roc_auc",
    AveragePrecision = "average_precision",
    LogLoss = "log_loss",
    BrierScore = "brier_score",
    ExpectedCalibrationError = "expected_calibration_error",
    MaximumCalibrationError = "maximum_calibration_error",
    Pearson = "pearson",
    Spearman = "spearman",
    MeanAbsoluteError = "mean_absolute_error",
    MeanSquaredError = "mean_squared_error",
    RootMeanSquaredError = "root_mean_squared_error",
    R2 = "r2",
    Overall = "overall",
}

impl MetricKind {
    /// What it is computed from.
    fn input_kind(self) -> MetricInput {
        match self {
            Self::Loss | Self::Perplexity => MetricInput::Losses,
            Self::Accuracy
            | Self::Precision
            | Self::Recall
            | Self::F1
            | Self::MicroPrecision
            | Self::MicroRecall
            | Self::MicroF1
            | Self::MacroPrecision
            | Self::MacroRecall
            | Self::MacroF1
            | Self::WeightedPrecision
            | Self::WeightedRecall
            | Self::WeightedF1
            | Self::MatthewsCorrelation
            | Self::CohenKappa
            | Self::LinearKappa
            | Self::QuadraticKappa => MetricInput::Classes,
            Self::TopKAccuracy(_)
            | Self::RocAuc
            | Self::WeightedRocAuc
            | Self::OneVsOneRocAuc
            | Self::AveragePrecision
            | Self::LogLoss
            | Self::BrierScore
            | Self::ExpectedCalibrationError
            | Self::MaximumCalibrationError => MetricInput::Probabilities,
            Self::Pearson
            | Self::Spearman
            | Self::MeanAbsoluteError
            | Self::MeanSquaredError
            | Self::RootMeanSquaredError
            | Self::R2 => MetricInput::Scores,
            Self::Overall => MetricInput::Tasks,
        }
    }

    /// The refusal of predictions that do not have this metric.
    pub(crate) fn needs_other_input(self) -> EvalError {
        EvalError::MetricNeeds {
            metric: self.to_string(),
            needs: self.input_kind().description(),
        }
    }

    /// All names, for a message, those most like `name` first.
    fn known_names(name: &str) -> String {
        let names = Self::ALL.iter().map(|metric| metric.name());
        nearest_first(name, names.chain(["top_K_accuracy".to_string()]))
    }
}

impl MetricInput {
    /// For a message.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Any => "predictions",
            Self::Losses => "the losses of the rows or tokens",
            Self::Classes => "predicted classes",
            Self::Probabilities => "the probabilities of the classes",
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
        match self {
            Self::Loss
            | Self::Perplexity
            | Self::LogLoss
            | Self::BrierScore
            | Self::ExpectedCalibrationError
            | Self::MaximumCalibrationError
            | Self::MeanAbsoluteError
            | Self::MeanSquaredError
            | Self::RootMeanSquaredError => Better::Lower,
            _ => Better::Higher,
        }
    }

    fn input(&self) -> MetricInput {
        self.input_kind()
    }

    fn compute(&self, predictions: &Predictions, targets: &Targets) -> Result<f64, EvalError> {
        let classes = || (0..predictions.num_classes()).map(|class| class.to_string());
        match self.input_kind() {
            MetricInput::Any | MetricInput::Losses => {
                let loss = predictions
                    .mean_loss
                    .ok_or_else(|| self.needs_other_input())?;
                Ok(match self {
                    Self::Perplexity => loss.exp(),
                    _ => loss,
                })
            }
            MetricInput::Classes => {
                let labels = targets.classes()?;
                ConfusionMatrix::from_slices(labels, &predictions.classes(), classes())?
                    .score(*self)
            }
            MetricInput::Probabilities => {
                let labels = targets.classes()?;
                let one_logit = predictions.logits.iter().any(|row| row.len() == 1);
                let predicted = match one_logit {
                    true => {
                        let rows = (0..predictions.len()).map(|row| predictions.probabilities(row));
                        PredictedProbabilities::from_slices(labels, &rows.collect::<Vec<_>>())?
                    }
                    false => PredictedProbabilities::from_logits(labels, &predictions.logits)?,
                };
                predicted.score(*self)
            }
            MetricInput::Scores => {
                PredictedScores::from_slices(targets.scores()?, &predictions.scores())?.score(*self)
            }
            MetricInput::Tasks => Err(self.needs_other_input()),
        }
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
        k.map(Self::TopKAccuracy)
            .ok_or_else(|| EvalError::UnknownMetric {
                name: name.into(),
                known: Self::known_names(name),
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
            assert!(matches!(error, EvalError::UnknownMetric { .. }));
            assert!(error.to_string().contains("macro_f1"), "{error}");
        }
        assert!(serde_json::from_str::<MetricKind>("\"f1_macro\"").is_err());
    }
}
