//! Token classification: a class per word, and the entities of the words.
//!
//! A [`TokenPredictor`] takes running text or lists of words; [`predict_tokens_with`] is the loop
//! beneath, on encoded rows.

mod config;
mod decoder;
mod forward;
mod predict;
mod prediction;
mod predictor;
mod scores;
mod settings;

pub use config::{Aggregation, TokenPredictorConfig};
pub use decoder::{DecodedWord, TagDecoder};
pub use forward::{forward_tokens, forward_tokens_with, forward_tokens_with_hidden_states};
pub use predict::{SentenceLogits, TokenPredictionOutput, predict_tokens_with};
pub use prediction::{EntityPrediction, TokenPrediction, WordPrediction};
pub use predictor::TokenPredictor;
pub use scores::{SentenceTags, tag_metrics, tag_scores};
pub use settings::{TagSettings, transitions};
