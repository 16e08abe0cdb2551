//! Error analysis of test predictions: scores of slices, calibration and the worst errors.

use std::collections::BTreeSet;

use finetune_data::{EncodedDataset, Example, Labels};
use finetune_eval::plots::{Line, LineChart, ReliabilityDiagram, ScoreScatter};
use finetune_eval::report::{ScoredText, Section, Table, TextSamples};
use finetune_eval::{
    Average, BinaryRanking, Binning, ConfusionMatrix, EvalError, MetricKind, MetricSource,
    PredictedProbabilities, PredictedScores, Predictions, Reliability, SliceScores, Slices,
};
use serde::{Deserialize, Serialize};

use super::figure;
use super::label_set_errors::{farthest_sets, rankings, set_slices};
use crate::error::TrainError;
use crate::loss::targets;
use crate::text_config::EncodedSplit;

/// Number of worst errors in the report.
const WORST: usize = 10;
/// Maximum number of points of a curve.
const MOST_POINTS: usize = 500;
/// Upper bounds of the length slices, in tokens.
const LENGTHS: [usize; 8] = [8, 16, 32, 64, 128, 256, 512, 1024];

/// Error analysis of the test predictions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorAnalysis {
    /// Scores by length in tokens, by whether the text was truncated, and by class, or by the number
    /// of classes of multi-label data; length and truncation are left out if all rows fall into one
    /// slice. Macro F1 is the mean over the classes that occur in a slice, true or predicted.
    pub slices: Vec<SliceScores>,
    /// Calibration of the probabilities; `None` for regression, for multi-label data and for models
    /// with one output.
    pub calibration: Option<Reliability>,
    /// Misclassified rows with the highest confidence; for any number of classes, those with a wrong
    /// class whose probability is farthest from the truth; for scores, rows with the largest
    /// absolute error.
    pub worst_errors: TextSamples,
    /// Rows by the score of the second of two classes, without a name, or of each class of
    /// multi-label data, for the curves.
    #[serde(skip)]
    rankings: Vec<(String, BinaryRanking)>,
    /// Predicted scores of a regression task, for the plot.
    #[serde(skip)]
    scores: Option<PredictedScores>,
}

impl ErrorAnalysis {
    /// # Errors
    /// - [`TrainError::Eval`] if rows and predictions differ in number.
    /// - [`TrainError::Data`] if the rows cannot be read.
    pub(super) fn new(
        predictions: &Predictions,
        labels: &Labels,
        test: &EncodedSplit,
    ) -> Result<Self, TrainError> {
        let rows = &test.dataset.examples;
        let by_text = slices_by_text(&test.tokens)?;
        match labels {
            Labels::Classes(labels) => {
                let names = test.dataset.class_names();
                let classes = predictions.classes();
                Ok(Self {
                    slices: class_slices(&by_text, labels, &classes, names)?,
                    calibration: calibration(predictions, labels)?,
                    worst_errors: surest_errors(predictions, &classes, rows, labels, names),
                    rankings: ranking(predictions, labels, names)?
                        .map(|ranking| (String::new(), ranking))
                        .into_iter()
                        .collect(),
                    scores: None,
                })
            }
            Labels::MultiLabel(_) => {
                let names = test.dataset.class_names();
                let predicted = predictions.label_sets(&targets(labels, predictions.len()))?;
                Ok(Self {
                    slices: set_slices(&by_text, &predicted)?,
                    calibration: None,
                    worst_errors: farthest_sets(&predicted, rows, names),
                    rankings: rankings(&predicted, names)?,
                    scores: None,
                })
            }
            Labels::Scores(labels) => {
                let scores = PredictedScores::from_slices(labels, &predictions.scores())?;
                let metrics = [MetricKind::Pearson, MetricKind::MeanAbsoluteError];
                let slices = by_text
                    .iter()
                    .map(|slices| slices.scores(&metrics, |rows| scores.select(rows)));
                Ok(Self {
                    slices: slices.collect::<Result<_, _>>()?,
                    calibration: None,
                    worst_errors: farthest_scores(&scores, rows),
                    rankings: Vec::new(),
                    scores: Some(scores),
                })
            }
            Labels::TokenClasses(_) | Labels::Unlabeled => {
                Ok(Self::of_worst(TextSamples::default()))
            }
        }
    }

    /// Creates an analysis of the worst errors alone; by default, of rows without errors to analyze.
    pub(crate) fn of_worst(worst_errors: TextSamples) -> Self {
        Self {
            slices: Vec::new(),
            calibration: None,
            worst_errors,
            rankings: Vec::new(),
            scores: None,
        }
    }

    /// Creates an analysis of predicted scores, which are drawn if they are given.
    pub(super) fn of_scores(worst_errors: TextSamples, scores: Option<PredictedScores>) -> Self {
        Self {
            scores,
            ..Self::of_worst(worst_errors)
        }
    }

