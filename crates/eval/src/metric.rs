//! The names of the metrics, and what each is computed from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::EvalError;

/// A number that says how good predictions are.
///
/// In settings and records a metric is its name: `"accuracy"`, `"macro_f1"`, `"top_5_accuracy"`.
/// Where a class has to be the positive one ([`Precision`](Self::Precision), [`Recall`](Self::Recall),
/// [`F1`](Self::F1)) it is class 1 of two, as scikit-learn's default has it;
/// [`ConfusionMatrix::binary_scores`](crate::ConfusionMatrix::binary_scores) takes any class by
/// name.
///
/// ```
/// use finetune_eval::Metric;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let metric: Metric = "macro_f1".parse()?;
/// assert_eq!(metric, Metric::MacroF1);
/// assert!(metric.higher_is_better() && !Metric::LogLoss.higher_is_better());
/// assert_eq!("top_3_accuracy".parse::<Metric>()?, Metric::TopKAccuracy(3));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Metric {
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

/// Values of metrics; one that is undefined for the rows at hand is absent.
pub type Scores = BTreeMap<Metric, f64>;

/// What a metric is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricInput {
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
    fn score(&self, metric: Metric) -> Result<f64, EvalError>;

    /// The values of several metrics; one that is undefined for these rows is left out.
    ///
    /// # Errors
    ///
    /// Those of [`score`](Self::score) but for [`EvalError::Undefined`].
    ///
    /// ```
    /// use finetune_eval::{Metric, PredictedScores, Scored};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// // The predictions are all the same: they are wrong by something, and correlate with nothing.
    /// let predicted = PredictedScores::from_slices(&[1.0, 2.0, 3.0], &[2.0, 2.0, 2.0])?;
    /// let scores = predicted.scores(&[Metric::Pearson, Metric::MeanSquaredError])?;
    /// assert_eq!(scores, [(Metric::MeanSquaredError, 2.0 / 3.0)].into());
    /// # Ok(())
    /// # }
    /// ```
    fn scores(&self, metrics: &[Metric]) -> Result<Scores, EvalError> {
        let mut scores = Scores::new();
        for &metric in metrics {
            match self.score(metric) {
                Ok(score) => drop(scores.insert(metric, score)),
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
        impl Metric {
            /// Every metric but [`TopKAccuracy`](Self::TopKAccuracy), of which there are many.
            pub const ALL: &[Self] = &[$(Self::$metric),*];

            /// The name, as in settings and records.
            pub fn name(self) -> Cow<'static, str> {
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

impl Metric {
    /// Whether a larger value is a better one.
    pub fn higher_is_better(self) -> bool {
        !matches!(
            self,
            Self::Loss
                | Self::Perplexity
                | Self::LogLoss
                | Self::BrierScore
                | Self::ExpectedCalibrationError
                | Self::MaximumCalibrationError
                | Self::MeanAbsoluteError
                | Self::MeanSquaredError
                | Self::RootMeanSquaredError
        )
    }

    /// By how much `new` is better than `old`; negative if it is worse.
    pub fn improvement(self, old: f64, new: f64) -> f64 {
        match self.higher_is_better() {
            true => new - old,
            false => old - new,
        }
    }

    /// What it is computed from.
    pub fn input(self) -> MetricInput {
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
        let needs = match self.input() {
            MetricInput::Losses => "the losses of the rows or tokens",
            MetricInput::Classes => "predicted classes",
            MetricInput::Probabilities => "the probabilities of the classes",
            MetricInput::Scores => "predicted scores",
            MetricInput::Tasks => "the scores of several tasks",
        };
        EvalError::MetricNeeds {
            metric: self,
            needs,
        }
    }

    /// All names, for a message.
    pub(crate) fn known_names() -> String {
        let mut names: Vec<_> = Self::ALL.iter().map(|metric| metric.name()).collect();
        names.push("top_K_accuracy".into());
        names.join(", ")
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

impl FromStr for Metric {
    type Err = EvalError;

    fn from_str(name: &str) -> Result<Self, EvalError> {
        if let Some(metric) = Self::ALL.iter().find(|metric| metric.name() == name) {
            return Ok(*metric);
        }
        let k = name
            .strip_prefix("top_")
            .and_then(|rest| rest.strip_suffix("_accuracy"))
            .and_then(|k| k.parse().ok())
            .filter(|k| *k > 0);
        k.map(Self::TopKAccuracy)
            .ok_or_else(|| EvalError::UnknownMetric { name: name.into() })
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for Metric {
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
        for metric in Metric::ALL
            .iter()
            .copied()
            .chain([Metric::TopKAccuracy(10)])
        {
            assert_eq!(metric.to_string().parse(), Ok(metric));
            let json = serde_json::to_string(&metric).unwrap();
            assert_eq!(json, format!("\"{metric}\""));
            assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), metric);
        }
        let scores = Scores::from([(Metric::TopKAccuracy(2), 0.5), (Metric::MacroF1, 0.25)]);
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(json, r#"{"top_2_accuracy":0.5,"macro_f1":0.25}"#);
        assert_eq!(serde_json::from_str::<Scores>(&json).unwrap(), scores);
    }

    #[test]
    fn no_name_is_used_twice() {
        let names: std::collections::HashSet<_> =
            Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len());
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
            let error = name.parse::<Metric>().unwrap_err();
            assert_eq!(error, EvalError::UnknownMetric { name: name.into() });
            assert!(error.to_string().contains("macro_f1"), "{error}");
        }
        assert!(serde_json::from_str::<Metric>("\"f1_macro\"").is_err());
    }

    #[test]
    fn less_loss_is_an_improvement() {
        assert_eq!(Metric::Loss.improvement(2.0, 1.5), 0.5);
        assert_eq!(Metric::Accuracy.improvement(0.5, 0.75), 0.25);
    }
}
