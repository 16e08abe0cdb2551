//! REST API for fine-tuned models, with dynamic batching and a demo page.
//!
//! 1. A [`ServedModel`] is a [`Predictor`](finetune_predict::Predictor), or your own [`TextModel`],
//!    with a name and a model card.
//! 2. [`Models::start`] creates a bounded queue and a thread per model. Queued texts of similar
//!    length form a batch. If the queue is full, requests are rejected immediately; texts of
//!    disconnected clients are dropped.
//! 3. [`router`] is the API: `POST /v1/models/{name}/classify` and `/embed`, `GET /v1/models`, `/healthz`,
//!    `/readyz`, `/metrics`, `/openapi.json`, and a demo page at `/`. It can be nested in another
//!    server.
//! 4. [`Server`] listens on an address and shuts down gracefully.
//!
//! All settings are in [`ServeConfig`].
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_serve::{Models, ServeConfig, ServedModel, Server};
//! # use finetune_data::TextTokenizer;
//! # use finetune_model::{
//! #     CheckpointConfig, EncoderConfig, SequenceClassifierConfig, init_weights, save_classifier,
//! # };
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! # let tokenizer = TextTokenizer::train_wordpiece(["rain and wind and sun"], 60)?;
//! # tokenizer.save(directory)?;
//! # let encoder = EncoderConfig {
//! #     vocab_size: tokenizer.vocab_size(),
//! #     hidden_size: 16,
//! #     num_hidden_layers: 1,
//! #     num_attention_heads: 2,
//! #     intermediate_size: 32,
//! #     ..Default::default()
//! # };
//! # let names = vec!["bad".to_string(), "good".to_string()];
//! # let config = SequenceClassifierConfig::new(encoder.clone(), names);
//! # let model = init_weights(config.init(&Device::flex())?, 0.02, 1);
//! # save_classifier(directory, &model, &CheckpointConfig::new(encoder))?;
//!
//! // `directory` is what a run left in RUN/model.
//! let weather = ServedModel::load("weather", directory, &Device::flex())?;
//! let models = Models::start(vec![weather], ServeConfig::default())?;
//! let runtime = tokio::runtime::Runtime::new()?;
//! runtime.block_on(async {
//!     let server = Server::bind(([127, 0, 0, 1], 0).into(), models).await?;
//!     assert_ne!(server.address().port(), 0);
//!     // It runs until the future is ready: here at once.
//!     server.run(async {}).await;
//!     Ok::<(), finetune_serve::ServeError>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reproducibility of predictions
//!
//! On flex, predictions are bit-identical for any composition of batches: no operation uses other
//! rows, and the order of sums does not depend on their number. On other devices, the last digits
//! may depend on the batch.

mod api;
mod bearer_token;
mod config;
mod error;
mod input;
mod metrics;
mod model_registry;
mod predictor_model;
mod queue;
mod served_model;
mod server;
mod text_model;
mod worker;

pub use api::{
    ClassifyRequest, ClassifyResponse, EmbedRequest, EmbedResponse, ErrorBody, ErrorCode,
    ErrorDetail, Inputs, Limits, ModelInfo, ModelList, router,
};
pub use config::ServeConfig;
pub use error::ServeError;
pub use finetune_predict::{LabelProbability, Prediction, Score};
pub use input::{Input, InputParts};
pub use model_registry::Models;
pub use served_model::ServedModel;
pub use server::{ReloadSignals, Server, shutdown_signal};
pub use text_model::{InferenceError, InputFormat, ModelMetadata, ServedTask, TextModel};

/// Compiles the program of the guide.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../docs/guide/serving.md")]
    struct Serving;
}
