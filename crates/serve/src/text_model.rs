//! Interface of models to serve.

use finetune_model::ProblemType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::input::Input;
use finetune_predict::Prediction;

/// Model to serve: a [`Predictor`](finetune_predict::Predictor), or your own implementation.
///
/// It is called on a separate thread, so it may block. If it panics, the client receives an error
/// without the reason, and the next batch is processed.
pub trait TextModel: Send + Sync + 'static {
    /// Returns the model's metadata.
    fn profile(&self) -> ModelMetadata;

    /// Returns one prediction per input, in the same order. There is at least one input. All inputs
    /// are single texts, or all are pairs, as the [`ModelMetadata`] allows.
    ///
    /// # Errors
    /// - [`InferenceError`] if the batch fails. Its inputs are then predicted one by one, so that one
    ///   of them does not affect the others.
    fn answer(&self, inputs: &[Input]) -> Result<Vec<Prediction>, InferenceError>;
}

/// Error of a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The model cannot process the text; the client receives the reason.
    #[error("the model cannot read this text: {reason}")]
    Input {
        /// Reason, without the text itself.
        reason: &'static str,
    },
    /// The model failed; the client receives no details.
    #[error("the model failed")]
    Failed,
}

/// Metadata of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelMetadata {
    /// Task.
    pub task: ServedTask,
    /// Kind of inputs.
    pub input: InputFormat,
    /// Classes, labels or names of the scores.
    pub labels: Vec<String>,
    /// Maximum number of tokens, beyond which texts are truncated, if known.
    #[schema(nullable = true)]
    pub max_tokens: Option<usize>,
}

/// Task of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServedTask {
    /// One of the labels.
    SingleLabelClassification,
    /// Any number of the labels.
    MultiLabelClassification,
    /// Regression scores.
    Regression,
    /// A label for each word, and the entities of the words.
    TokenClassification,
    /// A vector for each text.
    Embedding,
}

impl From<ProblemType> for ServedTask {
    fn from(problem: ProblemType) -> Self {
        match problem {
            ProblemType::SingleLabelClassification => Self::SingleLabelClassification,
            ProblemType::MultiLabelClassification => Self::MultiLabelClassification,
            ProblemType::Regression => Self::Regression,
        }
    }
}

/// Kind of inputs of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputFormat {
    /// Single texts.
    Text,
    /// Pairs of texts.
    Pair,
    /// Either: the model's directory does not contain the kind of its training data.
    TextOrPair,
}

impl InputFormat {
    /// Returns whether the model accepts the input.
    pub(crate) fn allows(self, input: &Input) -> bool {
        match self {
            Self::Text => !input.is_pair(),
            Self::Pair => input.is_pair(),
            Self::TextOrPair => true,
        }
    }

    /// Returns the expected input, for error messages.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Text => "single texts",
            Self::Pair => "pairs of texts",
            Self::TextOrPair => "texts or pairs of texts",
        }
    }
}
