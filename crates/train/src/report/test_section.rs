//! Test metrics in the report of a run.

use std::collections::BTreeMap;
use std::fmt;

use finetune_data::Labels;
use finetune_eval::plots::ConfusionPlot;
use finetune_eval::report::{KeyValues, Section, Table};
use finetune_eval::statistics::ConfidenceInterval;
use finetune_eval::{
    ClassificationReport, ConfusionMatrix, EmbeddingReport, EntityReport, Evaluator, MetricKind,
    MetricSource, MultiLabelReport, Predictions, RegressionReport, RerankingReport, Scores,
};
use finetune_predict::{CalibrationReport, Int8Report, PredictionOutput};
use serde::{Deserialize, Serialize};

use super::score_intervals::intervals;
use super::{ErrorAnalysis, figure};
use crate::error::TrainError;
use crate::loss::{Criterion, targets};
use crate::predicted_rows::scores_of;
use crate::text_config::EncodedSplit;

/// Maximum number of classes for a plot of the confusion matrix.
const MOST_CLASSES: usize = 40;

/// Test metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestSection {
    /// Classification or regression report.
    #[serde(flatten)]
    pub scores: TestScores,
    /// Error analysis.
    #[serde(flatten)]
    pub analysis: ErrorAnalysis,
    /// Values of all metrics of the run by name: default ones of the task, those in the settings,
    /// and your own.
    pub metrics: Scores,
    /// Probabilities before and after the calibration that is saved with the model; all other values of
    /// the section are of those before. `None` without a calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<CalibrationReport>,
    /// Predictions in 8-bit integers beside those in floats, with the layers that are chosen for the saved
    /// model; all other values of the section are of the precision of the run. `None` without a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8: Option<Int8Report>,
    /// 95 % confidence intervals of metrics by name, for other test rows of the same kind; those of the
    /// built-in metrics of classes and scores.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals: BTreeMap<String, ConfidenceInterval>,
    /// Wall time of the prediction loop in seconds.
    pub seconds: f64,
    /// Predicted texts per second.
    pub samples_per_second: f64,
}

/// Report of the test predictions: classification, token classification, multi-label, regression,
/// embeddings or reranking.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TestScores {
    /// Classification.
    Classes {
        /// Accuracy, F1 and the metrics of each class.
        #[serde(flatten)]
        report: ClassificationReport,
        /// Number of rows, or of words, by true and predicted class.
        confusion_matrix: ConfusionMatrix,
    },
    /// Token classification with entities.
    Entities(EntityReport),
    /// Multi-label classification.
    MultiLabel(MultiLabelReport),
    /// Regression.
    Scores(RegressionReport),
    /// Embeddings.
    Embeddings(EmbeddingReport),
    /// Reranking.
    Reranking(RerankingReport),
}

impl TestScores {
    /// Returns the number of test rows.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Classes { report, .. } => report.rows,
            Self::Entities(report) => report.sentences,
            Self::MultiLabel(report) => report.rows,
            Self::Scores(report) => report.rows,
            Self::Embeddings(report) => report.rows,
            Self::Reranking(report) => report.rows,
        }
    }

    /// Returns the name that the hub has for the task.
    pub(crate) fn pipeline_tag(&self) -> &'static str {
        match self {
            Self::Classes { .. } | Self::MultiLabel(_) | Self::Scores(_) => "text-classification",
            Self::Entities(_) => "token-classification",
            Self::Embeddings(_) => "sentence-similarity",
            Self::Reranking(_) => "text-ranking",
        }
    }

    /// # Errors
    /// - [`TrainError::Eval`] if rows and predictions differ in number.
    /// - [`TrainError::InvalidSetting`] if the rows have no labels.
    pub(crate) fn new(
        predictions: &Predictions,
        labels: &Labels,
        class_names: &[String],
    ) -> Result<Self, TrainError> {
        match labels {
            Labels::Classes(labels) => {
                let classes = predictions.classes();
                let matrix = ConfusionMatrix::from_slices(labels, &classes, class_names)?;
                Ok(Self::Classes {
                    report: ClassificationReport::from_confusion_matrix(&matrix)?,
                    confusion_matrix: matrix,
                })
            }
            Labels::MultiLabel(_) => {
                let predicted = predictions.label_sets(&targets(labels, predictions.len()))?;
                Ok(Self::MultiLabel(MultiLabelReport::new(
                    &predicted,
                    class_names,
                )?))
            }
            Labels::Scores(labels) => {
                let report = RegressionReport::from_slices(labels, &predictions.scores())?;
                Ok(Self::Scores(report))
            }
            Labels::TokenClasses(_) | Labels::Unlabeled => Err(TrainError::setting(
                "test labels",
                "none",
                "one for each row",
            )),
        }
    }

    /// Returns a built-in metric that can be computed from the report; `None` for other metrics.
    pub(crate) fn score(&self, metric: MetricKind) -> Option<f64> {
        match self {
            Self::Classes {
                confusion_matrix, ..
            } => confusion_matrix.score(metric).ok(),
            Self::Entities(_) => None,
            Self::MultiLabel(report) => report.score(metric),
            Self::Scores(report) => report.score(metric),
            Self::Embeddings(report) => report.embeddings.get(&metric.to_string()).copied(),
            Self::Reranking(_) => None,
        }
    }
}

