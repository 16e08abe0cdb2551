//! Implementation of [`TextModel`] for predictors.

use finetune_data::Texts;
use finetune_model::ProblemType;
use finetune_train::{Predictor, TrainError};

use crate::model::{InputKind, ModelFault, ModelProfile, ServedTask, TextModel};
use crate::{Answer, Input};

impl TextModel for Predictor {
    fn profile(&self) -> ModelProfile {
        ModelProfile {
            task: match self.problem_type() {
                ProblemType::SingleLabelClassification => ServedTask::SingleLabelClassification,
                ProblemType::MultiLabelClassification => ServedTask::MultiLabelClassification,
                ProblemType::Regression => ServedTask::Regression,
            },
            input: match self.texts() {
                Some(Texts::Single) => InputKind::Text,
                Some(Texts::Pair) => InputKind::Pair,
                None => InputKind::TextOrPair,
            },
            labels: self.class_names().to_vec(),
            max_tokens: Some(self.encoding().max_length),
        }
    }

    fn answer(&self, inputs: &[Input]) -> Result<Vec<Answer>, ModelFault> {
        let pairs: Option<Vec<_>> = inputs
            .iter()
            .map(|input| Some((input.text(), input.text_pair()?)))
            .collect();
        let predictions = match pairs {
            Some(pairs) => self.predict_pairs(&pairs),
            None => {
                let texts: Vec<_> = inputs.iter().map(Input::text).collect();
                self.predict(&texts)
            }
        };
        let answers = predictions.map_err(fault)?.into_iter();
        answers
            .map(|prediction| Answer::from_prediction(prediction).ok_or(ModelFault::Failed))
            .collect()
    }
}

/// Tokenizer errors are about the text. Their messages are not passed on: they may contain the text
/// or the model's path.
fn fault(error: TrainError) -> ModelFault {
    match error {
        TrainError::Data(_) => ModelFault::Input {
            reason: "its tokenizer refuses it",
        },
        _ => ModelFault::Failed,
    }
}
