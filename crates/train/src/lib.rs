//! Fine-tuning of transformer encoders: training loop, prediction loop and run directory.
//!
//! 1. Settings are values: [`FineTuningConfig`] with [`TextConfig`], [`LossConfig`] and the loop's
//!    [`TrainConfig`] ([`OptimizerConfig`], [`LrScheduler`], [`FreezeConfig`],
//!    [`EvaluationConfig`], [`CheckpointPolicy`], seed).
//! 2. [`FineTuning`] loads a checkpoint, tokenizes the data, checks everything, trains, tests and
//!    writes a [`RunDirectory`]; it resumes an interrupted run. [`PreTraining`] does so for masked
//!    language modeling.
//! 3. Parts of your own are a [`Head`](finetune_model::Head), a [`Loss`], a [`Metric`] or a
//!    [`Callback`].
//! 4. The loop itself is [`Trainer`]; what it trains is an [`Objective`]: [`LabeledTexts`],
//!    [`MaskedTexts`], or your own.
//! 5. A [`MultiTask`] run trains several tasks on one encoder; a [`MixingConfig`] configures task
//!    sampling, loss weights and gradient combination.
//! 6. A [`Predictor`] predicts labels of texts with a trained model, and evaluates datasets.
//!
//! The loops can also be used directly:
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_data::{
//!     BatchSize, Dataset, EncodedDataset, EncodingConfig, Example, Label, Task, TextTokenizer,
//! };
//! use finetune_model::{EncoderConfig, SequenceClassifierConfig, init_weights};
//! use finetune_train::{
//!     Decay, LabeledTexts, LossConfig, OptimizerConfig, TrainDuration, LrScheduler, TrainConfig, Trainer,
//!     Warmup, predict,
//! };
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
//! let tokenizer = TextTokenizer::train_wordpiece(texts, 60)?;
//! let data = EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(16))?;
//!
//! let encoder = EncoderConfig {
//!     vocab_size: tokenizer.vocab_size(),
//!     hidden_size: 32,
//!     num_hidden_layers: 1,
//!     num_attention_heads: 2,
//!     intermediate_size: 64,
//!     ..Default::default()
//! };
//! let classifier = SequenceClassifierConfig::new(encoder, class_names);
//! let model = init_weights(classifier.init(&Device::flex().autodiff())?, 0.02, 1);
//!
//! let config = TrainConfig {
//!     duration: TrainDuration::Epochs(10),
//!     batch_size: BatchSize::Rows(4),
//!     optimizer: OptimizerConfig { learning_rate: 1e-2, ..Default::default() },
//!     lr_scheduler: LrScheduler { warmup: Warmup::Steps(2), decay: Decay::Linear },
//!     ..Default::default()
//! };
//! let loss = LossConfig::default().init(&data.labels.all()?, model.num_labels())?;
//! let objective = LabeledTexts::new(&data, &loss, tokenizer.pad_token_id());
//! let trained = Trainer::new(&objective, &config).train(model, &mut ())?;
//! assert_eq!(trained.summary.steps, 20);
//! let output = predict(&trained.model, &data, tokenizer.pad_token_id(), BatchSize::Rows(8), &mut ())?;
//! assert_eq!(Some(&output.predictions.classes()[..]), data.labels.all()?.classes());
//! # Ok::<(), finetune_train::TrainError>(())
//! ```

mod activations;
mod callback;
mod checkpoint;
mod checkpoint_fit;
mod checkpoints;
mod config;
mod device_batch;
mod error;
mod evaluation;
mod fine_tuning;
mod fine_tuning_config;
mod freeze;
mod freezing;
mod labeled_texts;
mod loss;
mod loss_scale;
mod masked_texts;
mod memory;
mod metrics_lines;
mod mixing;
mod model_config;
mod multi_task;
mod objective;
mod optimizer;
mod out_of_memory;
mod output;
mod panic_text;
mod parts;
mod plan;
mod pre_training;
mod predict;
mod prediction_lines;
mod predictor;
mod prepared_fine_tuning;
mod progress;
mod report;
mod resume;
mod run_directory;
mod run_length;
mod run_record;
mod schedule;
mod scoring;
mod stages;
mod step_losses;
mod step_tasks;
mod summary;
mod tensorboard;
mod text_config;
mod text_preprocessing;
mod trainer;
mod training_run;
mod used_splits;

pub use activations::{
    ActivationCacheConfig, ActivationPlan, BatchInputs, CacheDtype, CacheLocation,
    CachedActivations, deterministic_stages,
};
pub use callback::{
    ActivationsRecord, Callback, CallbackStates, Control, EpochRecord, Event, GradientRecord,
    Phase, StepContext, StepRecord, TaskLossRecord, TrainContext,
};
pub use checkpoints::{CheckpointDirectory, CheckpointPolicy};
pub use config::TrainConfig;
pub use error::TrainError;
pub use evaluation::{EarlyStopping, Evaluation, EvaluationConfig, EvaluationRecord, TaskScores};
pub use fine_tuning::FineTuning;
pub use fine_tuning_config::FineTuningConfig;
pub use finetune_eval::{Better, Evaluator, Metric, MetricKind, Predictions, Scores, Targets};
pub use finetune_ops::Precision;
pub use freeze::{
    FreezeConfig, FreezeScope, FrozenParameterCheck, GradualUnfreezing, check_gradients,
};
pub use labeled_texts::LabeledTexts;
pub use loss::{ClassWeights, Criterion, Loss, LossConfig, target_log_probabilities};
pub use masked_texts::MaskedTexts;
pub use memory::peak_rss_bytes;
pub use mixing::{
    Combination, LossWeighting, MixingConfig, Sampling, StoppingStrategy, UpdateStrategy,
};
pub use model_config::ClassifierOverrides;
pub use multi_task::{
    ConflictSection, MultiTask, MultiTaskConfig, MultiTaskReport, MultiTaskTexts, OverallScore,
    TaskConfig, TaskReport, TaskTexts,
};
pub use objective::{BatchCounts, Objective, Part};
pub use optimizer::{Algorithm, Optimizer, OptimizerConfig};
pub use output::FineTuningOutput;
pub use panic_text::panic_text;
pub use parts::Parts;
pub use pre_training::{InitialModel, PreTraining, PreTrainingConfig, PreTrainingReport};
pub use predict::{PredictionOutput, predict};
pub use predictor::{LabelProbability, Prediction, Predictor, PredictorConfig, Score};
pub use prepared_fine_tuning::PreparedFineTuning;
pub use progress::ProgressCallback;
pub use report::{
    ActivationsSection, DataSection, ErrorAnalysis, ModelSection, RunReport, RunSection,
    SplitSection, TestScores, TestSection, TrainSection,
};
pub use resume::first_difference;
pub use run_directory::RunDirectory;
pub use run_length::{Interval, TrainDuration};
pub use run_record::{RunWriter, read_json, write_json};
pub use schedule::{Decay, LrScheduler, Warmup};
pub use scoring::{evaluator, target_kind};
pub use summary::TrainingSummary;
pub use tensorboard::TensorBoardCallback;
pub use text_config::TextConfig;
pub use text_preprocessing::TextPreprocessing;
pub use trainer::{SaveSnapshot, Trained, Trainer};
