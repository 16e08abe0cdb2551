//! Predictions computed from the outputs of a model.

use std::cmp::Ordering;

use finetune_eval::{PredictionSetRule, sigmoid, softmax};
use finetune_model::ProblemType;
use serde::{Deserialize, Serialize};

use crate::tokens::TokenPrediction;

/// Prediction for one text or text pair.
///
/// In JSON, it is an object with the fields of its variant. `top_k` and `threshold` are settings of
/// the [`PredictorConfig`](crate::PredictorConfig).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Prediction {
    /// Single-label classification.
    SingleLabel {
        /// The most probable class; on ties, the first.
        label: String,
        /// Probability of that class, in `[0, 1]`.
        #[cfg_attr(feature = "openapi", schema(minimum = 0.0, maximum = 1.0))]
        probability: f64,
        /// Class probabilities in descending order, at most `top_k`. Over
        /// all classes, they sum to 1.
        probabilities: Vec<LabelProbability>,
        /// Classes of which one is right with the coverage that the model
        /// is calibrated for, most probable first. None or several: the
        /// model is not sure. Missing without a calibration.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prediction_set: Option<Vec<String>>,
    },
    /// Multi-label classification.
    MultiLabel {
        /// Labels with at least the probability `threshold`, or the one of
        /// each label, most probable first.
        labels: Vec<String>,
        /// Label probabilities in descending order, at most `top_k`. They
        /// are independent, each in `[0, 1]`.
        probabilities: Vec<LabelProbability>,
    },
    /// Regression.
    Regression {
        /// One score per output, in the order of the outputs.
        scores: Vec<Score>,
    },
    /// Token classification.
    Tokens(TokenPrediction),
    /// Embedding.
    Embedding {
        /// Values of the vector.
        embedding: Vec<f32>,
    },
}

/// Probability of a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelProbability {
    /// Name of the label.
    pub label: String,
    /// Probability of the label, in `[0, 1]`.
    #[cfg_attr(feature = "openapi", schema(minimum = 0.0, maximum = 1.0))]
    pub probability: f64,
}

/// Score of one output of a regression model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Score {
    /// Name of the output.
    pub label: String,
    /// Score in the units of the training data.
    pub score: f64,
}

impl Prediction {
    /// Returns the most probable class; `None` for other predictions than of one class per text.
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::SingleLabel { label, .. } => Some(label),
            _ => None,
        }
    }

    /// Returns the label probabilities in descending order; empty for regression, token classification and
    /// embeddings.
    pub fn probabilities(&self) -> &[LabelProbability] {
        match self {
            Self::SingleLabel { probabilities, .. } | Self::MultiLabel { probabilities, .. } => {
                probabilities
            }
            Self::Regression { .. } | Self::Tokens(_) | Self::Embedding { .. } => &[],
        }
    }

    /// Keeps the probabilities of the `top_k` most probable labels; scores stay.
    pub fn truncate(&mut self, top_k: usize) {
        match self {
            Self::SingleLabel { probabilities, .. } | Self::MultiLabel { probabilities, .. } => {
                probabilities.truncate(top_k);
            }
            Self::Regression { .. } | Self::Tokens(_) | Self::Embedding { .. } => {}
        }
    }

    /// Returns whether the model is sure of its class: whether the prediction set has one. `None` for a
    /// model that is not calibrated for sets.
    pub fn is_sure(&self) -> Option<bool> {
        match self {
            Self::SingleLabel { prediction_set, .. } => {
                prediction_set.as_ref().map(|set| set.len() == 1)
            }
            _ => None,
        }
    }

    /// Returns the score of a regression model with one output; `None` for other models.
    pub fn score(&self) -> Option<f64> {
        match self {
            Self::Regression { scores } => match scores.as_slice() {
                [only] => Some(only.score),
                _ => None,
            },
            _ => None,
        }
    }

    /// Computes the prediction from `outputs`, one per name, as is `thresholds`.
    pub(crate) fn new(
        outputs: &[f32],
        names: &[String],
        problem_type: ProblemType,
        thresholds: &[f64],
        top_k: Option<usize>,
        prediction_set: Option<PredictionSetRule>,
    ) -> Self {
        let best = top_k.unwrap_or(names.len());
        match problem_type {
            ProblemType::SingleLabelClassification => {
                let mut probabilities = likeliest_first(outputs, names, softmax(outputs));
                let prediction_set = prediction_set.map(|rule| {
                    let likely = probabilities.iter();
                    let likely = likely.filter(|label| rule.contains(label.probability));
                    likely.map(|label| label.label.clone()).collect()
                });
                probabilities.truncate(best);
                let (label, probability) = probabilities
                    .first()
                    .map(|likeliest| (likeliest.label.clone(), likeliest.probability))
                    .unwrap_or_default();
                Self::SingleLabel {
                    label,
                    probability,
                    probabilities,
                    prediction_set,
                }
            }
            ProblemType::MultiLabelClassification => {
                let sigmoids: Vec<f64> = outputs.iter().copied().map(sigmoid).collect();
                let order = descending(outputs).into_iter();
                let right = order.filter(|&label| sigmoids[label] >= thresholds[label]);
                let labels = right.map(|label| names[label].clone()).collect();
                let mut probabilities = likeliest_first(outputs, names, sigmoids);
                probabilities.truncate(best);
                Self::MultiLabel {
                    labels,
                    probabilities,
                }
            }
            ProblemType::Regression => {
                let score = |(label, &output): (&String, &f32)| Score {
                    label: label.clone(),
                    score: f64::from(output),
                };
                Self::Regression {
                    scores: names.iter().zip(outputs).map(score).collect(),
                }
            }
        }
    }
}