impl TestSection {
    /// # Errors
    /// - [`TrainError::Eval`] if rows and predictions differ in number.
    /// - [`TrainError::InvalidSetting`] if the rows have no labels.
    pub(crate) fn new(
        output: &mut PredictionOutput,
        test: &EncodedSplit,
        criterion: &Criterion,
        evaluator: &Evaluator,
    ) -> Result<Self, TrainError> {
        let metrics = scores_of(&test.tokens, criterion, evaluator, &mut output.predictions)?;
        let predictions = &output.predictions;
        let labels = test.tokens.labels.all()?;
        let class_names = test.dataset.class_names();
        Ok(Self {
            scores: TestScores::new(predictions, &labels, class_names)?,
            analysis: ErrorAnalysis::new(predictions, &labels, test)?,
            intervals: intervals(&metrics, predictions, &labels, class_names)?,
            metrics,
            calibrated: None,
            int8: None,
            seconds: output.seconds,
            samples_per_second: output.samples_per_second(),
        })
    }

    /// Returns the value of a metric by name; `None` if it is undefined for the test rows, or was
    /// neither evaluated nor can be computed from the report.
    pub fn score(&self, metric: &str) -> Option<f64> {
        let evaluated = self.metrics.get(metric).copied();
        evaluated.or_else(|| self.scores.score(metric.parse().ok()?))
    }