    /// Adds the analysis to a section of the report.
    pub(super) fn add_to(&self, mut section: Section) -> Section {
        if let Some(calibration) = &self.calibration {
            let caption = format!(
                "Confidence against accuracy; the expected calibration error is {:.4}.",
                calibration.expected_calibration_error
            );
            let plot = ReliabilityDiagram::new("Reliability", calibration.clone());
            section = section.with(figure(&plot, "Bars of accuracy by confidence.", caption));
        }
        let of = match &self.rankings[..] {
            [(name, _)] if name.is_empty() => "the second class",
            _ => "each class",
        };
        for curve in curves(&self.rankings) {
            let alt = format!("Lines of {} over {}.", curve.y_label, curve.x_label);
            let caption = format!("{} of {of}.", curve.title);
            section = section.with(figure(&curve, alt, caption));
        }
        if let Some(scores) = &self.scores {
            let plot = ScoreScatter::new("Scores", scores.clone());
            let alt = "A point a row: the true score and the predicted one.";
            section = section.with(figure(&plot, alt, "Predicted against true scores."));
        }
        section = self
            .slices
            .iter()
            .fold(section, |section, slices| section.with(Table::from(slices)));
        match self.worst_errors.texts.is_empty() {
            true => section,
            false => section.with(self.worst_errors.clone()),
        }
    }
}

/// Returns the slices by length and by truncation that have at least two groups.
fn slices_by_text(tokens: &EncodedDataset) -> Result<Vec<Slices>, TrainError> {
    let mut lengths = vec![0; tokens.texts.text_count()];
    let mut truncated = vec![false; lengths.len()];
    for (row, length) in tokens.lengths()?.into_iter().enumerate() {
        let text = tokens.texts.text_of_row(row)?;
        lengths[text] += length;
        truncated[text] |= tokens.texts.is_truncated(row)?;
        if let Some(second) = &tokens.second_texts {
            truncated[text] |= second.is_truncated(row)?;
        }
    }
    let mut slices = vec![
        Slices::by_length(&lengths, &LENGTHS)?,
        Slices::by("truncated", truncated),
    ];
    slices.retain(|slices| slices.iter().count() > 1);
    Ok(slices)
}

/// Predictions of a slice, whose macro F1 is over the classes that occur in it: another class has no F1
/// there, and would count as 0 in the mean.
struct SlicePredictions<'a> {
    matrix: ConfusionMatrix,
    /// Names of the true and the predicted classes.
    present: Vec<&'a String>,
}

impl MetricSource for SlicePredictions<'_> {
    fn score(&self, metric: MetricKind) -> Result<f64, EvalError> {
        match metric {
            MetricKind::MacroF1 => {
                let mean = self.matrix.averaged_scores(Average::Macro, &self.present)?;
                Ok(mean.f1)
            }
            other => self.matrix.score(other),
        }
    }
}

fn class_slices(
    by_text: &[Slices],
    labels: &[usize],
    classes: &[usize],
    names: &[String],
) -> Result<Vec<SliceScores>, TrainError> {
    let slice = |rows: &[usize]| {
        let of = |values: &[usize]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
        let (labels, classes) = (of(labels), of(classes));
        let present: BTreeSet<&usize> = labels.iter().chain(&classes).collect();
        Ok(SlicePredictions {
            matrix: ConfusionMatrix::from_slices(&labels, &classes, names)?,
            present: present.into_iter().map(|class| &names[*class]).collect(),
        })
    };
    let metrics = [MetricKind::Accuracy, MetricKind::MacroF1];
    let mut scores = Vec::new();
    for slices in by_text {
        scores.push(slices.scores(&metrics, slice)?);
    }
    // A slice of one class has no macro F1.
    let by_class = Slices::by_class("label", labels, names)?;
    scores.push(by_class.scores(&metrics[..1], slice)?);
    Ok(scores)
}

/// Returns the calibration; `None` for a model with one output, which is not a probability.
fn calibration(
    predictions: &Predictions,
    labels: &[usize],
) -> Result<Option<Reliability>, TrainError> {
    if predictions.logits.iter().any(|logits| logits.len() < 2) {
        return Ok(None);
    }
    let predicted = PredictedProbabilities::from_logits(labels, &predictions.logits)?;
    Ok(Some(predicted.reliability(Binning::default())?))
}

/// Returns the rows of two classes by the score of the second; `None` for more classes.
fn ranking(
    predictions: &Predictions,
    labels: &[usize],
    names: &[String],
) -> Result<Option<BinaryRanking>, TrainError> {
    if names.len() != 2 {
        return Ok(None);
    }
    let scores = predictions.logits.iter().map(|logits| match logits[..] {
        [first, second] => second - first,
        _ => logits.iter().sum(),
    });
    let positive: Vec<bool> = labels.iter().map(|label| *label == 1).collect();
    Ok(Some(BinaryRanking::from_slices(
        &positive,
        &scores.collect::<Vec<f32>>(),
    )?))
}

