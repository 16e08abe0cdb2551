//! Predictions in the API.

use finetune_predict::Prediction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Prediction for one input; the variant depends on the model's task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ApiPrediction {
    /// Single-label classification.
    SingleLabel(SingleLabelPrediction),
    /// Multi-label classification.
    MultiLabel(MultiLabelPrediction),
    /// Regression.
    Regression(RegressionPrediction),
}

/// Prediction of a single-label classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SingleLabelPrediction {
    /// Most likely class; the first one of ties.
    pub label: String,
    /// Probability of the predicted class, in `[0, 1]`.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub probability: f64,
    /// Classes, most likely first, limited to `top_k`. All class probabilities sum to 1.
    pub probabilities: Vec<Probability>,
}

/// Prediction of a multi-label classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MultiLabelPrediction {
    /// Predicted labels, most likely first.
    pub labels: Vec<String>,
    /// Independent label probabilities, most likely first, limited to `top_k`.
    pub probabilities: Vec<Probability>,
}

/// Prediction of a regression model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RegressionPrediction {
    /// Scores, in the order of the model's labels.
    pub scores: Vec<Score>,
}

/// Label with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Probability {
    /// Name of the label.
    pub label: String,
    /// Probability, in `[0, 1]`.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub probability: f64,
}

/// Score with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// Name of the score.
    pub label: String,
    /// Predicted value, in the units of the training data.
    pub score: f64,
}

impl ApiPrediction {
    /// Limits the listed labels to the `top_k` most likely ones; scores are not limited.
    pub(crate) fn keep(&mut self, top_k: usize) {
        match self {
            Self::SingleLabel(SingleLabelPrediction { probabilities, .. })
            | Self::MultiLabel(MultiLabelPrediction { probabilities, .. }) => {
                probabilities.truncate(top_k)
            }
            Self::Regression(_) => {}
        }
    }

    /// Converts a prediction to its API type; `None` for an unsupported kind.
    pub(crate) fn from_prediction(prediction: Prediction) -> Option<Self> {
        let listed = |probabilities: Vec<finetune_predict::LabelProbability>| {
            let probability = |listed: finetune_predict::LabelProbability| Probability {
                label: listed.label,
                probability: listed.probability,
            };
            probabilities.into_iter().map(probability).collect()
        };
        let answer = match prediction {
            Prediction::SingleLabel {
                label,
                probability,
                probabilities,
            } => Self::SingleLabel(SingleLabelPrediction {
                label,
                probability,
                probabilities: listed(probabilities),
            }),
            Prediction::MultiLabel {
                labels,
                probabilities,
            } => Self::MultiLabel(MultiLabelPrediction {
                labels,
                probabilities: listed(probabilities),
            }),
            Prediction::Regression { scores } => {
                let score = |score: finetune_predict::Score| Score {
                    label: score.label,
                    score: score.score,
                };
                let scores = scores.into_iter().map(score).collect();
                Self::Regression(RegressionPrediction { scores })
            }
            _ => return None,
        };
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use finetune_predict::LabelProbability;

    use super::*;

    fn probability(label: &str, probability: f64) -> LabelProbability {
        LabelProbability {
            label: label.into(),
            probability,
        }
    }

    #[test]
    fn the_json_is_that_of_the_prediction() {
        let probabilities = vec![probability("a", 0.1 + 0.2), probability("b", 0.7)];
        for prediction in [
            Prediction::SingleLabel {
                label: "a".into(),
                probability: 0.1 + 0.2,
                probabilities: probabilities.clone(),
            },
            Prediction::MultiLabel {
                labels: vec!["a".into()],
                probabilities,
            },
            Prediction::Regression {
                scores: vec![finetune_predict::Score {
                    label: "s".into(),
                    score: -2.5,
                }],
            },
        ] {
            let expected = serde_json::to_string(&prediction).unwrap();
            let answer = ApiPrediction::from_prediction(prediction).unwrap();
            assert_eq!(serde_json::to_string(&answer).unwrap(), expected);
            assert_eq!(
                serde_json::from_str::<ApiPrediction>(&expected).unwrap(),
                answer
            );
        }
    }

    #[test]
    fn the_likeliest_label_stays_when_few_are_listed() {
        let mut answer = ApiPrediction::from_prediction(Prediction::SingleLabel {
            label: "a".into(),
            probability: 0.9,
            probabilities: vec![probability("a", 0.9), probability("b", 0.1)],
        })
        .unwrap();
        answer.keep(1);
        let ApiPrediction::SingleLabel(answer) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(
            (answer.label.as_str(), answer.probabilities.len()),
            ("a", 1)
        );
    }
}