    /// Returns what is fitted on the validation rows does to the test rows, in sentences; `None` if nothing
    /// is.
    pub(super) fn fitted_sentences(&self) -> Option<String> {
        let calibrated = self.calibrated.as_ref();
        let calibrated =
            calibrated.map(|report| format!("Calibrated on the validation rows. {report}"));
        let sentences: Vec<String> = calibrated
            .into_iter()
            .chain(self.int8.as_ref().map(Int8Report::to_string))
            .collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    /// Returns the section of the report page with metrics and error analysis.
    pub(crate) fn section(&self, title: &str) -> Section {
        let metrics = self.metrics.iter();
        let metrics = metrics.fold(KeyValues::new(), |facts, (name, score)| {
            let value = match self.intervals.get(name) {
                Some(interval) => format!("{score:.4} ({interval})"),
                None => format!("{score:.4}"),
            };
            facts.with(name.replace('_', " "), value)
        });
        let section = Section::new(title).with(metrics);
        let section = match &self.calibrated {
            Some(report) => section.with(calibration_facts(report)),
            None => section,
        };
        let section = match &self.int8 {
            Some(report) => section.with(int8_facts(report)),
            None => section,
        };
        let section = match &self.scores {
            TestScores::Classes {
                report,
                confusion_matrix,
            } => {
                let section = section.with(Table::from(report));
                let plot = ConfusionPlot::new(title, confusion_matrix.clone());
                let alt = "A table of true and predicted classes.";
                let caption = "Rows by true and predicted class.";
                match confusion_matrix.class_names().len() <= MOST_CLASSES {
                    true => section.with(figure(&plot, alt, caption)),
                    false => section,
                }
            }
            TestScores::Entities(report) => {
                let section = section.with(Table::from(report));
                let alt = "A table of true and predicted types.";
                let caption = "Entities by true and predicted type; O is no entity.";
                match &report.confusion_matrix {
                    Some(matrix) if matrix.class_names().len() <= MOST_CLASSES => {
                        let plot = ConfusionPlot::new(title, matrix.clone());
                        section.with(figure(&plot, alt, caption))
                    }
                    _ => section,
                }
            }
            TestScores::MultiLabel(report) => section.with(Table::from(report)),
            TestScores::Scores(report) => section.with(facts_of(report)),
            TestScores::Embeddings(report) => {
                section.with(KeyValues::new().with("Rows", report.rows))
            }
            TestScores::Reranking(report) => section.with(
                KeyValues::new()
                    .with("Rows", report.rows)
                    .with("Documents", report.documents),
            ),
        };
        self.analysis.add_to(section)
    }

    /// Returns name and value of the main metric of the task, if it is defined.
    pub(super) fn main_score(&self) -> Option<(String, f64)> {
        let of_kind = |metric: MetricKind| {
            let name = metric.to_string().replace('_', " ");
            Some((name, self.scores.score(metric)?))
        };
        let first = |scores: &Scores| {
            let (name, score) = scores.iter().next()?;
            Some((name.replace('_', " "), *score))
        };
        match &self.scores {
            TestScores::Classes { .. } => of_kind(MetricKind::Accuracy),
            TestScores::Entities(report) => Some(("entity F1".to_string(), report.micro.f1)),
            TestScores::MultiLabel(_) => of_kind(MetricKind::MicroF1),
            TestScores::Scores(_) => of_kind(MetricKind::Pearson),
            TestScores::Embeddings(report) => first(&report.embeddings),
            TestScores::Reranking(report) => first(&report.reranking),
        }
    }

    /// Formats the main metrics of the task as a sentence.
    pub(crate) fn sentence(&self) -> String {
        let number = |score: Option<f64>| score.map_or("-".into(), |score| format!("{score:.4}"));
        let score = |metric: MetricKind| number(self.scores.score(metric));
        match &self.scores {
            TestScores::Classes { .. } => format!(
                "Accuracy {}, macro F1 {}.",
                score(MetricKind::Accuracy),
                score(MetricKind::MacroF1)
            ),
            TestScores::Entities(report) => format!(
                "Entity F1 {:.4}, precision {:.4}, recall {:.4}.",
                report.micro.f1, report.micro.precision, report.micro.recall
            ),
            TestScores::MultiLabel(_) => format!(
                "Micro F1 {}, macro F1 {}, subset accuracy {}.",
                score(MetricKind::MicroF1),
                score(MetricKind::MacroF1),
                score(MetricKind::Accuracy)
            ),
            TestScores::Scores(_) => format!(
                "Pearson {}, Spearman {}.",
                score(MetricKind::Pearson),
                score(MetricKind::Spearman)
            ),
            TestScores::Embeddings(report) => main_scores(&report.embeddings),
            TestScores::Reranking(report) => main_scores(&report.reranking),
        }
    }
}

/// Formats the first two scores as a sentence.
fn main_scores(scores: &Scores) -> String {
    let main = scores.iter().take(2);
    let main: Vec<_> = main
        .map(|(name, score)| format!("{name} {score:.4}"))
        .collect();
    format!("{}.", main.join(", "))
}

/// Returns what the calibration of the saved model does to the probabilities of the test rows.
fn calibration_facts(report: &CalibrationReport) -> KeyValues {
    let (before, after) = (&report.before, &report.after);
    let both = |before: f64, after: f64| format!("{before:.4} before, {after:.4} after");
    let error = both(
        before.expected_calibration_error,
        after.expected_calibration_error,
    );
    let facts = KeyValues::new()
        .with(
            "Calibration temperature",
            format!("{:.4}", report.calibration.temperature),
        )
        .with("Expected calibration error", error)
        .with("Log loss", both(before.log_loss, after.log_loss));
    match (&report.calibration.prediction_set, &after.prediction_sets) {
        (Some(rule), Some(sets)) => facts
            .with(
                "Coverage of prediction sets",
                format!("{:.4}, fitted for {}", sets.coverage, rule.coverage),
            )
            .with(
                "Classes in a prediction set",
                format!("{:.3} on average", sets.mean_size),
            )
            .with(
                "Prediction sets of one class",
                format!("{:.1} %", 100.0 * sets.sure),
            ),
        _ => facts,
    }
}

/// Returns what 8-bit integers do to the predictions of the test rows.
fn int8_facts(report: &Int8Report) -> KeyValues {
    let (before, after) = (report.before, report.after);
    let metric = report.metric.replace('_', " ");
    let layers = report.linear_layers;
    let facts = KeyValues::new()
        .with(
            "Linear layers in 8-bit integers",
            format!("{} of {layers}", layers - report.keep.len()),
        )
        .with(
            format!("{metric} in 8-bit integers"),
            format!("{after:.4}, {before:.4} in {}", report.keep_precision),
        )
        .with(
            "Change of an output",
            format!("{:.4} (root mean square)", report.change_of_outputs),
        );
    match report.keep.as_slice() {
        [] => facts,
        kept => facts.with("Layers in floats", kept.join(", ")),
    }
}

fn facts_of(report: &RegressionReport) -> KeyValues {
    let number =
        |score: Option<f64>| score.map_or("not defined".into(), |score| format!("{score:.4}"));
    KeyValues::new()
        .with("Rows", report.rows)
        .with("Pearson", number(report.pearson))
        .with("Spearman", number(report.spearman))
        .with(
            "Mean absolute error",
            number(Some(report.mean_absolute_error)),
        )
        .with(
            "Root of the mean squared error",
            number(Some(report.root_mean_squared_error)),
        )
        .with("R²", number(report.r2))
}

impl fmt::Display for TestScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Classes {
                report,
                confusion_matrix,
            } => write!(f, "{report}\n{confusion_matrix}"),
            Self::Entities(report) => write!(f, "{report}"),
            Self::MultiLabel(report) => write!(f, "{report}"),
            Self::Scores(report) => write!(f, "{report}"),
            Self::Embeddings(report) => write!(f, "{report}"),
            Self::Reranking(report) => write!(f, "{report}"),
        }
    }
}
