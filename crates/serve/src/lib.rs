//! Fine-tuned models behind a REST API, with dynamic batching and a demo page.
//!
//! 1. A [`ServedModel`] is a [`Predictor`](finetune_train::Predictor), or a [`TextModel`] of your
//!    own, with a name and a card.
//! 2. [`Models::start`] gives each a bounded queue and a thread. Texts that wait at the same time
//!    go through the model together, those of like length; a full queue refuses at once, and a text
//!    whose client has left costs nothing.
//! 3. [`router`] is the interface over them: `POST /v1/models/{name}/classify`, `GET /v1/models`,
//!    `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, and a page to try it at `/`. Mount it in a
//!    server of your own,
//! 4. or let a [`Server`] listen, which stops without breaking anything off.
//!
//! Every setting is in [`ServeConfig`].
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_serve::{Models, ServeConfig, ServedModel, Server};
//! # use finetune_data::TextTokenizer;
//! # use finetune_model::{
//! #     CheckpointConfig, EncoderConfig, SequenceClassifierConfig, initialise, save_classifier,
//! # };
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! # let tokenizer = TextTokenizer::train_word_piece(["rain and wind and sun"], 60)?;
//! # tokenizer.save(folder)?;
//! # let encoder = EncoderConfig {
//! #     vocab_size: tokenizer.vocabulary_size(),
//! #     hidden_size: 16,
//! #     num_hidden_layers: 1,
//! #     num_attention_heads: 2,
//! #     intermediate_size: 32,
//! #     ..Default::default()
//! # };
//! # let names = vec!["bad".to_string(), "good".to_string()];
//! # let config = SequenceClassifierConfig::new(encoder.clone(), names);
//! # let model = initialise(config.init(&Device::flex())?, 0.02, 1);
//! # save_classifier(folder, &model, &CheckpointConfig::new(encoder))?;
//!
//! // `folder` is what a run left in RUN/model.
//! let weather = ServedModel::load("weather", folder, &Device::flex())?;
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
//! # What an answer depends on
//!
//! On flex an answer has the same bits whatever it was batched with: no operation there looks at
//! other rows, and none sums in an order that depends on their number. On other devices the last
//! digits may depend on the company.

mod answer;
mod api;
mod config;
mod error;
mod input;
mod metrics;
mod model;
mod models;
mod predictor_model;
mod queue;
mod served_model;
mod server;
mod token;
mod worker;

pub use answer::{Answer, ClassAnswer, LabelsAnswer, Probability, Score, ScoresAnswer};
pub use api::{
    ClassifyRequest, ClassifyResponse, ErrorBody, ErrorCode, ErrorDetail, Inputs, Limits,
    ModelCard, ModelList, router,
};
pub use config::ServeConfig;
pub use error::ServeError;
pub use input::{Input, InputParts};
pub use model::{InputKind, ModelFault, ModelProfile, ServedTask, TextModel};
pub use models::Models;
pub use served_model::ServedModel;
pub use server::{Server, shutdown_signal};

/// The program in the guide compiles.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../docs/guide/serving.md")]
    struct Serving;
}
