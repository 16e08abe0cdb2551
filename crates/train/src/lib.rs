//! Fine-tuning: one training loop, one prediction loop, and the record of a run.
//!
//! 1. Settings are one value, [`TrainConfig`]: epochs, batches, [`AdamWSettings`], [`Schedule`],
//!    [`Freeze`], seed.
//! 2. [`FineTuning::prepare`] loads a checkpoint, tokenises the data and finds what is wrong.
//! 3. [`FineTuning::run`] trains ([`train()`]), tests ([`predict()`]) and leaves a run directory
//!    ([`RunRecord`]) with a [`RunReport`].
//! 4. [`Predictor::load`] takes the model of that directory, and texts become labels.
//!
//! The loops are for use on their own, too:
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_data::{
//!     BatchSize, Dataset, EncodedDataset, EncodingConfig, Example, Label, Task, TextTokenizer,
//! };
//! use finetune_model::{EncoderConfig, SequenceClassifierConfig, initialise};
//! use finetune_train::{AdamWSettings, Schedule, TrainConfig, Warmup, Decay, predict, train};
//!
//! // Eight rows of two classes, and a tokenizer made from them.
//! let text = |label| if label == 0 { "rain and wind" } else { "sun and warmth" };
//! let examples = (0..8).map(|row| Example::new(text(row % 2), Label::Class(row % 2)));
//! let class_names = vec!["bad".to_string(), "good".to_string()];
//! let dataset = Dataset {
//!     name: "weather".into(),
//!     task: Task::classification(class_names.clone()),
//!     examples: examples.collect(),
//! };
//! let texts = dataset.examples.iter().map(|example| &example.text);
//! let tokenizer = TextTokenizer::train_word_piece(texts, 60)?;
//! let data = EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(16))?;
//!
//! let encoder = EncoderConfig {
//!     vocab_size: tokenizer.vocabulary_size(),
//!     hidden_size: 32,
//!     num_hidden_layers: 1,
//!     num_attention_heads: 2,
//!     intermediate_size: 64,
//!     ..Default::default()
//! };
//! let classifier = SequenceClassifierConfig::new(encoder, class_names);
//! let model = initialise(classifier.init(&Device::flex().autodiff())?, 0.02, 1);
//!
//! let config = TrainConfig {
//!     epochs: 10,
//!     batch_size: BatchSize::Rows(4),
//!     optimizer: AdamWSettings { learning_rate: 1e-2, ..Default::default() },
//!     schedule: Schedule { warmup: Warmup::Steps(2), decay: Decay::Linear },
//!     ..Default::default()
//! };
//! let (model, summary) = train(model, &data, tokenizer.pad_token_id(), &config, &mut ())?;
//! assert_eq!(summary.steps, 20);
//! let predictions = predict(&model, &data, tokenizer.pad_token_id(), BatchSize::Rows(8), &mut ())?;
//! assert_eq!(Some(&predictions.classes()[..]), data.labels.all()?.classes());
//! # Ok::<(), finetune_train::TrainError>(())
//! ```

mod burn_data;
mod checkpoint_fit;
mod config;
mod device_batch;
mod error;
mod fine_tuning;
mod freeze;
mod gradient_clipping;
#[cfg(feature = "learner")]
mod learner;
mod memory;
mod observer;
mod optimizer;
mod predict;
mod predictor;
mod progress;
mod report;
mod run_record;
mod schedule;
mod tensorboard;
mod text_preparation;
mod trainer;

pub use burn_data::{BurnBatch, BurnBatcher, BurnDataset, BurnItem};
pub use config::TrainConfig;
pub use error::TrainError;
pub use fine_tuning::FineTuning;
pub use freeze::Freeze;
#[cfg(feature = "learner")]
pub use learner::BurnClassifier;
pub use memory::peak_rss_bytes;
pub use observer::{EpochRecord, Event, Observer, Phase, StepRecord};
pub use optimizer::{AdamW, AdamWSettings};
pub use predict::{Predictions, predict};
pub use predictor::{LabelProbability, Prediction, Predictor, PredictorConfig, Score};
pub use progress::Progress;
pub use report::{DataSection, ModelSection, RunReport, SplitSection, TestSection, TrainSection};
pub use run_record::{RunRecord, write_json};
pub use schedule::{Decay, Schedule, Warmup};
pub use tensorboard::TensorBoard;
pub use text_preparation::TextPreparation;
pub use trainer::{TrainingSummary, train};
