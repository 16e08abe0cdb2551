//! Implementation of [`TextModel`] for predictors and embedders.

use finetune_data::TextArity;
use finetune_predict::{Embedder, PredictError, Prediction, Predictor, TokenPredictor};

use crate::input::Input;
use crate::text_model::{InferenceError, InputFormat, ModelMetadata, ServedTask, TextModel};

impl TextModel for Predictor {
    fn profile(&self) -> ModelMetadata {
        ModelMetadata {
            task: self.problem_type().into(),
            input: match self.texts() {
                Some(TextArity::Single) => InputFormat::Text,
                Some(TextArity::Pair) => InputFormat::Pair,
                None => InputFormat::TextOrPair,
            },
            labels: self.class_names().to_vec(),
            max_tokens: Some(self.encoding().max_length),
        }
    }

    fn answer(&self, inputs: &[Input]) -> Result<Vec<Prediction>, InferenceError> {
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
        predictions.map_err(fault)
    }
}

impl TextModel for TokenPredictor {
    fn profile(&self) -> ModelMetadata {
        ModelMetadata {
            task: ServedTask::TokenClassification,
            input: InputFormat::Text,
            labels: self.class_names().to_vec(),
            // Longer texts are predicted in parts.
            max_tokens: None,
        }
    }

    fn answer(&self, inputs: &[Input]) -> Result<Vec<Prediction>, InferenceError> {
        let texts: Vec<_> = inputs.iter().map(Input::text).collect();
        let predictions = self.predict(&texts).map_err(fault)?;
        Ok(predictions.into_iter().map(Prediction::Tokens).collect())
    }
}

impl TextModel for Embedder {
    fn profile(&self) -> ModelMetadata {
        ModelMetadata {
            task: ServedTask::Embedding,
            input: InputFormat::Text,
            labels: Vec::new(),
            max_tokens: Some(self.encoding().max_length),
        }
    }

    fn answer(&self, inputs: &[Input]) -> Result<Vec<Prediction>, InferenceError> {
        let texts: Vec<_> = inputs.iter().map(Input::text).collect();
        let embeddings = self.embed(&texts).map_err(fault)?;
        let answers = embeddings.rows().map(|row| Prediction::Embedding {
            embedding: row.to_vec(),
        });
        Ok(answers.collect())
    }
}

/// Tokenizer errors are about the text. Their messages are not passed on: they may contain the text
/// or the model's path.
fn fault(error: PredictError) -> InferenceError {
    match error {
        PredictError::Data(_) => InferenceError::Input {
            reason: "its tokenizer refuses it",
        },
        _ => InferenceError::Failed,
    }
}
