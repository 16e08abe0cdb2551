//! What can be served.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Answer, Input};

/// A model that answers about texts: a [`Predictor`](finetune_train::Predictor), or one of your own.
///
/// It is asked on a thread of its own, never on those that serve connections, so it may compute as
/// long as it takes. If it panics, the client gets an error without the reason, and the next batch
/// is served.
pub trait TextModel: Send + Sync + 'static {
    /// What clients are told about it.
    fn profile(&self) -> ModelProfile;

    /// An answer to each input, in their order. All inputs are single texts, or all are pairs, as
    /// the [`ModelProfile`] allows. There is at least one.
    ///
    /// # Errors
    /// [`ModelFault`]. Of a batch of several inputs each is then asked about by itself, so that one
    /// of them does not spoil the answers to the others.
    fn answer(&self, inputs: &[Input]) -> Result<Vec<Answer>, ModelFault>;
}

/// Why a model has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFault {
    /// This text is none that it can read; the client is told.
    #[error("the model cannot read this text: {reason}")]
    Input {
        /// Why, without the text itself.
        reason: &'static str,
    },
    /// The model failed; the client is told no more than that.
    #[error("the model failed")]
    Failed,
}

/// What clients are told about a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelProfile {
    /// What its answers are.
    pub task: ServedTask,
    /// What it is asked about.
    pub input: InputKind,
    /// The classes, labels or names of the scores.
    pub labels: Vec<String>,
    /// Tokens after which it cuts a text, where that is known.
    #[schema(nullable = true)]
    pub max_tokens: Option<usize>,
}

/// What the answers of a model are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServedTask {
    /// One class is right.
    SingleLabelClassification,
    /// Any number of labels may be right.
    MultiLabelClassification,
    /// Numbers.
    Regression,
}

/// What a model is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// Single texts.
    Text,
    /// Pairs of texts.
    Pair,
    /// Both, each for itself: the folder of the model does not say what it was trained on.
    TextOrPair,
}

impl InputKind {
    /// Whether the model can be asked about this input.
    pub(crate) fn allows(self, input: &Input) -> bool {
        match self {
            Self::Text => !input.is_pair(),
            Self::Pair => input.is_pair(),
            Self::TextOrPair => true,
        }
    }

    /// What an input has to be, for a message.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Text => "single texts",
            Self::Pair => "pairs of texts",
            Self::TextOrPair => "texts or pairs of texts",
        }
    }
}