/// Returns the ROC curves and the precision-recall curves, with a line per ranking; none of rankings
/// whose rows are of one class.
fn curves(rankings: &[(String, BinaryRanking)]) -> Vec<LineChart> {
    let of_both = |(name, ranking): &(String, BinaryRanking)| {
        let (roc, precision_recall) = (ranking.roc_curve(), ranking.precision_recall_curve());
        let (Ok(roc), Ok(precision_recall)) = (roc, precision_recall) else {
            return None;
        };
        let roc = roc.drop_intermediate().points.into_iter();
        let roc = roc.map(|at| (at.false_positive_rate, at.true_positive_rate));
        // All points of thousands of rows would be one dense line.
        let step = precision_recall.points.len().div_ceil(MOST_POINTS).max(1);
        let precision_recall = precision_recall.points.into_iter().rev().step_by(step);
        let precision_recall = precision_recall.map(|at| (at.recall, at.precision));
        let name = name.as_str();
        Some((Line::new(name, roc), Line::new(name, precision_recall)))
    };
    let (roc, precision_recall): (Vec<Line>, Vec<Line>) =
        rankings.iter().filter_map(of_both).unzip();
    [
        (
            "ROC curve",
            "false positive rate",
            "true positive rate",
            roc,
        ),
        (
            "Precision-recall curve",
            "recall",
            "precision",
            precision_recall,
        ),
    ]
    .into_iter()
    .filter(|(_, _, _, lines)| !lines.is_empty())
    .map(|(title, x_label, y_label, lines)| LineChart {
        title: title.to_string(),
        x_label: x_label.to_string(),
        y_label: y_label.to_string(),
        lines,
        ..LineChart::default()
    })
    .collect()
}

/// Returns the misclassified rows with the highest confidence.
fn surest_errors(
    predictions: &Predictions,
    classes: &[usize],
    rows: &[Example],
    labels: &[usize],
    names: &[String],
) -> TextSamples {
    let sureness = |row: usize| match predictions.logits[row][..] {
        [logit] => f64::from(logit.abs()),
        _ => predictions.probabilities(row)[classes[row]],
    };
    let wrong = (0..rows.len()).filter(|row| classes[*row] != labels[*row]);
    let texts = worst(wrong, sureness).map(|row| {
        let text = scored_text(row, &rows[row])
            .label(&names[labels[row]])
            .prediction(&names[classes[row]]);
        match predictions.logits[row].len() {
            1 => text,
            _ => text.probabilities(names.iter().zip(predictions.probabilities(row))),
        }
    });
    TextSamples {
        caption: "The errors that the model was surest of, by row.".to_string(),
        texts: texts.collect(),
    }
}

fn farthest_scores(scores: &PredictedScores, rows: &[Example]) -> TextSamples {
    let (labels, predictions) = (scores.labels(), scores.predictions());
    let error = |row: usize| (labels[row] - predictions[row]).abs();
    let texts = worst(0..rows.len(), error).map(|row| {
        scored_text(row, &rows[row])
            .label(format!("{:.2}", labels[row]))
            .prediction(format!("{:.2}", predictions[row]))
    });
    TextSamples {
        caption: "The scores that are farthest from the truth, by row.".to_string(),
        texts: texts.collect(),
    }
}

/// Returns the rows with the highest values; ties keep their order.
pub(super) fn worst(
    rows: impl Iterator<Item = usize>,
    value: impl Fn(usize) -> f64,
) -> impl Iterator<Item = usize> {
    let mut rows: Vec<(usize, f64)> = rows.map(|row| (row, value(row))).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    rows.into_iter().take(WORST).map(|(row, _)| row)
}

pub(super) fn scored_text(row: usize, example: &Example) -> ScoredText {
    let text = ScoredText::new(row.to_string(), example.text.as_str());
    match &example.text_pair {
        Some(second) => text.second(second.as_str()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_are_not_in_a_slice_do_not_lower_its_macro_f1() {
        let names = ["a", "b", "c"].map(String::from);
        let lengths = Slices::by_length(&[3, 4, 90, 95, 99], &[8]).unwrap();
        let (labels, classes) = ([0, 1, 2, 2, 2], [0, 1, 2, 2, 0]);
        let scores = class_slices(&[lengths], &labels, &classes, &names).unwrap();
        let f1: Vec<f64> = scores[0]
            .slices
            .iter()
            .map(|of| of.scores["macro_f1"])
            .collect();
        // The long rows have a predicted class `a`, whose F1 is 0, and a `c` of 2 * 1 * 2/3 / (5/3).
        assert_eq!(f1, [1.0, 0.4]);
    }
}