/// Returns the labels by their logits, the largest first; on ties, the first.
fn descending(logits: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    let descending = |a: &usize, b: &usize| logits[*b].partial_cmp(&logits[*a]);
    order.sort_by(|a, b| descending(a, b).unwrap_or(Ordering::Equal));
    order
}

/// Sorts labels by their logits, which still differ if probabilities round to 0.
fn likeliest_first(
    logits: &[f32],
    names: &[String],
    probabilities: Vec<f64>,
) -> Vec<LabelProbability> {
    let label = |class: usize| LabelProbability {
        label: names[class].clone(),
        probability: probabilities[class],
    };
    descending(logits).into_iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictor_config::PredictorConfig;

    fn prediction(outputs: &[f32], problem_type: ProblemType, json: &str) -> Prediction {
        let names = ["a", "b", "c"].map(String::from);
        let config: PredictorConfig = serde_json::from_str(json).unwrap();
        let thresholds = config.threshold.unwrap_or_default();
        let thresholds = thresholds.per_class(outputs.len()).unwrap();
        let names = &names[..outputs.len()];
        Prediction::new(
            outputs,
            names,
            problem_type,
            &thresholds,
            config.top_k,
            None,
        )
    }

    fn order(prediction: &Prediction) -> Vec<&str> {
        let labels = prediction.probabilities().iter();
        labels.map(|label| label.label.as_str()).collect()
    }

    #[test]
    fn the_likeliest_class_comes_first_even_where_probabilities_round_to_0() {
        let single = ProblemType::SingleLabelClassification;
        let far = prediction(&[-4000.0, 2.0, -3000.0], single, "{}");
        assert_eq!((far.label(), order(&far)), (Some("b"), vec!["b", "c", "a"]));
        let equal = prediction(&[0.0, 1.0, 1.0], single, r#"{"top_k": 2}"#);
        assert_eq!(order(&equal), ["b", "c"]);
        let json = serde_json::to_value(prediction(&[0.0, 0.0], single, "{}")).unwrap();
        assert_eq!(json["label"], "a");
        assert_eq!(json["probability"], 0.5);
        assert_eq!(json["probabilities"][1]["label"], "b");
    }

    #[test]
    fn labels_count_from_the_threshold_on_whether_listed_or_not() {
        let any = ProblemType::MultiLabelClassification;
        let found = prediction(&[-1.0, 0.0, 3.0], any, r#"{"top_k": 1}"#);
        let Prediction::MultiLabel {
            labels,
            probabilities,
        } = &found
        else {
            panic!("{found:?}");
        };
        assert_eq!(labels, &["c", "b"]);
        assert_eq!(probabilities.len(), 1);
        assert!((probabilities[0].probability - 0.952_574_126_8).abs() < 1e-9);
        let none = prediction(&[-1.0, 0.0, 3.0], any, r#"{"threshold": 1.0}"#);
        assert!(matches!(none, Prediction::MultiLabel { labels, .. } if labels.is_empty()));
        let each = prediction(
            &[-1.0, 0.0, 3.0],
            any,
            r#"{"threshold": [0.25, 0.75, 0.5]}"#,
        );
        assert!(matches!(each, Prediction::MultiLabel { labels, .. } if labels == ["c", "a"]));
    }

    #[test]
    fn the_json_reads_back() {
        let kinds = [
            ProblemType::SingleLabelClassification,
            ProblemType::MultiLabelClassification,
            ProblemType::Regression,
        ];
        for problem_type in kinds {
            let mut found = prediction(&[-1.0, 0.5, 3.0], problem_type, "{}");
            let json = serde_json::to_string(&found).unwrap();
            assert_eq!(serde_json::from_str::<Prediction>(&json).unwrap(), found);
            found.truncate(1);
            assert!(found.probabilities().len() < 2);
        }
    }

    #[test]
    fn numbers_keep_the_order_of_the_model() {
        let found = prediction(&[2.5, -1.0], ProblemType::Regression, "{}");
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["scores"][1]["score"], -1.0);
        assert_eq!((found.score(), found.label()), (None, None));
        let one = prediction(&[2.5], ProblemType::Regression, "{}");
        assert_eq!(one.score(), Some(2.5));
    }
}
