//! Predictions of a trained model: labels or scores of new texts, and evaluation on a dataset.
//!
//! 1. A [`Predictor`] is loaded from a directory, or made from a model in memory. It cleans and
//!    encodes texts as in training ([`TextPreprocessing`]), batches them by length, and returns a
//!    [`Prediction`] each.
//! 2. [`Predictor::evaluate`] computes metrics on a dataset.
//! 3. A [`TokenPredictor`] predicts a class per word, and the entities of the words. An [`Embedder`]
//!    returns a vector for each text ([`embed()`] is the loop beneath).
//! 4. [`predict()`] is the loop beneath, on encoded rows; [`predict_with`] runs a forward pass of
//!    your own. Validation and test rows of a training run go through the same loop.
//!
//! Nothing here trains: no optimizer and no training loop is linked.

mod calibration;
mod compatibility;
mod embed;
mod embedder;
mod embedding_rows;
mod error;
mod evaluator;
mod finite_outputs;
mod forward;
mod int8;
mod model_kind;
mod predict;
mod prediction;
mod prediction_batches;
mod predictor;
mod predictor_config;
mod text_preprocessing;
mod tokens;

pub use calibration::{Calibration, CalibrationReport};
pub use compatibility::{check_length, check_vocabulary, load_tokenizer};
pub use embed::{embed, embed_with};
pub use embedder::{Embedder, EmbedderConfig};
pub use embedding_rows::EvaluatedEmbeddings;
pub use error::PredictError;
pub use evaluator::{evaluator, target_kind};
pub use forward::{encoder_input, forward, forward_with, forward_with_hidden_states, pack_tokens};
pub use int8::{Int8Report, Int8Rows};
pub use model_kind::ModelKind;
pub use predict::{PredictionOutput, predict, predict_with};
pub use prediction::{LabelProbability, Prediction, Score};
pub use prediction_batches::PredictionProgress;
pub use predictor::Predictor;
pub use predictor_config::PredictorConfig;
pub use text_preprocessing::TextPreprocessing;
pub use tokens::{
    Aggregation, DecodedWord, EntityPrediction, SentenceLogits, SentenceTags, TagDecoder,
    TagSettings, TokenPrediction, TokenPredictionOutput, TokenPredictor, TokenPredictorConfig,
    WordPrediction, forward_tokens, forward_tokens_with, forward_tokens_with_hidden_states,
    predict_tokens_with, tag_metrics, tag_scores, transitions,
};
