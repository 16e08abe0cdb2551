//! Fine-tuning: one training loop, one prediction loop, and the record of a run.
//!
//! 1. Settings are one value, [`TrainConfig`]: epochs, batches, [`OptimizerConfig`], [`Schedule`],
//!    [`Freeze`], seed.
//! 2. [`FineTuning::prepare`] loads a checkpoint, tokenises the data and finds what is wrong.
//! 3. [`FineTuning::run`] trains ([`train()`]), tests ([`predict()`]) and leaves a run directory
//!    ([`RunRecord`]) with a [`RunReport`].
//!
//! The loops are for use on their own, too:
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_data::{
//!     BatchSize, Dataset, EncodedDataset, EncodingConfig, Example, Label, Task, TextTokenizer,
//! };
//! use finetune_model::{EncoderConfig, SequenceClassifierConfig, initialise};
//! use finetune_train::{Decay, OptimizerConfig, Schedule, TrainConfig, Warmup, predict, train};
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
//!     optimizer: OptimizerConfig { learning_rate: 1e-2, ..Default::default() },
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
mod config;
mod device_batch;
mod error;
mod fine_tuning;
mod freeze;
mod loss;
mod memory;
mod observer;
mod optimizer;
mod predict;
mod progress;
mod report;
mod run_record;
mod schedule;
mod stages;
mod trainer;

pub use burn_data::{BurnBatch, BurnBatcher, BurnDataset, BurnItem};
pub use config::TrainConfig;
pub use error::TrainError;
pub use fine_tuning::FineTuning;
pub use freeze::{Freeze, FreezeConfig, FrozenWatch, GradualUnfreezing, check_gradients};
pub use loss::{ClassWeights, Loss, LossConfig};
pub use memory::peak_rss_bytes;
pub use observer::{EpochRecord, Event, Observer, Phase, StepRecord};
pub use optimizer::{Algorithm, Optimizer, OptimizerConfig};
pub use predict::{Predictions, predict};
pub use progress::Progress;
pub use report::{DataSection, ModelSection, RunReport, SplitSection, TestSection, TrainSection};
pub use run_record::{RunRecord, write_json};
pub use schedule::{Decay, Schedule, Warmup};
pub use trainer::{TrainingSummary, train};
