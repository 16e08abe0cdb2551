//! What a model says, in the types of the interface.

use finetune_train::Prediction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a model says of one input. Which of the three it is depends on the model's task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Answer {
    /// One class is right.
    Class(ClassAnswer),
    /// Any number of labels may be right.
    Labels(LabelsAnswer),
    /// Numbers.
    Scores(ScoresAnswer),
}

/// One class is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClassAnswer {
    /// The likeliest class; the first of equals.
    pub label: String,
    /// Its probability.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub probability: f64,
    /// The classes, the likeliest first, as many as were asked for. Over all classes they sum to 1.
    pub probabilities: Vec<Probability>,
}

/// Any number of labels may be right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabelsAnswer {
    /// Those that count as right, the likeliest first.
    pub labels: Vec<String>,
    /// The labels, the likeliest first, as many as were asked for, each by itself.
    pub probabilities: Vec<Probability>,
}

/// Numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoresAnswer {
    /// In the order of the model.
    pub scores: Vec<Score>,
}

/// How likely a label is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Probability {
    /// Its name.
    pub label: String,
    /// Between 0 and 1.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub probability: f64,
}

/// A number and what it is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// Its name.
    pub label: String,
    /// In the units of the training data.
    pub score: f64,
}

impl Answer {
    /// Lists the `top_k` likeliest labels only; of scores all stay.
    pub(crate) fn keep(&mut self, top_k: usize) {
        match self {
            Self::Class(ClassAnswer { probabilities, .. })
            | Self::Labels(LabelsAnswer { probabilities, .. }) => probabilities.truncate(top_k),
            Self::Scores(_) => {}
        }
    }

    /// The same answer in the types of the interface; `None` for a kind of prediction that it does
    /// not have yet.
    pub(crate) fn from_prediction(prediction: Prediction) -> Option<Self> {
        let listed = |probabilities: Vec<finetune_train::LabelProbability>| {
            let probability = |listed: finetune_train::LabelProbability| Probability {
                label: listed.label,
                probability: listed.probability,
            };
            probabilities.into_iter().map(probability).collect()
        };
        let answer = match prediction {
            Prediction::Class {
                label,
                probability,
                probabilities,
            } => Self::Class(ClassAnswer {
                label,
                probability,
                probabilities: listed(probabilities),
            }),
            Prediction::Labels {
                labels,
                probabilities,
            } => Self::Labels(LabelsAnswer {
                labels,
                probabilities: listed(probabilities),
            }),
            Prediction::Scores { scores } => {
                let score = |score: finetune_train::Score| Score {
                    label: score.label,
                    score: score.score,
                };
                let scores = scores.into_iter().map(score).collect();
                Self::Scores(ScoresAnswer { scores })
            }
            _ => return None,
        };
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use finetune_train::LabelProbability;

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
            Prediction::Class {
                label: "a".into(),
                probability: 0.1 + 0.2,
                probabilities: probabilities.clone(),
            },
            Prediction::Labels {
                labels: vec!["a".into()],
                probabilities,
            },
            Prediction::Scores {
                scores: vec![finetune_train::Score {
                    label: "s".into(),
                    score: -2.5,
                }],
            },
        ] {
            let expected = serde_json::to_string(&prediction).unwrap();
            let answer = Answer::from_prediction(prediction).unwrap();
            assert_eq!(serde_json::to_string(&answer).unwrap(), expected);
            assert_eq!(serde_json::from_str::<Answer>(&expected).unwrap(), answer);
        }
    }

    #[test]
    fn the_likeliest_label_stays_when_few_are_listed() {
        let mut answer = Answer::from_prediction(Prediction::Class {
            label: "a".into(),
            probability: 0.9,
            probabilities: vec![probability("a", 0.9), probability("b", 0.1)],
        })
        .unwrap();
        answer.keep(1);
        let Answer::Class(answer) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(
            (answer.label.as_str(), answer.probabilities.len()),
            ("a", 1)
        );
    }
}
