//! Fine-tuning of transformer encoders: tasks, training loop, runs and their records.
//!
//! 1. Settings are values: [`FineTuningConfig`] with [`TextConfig`], [`LossConfig`] and the loop's
//!    [`TrainConfig`] ([`OptimizerConfig`], [`LrScheduler`], [`FreezeConfig`],
//!    [`EvaluationConfig`], [`CheckpointPolicy`], seed).
//! 2. [`FineTuning`] loads a checkpoint, tokenizes the data, checks everything, trains, tests and
//!    writes a [`RunDirectory`]; it resumes an interrupted run. [`TokenClassification`]
//!    (a class per word), [`PreTraining`] (masked language modeling) and [`MultiTask`] are the same
//!    [`Run`] with other input.
//! 3. Parts of your own are a [`Head`](finetune_model::Head), a [`Loss`], a [`Metric`] or a
//!    [`Callback`].
//! 4. The loop itself is [`Trainer`]; what it trains is a [`Task`]: [`SequenceClassificationTask`],
//!    [`TokenClassificationTask`], [`MaskedLmTask`], or your own. [`PreparedRun`] records a run of it.
//! 5. A [`MultiTask`] run trains several tasks on one encoder; a [`MixingConfig`] configures task
//!    sampling, loss weights and gradient combination.
//! 6. [`RunOutput::predictor`] makes a [`Predictor`](finetune_predict::Predictor) of the trained model.
//!
//! The loops can also be used directly:
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_data::{
//!     BatchSize, Dataset, EncodedDataset, EncodingConfig, Example, Label, Schema, TextTokenizer,
//! };
//! use finetune_model::{EncoderConfig, SequenceClassifierConfig, init_weights};
//! use finetune_predict::predict;
//! use finetune_train::{
//!     Decay, LossConfig, LrScheduler, OptimizerConfig, SequenceClassificationTask, TrainConfig,
//!     TrainDuration, Trainer, Warmup,
//! };
//!
//! // Eight rows of two classes, and a tokenizer made from them.
//! let text = |label| if label == 0 { "rain and wind" } else { "sun and warmth" };
//! let examples = (0..8).map(|row| Example::new(text(row % 2), Label::Class(row % 2)));
//! let class_names = vec!["bad".to_string(), "good".to_string()];
//! let dataset = Dataset {
//!     name: "weather".into(),
//!     schema: Schema::classification(class_names.clone()),
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
//! let task = SequenceClassificationTask::new(data.clone(), loss);
//! let trained = Trainer::new(&task, &config).train(model, &mut ())?;
//! assert_eq!(trained.summary.steps, 20);
//! let output = predict(&trained.model, &data, BatchSize::Rows(8))?;
//! assert_eq!(Some(&output.predictions.classes()[..]), data.labels.all()?.classes());
//! # Ok::<(), finetune_train::TrainError>(())
//! ```

mod activations;
mod any_objective;
mod calibration_config;
mod callback;
mod checkpoint_directory;
mod checkpoint_state;
mod decision_threshold;
mod device_failure;
mod distillation;
mod embedding_loss;
mod embedding_training;
mod encoded_splits;
mod encoder_stages;
mod error;
mod evaluation;
mod fine_tuning;
mod freeze;
mod freezing;
mod loaded_run;
mod loss;
mod loss_scale;
mod mini_batches;
mod mixing;
mod model_config;
mod multi_task;
mod next_sentence;
mod objective;
mod optimizer;
mod parts;
mod path_text;
mod pre_training;
mod predicted_rows;
mod prepared_run;
mod progress;
mod quantization_config;
mod ranking_loss;
mod report;
mod reranker_training;
mod resume;
mod run;
mod run_directory;
mod run_files;
mod run_length;
mod run_output;
mod run_writer;
mod schedule;
mod step_losses;
mod step_plan;
mod step_tasks;
mod summary;
mod task;
mod tensorboard;
mod text_config;
mod token_classification;
mod train_config;
mod trainer;
mod training_run;

pub use activations::{
    ActivationCacheConfig, ActivationPlan, CacheDtype, CacheLocation, CachedActivations,
    deterministic_stages, forward,
};
pub use calibration_config::CalibrationConfig;
pub use callback::{
    ActivationsRecord, Callback, CallbackStates, Control, EpochRecord, Event, GradientRecord,
    Phase, StepContext, StepRecord, TaskLossRecord, TrainContext,
};
pub use checkpoint_directory::{CheckpointDirectory, CheckpointPolicy};
pub use decision_threshold::DecisionThreshold;
pub use device_failure::panic_text;
pub use distillation::{
    CachedRows, Distillation, DistillationConfig, DistillationTask, Distilled, HiddenStateLoss,
    LogitsKind, ModelOutputs, RowEnds, StudentTask, Teacher, TokenMap,
};
pub use embedding_loss::{
    EmbeddingDistance, EmbeddingLoss, EmbeddingLossConfig, EmbeddingRows, MatryoshkaConfig,
};
pub use embedding_training::{
    EmbeddingData, EmbeddingOverrides, EmbeddingTraining, EmbeddingTrainingConfig,
    EmbeddingTrainingOutput,
};
pub use error::TrainError;
pub use evaluation::{EarlyStopping, Evaluation, EvaluationConfig, EvaluationRecord, TaskScores};
pub use fine_tuning::{FineTuning, FineTuningConfig, LabeledData};
pub use finetune_eval::{Better, Evaluator, Metric, MetricKind, Predictions, Scores, Targets};
pub use finetune_ops::Precision;
pub use freeze::{
    FreezeConfig, FreezeScope, FrozenParameterCheck, GradualUnfreezing, check_gradients,
};
pub use loss::{
    ClassWeights, Criterion, DeviceLoss, Loss, LossConfig, PosWeight, target_log_probabilities,
};
pub use mixing::{
    Combination, LossWeighting, MixingConfig, Sampling, StoppingStrategy, UpdateStrategy,
};
pub use model_config::ClassifierOverrides;
pub use multi_task::{
    ConflictSection, MultiTask, MultiTaskConfig, MultiTaskOutput, NamedTask, OverallScore,
    TaskConfig, TaskData, TaskGroup,
};
pub use next_sentence::NextSentenceConfig;
pub use objective::{BatchCounts, BatchIndices, Objective};
pub use optimizer::{Algorithm, Optimizer, OptimizerConfig};
pub use parts::Parts;
pub use pre_training::{Corpus, InitialModel, PreTraining, PreTrainingConfig, PreTrainingOutput};
pub use prepared_run::PreparedRun;
pub use progress::ProgressCallback;
pub use quantization_config::QuantizationConfig;
pub use ranking_loss::{
    LambdaWeighting, PackedRankingLists, RankingLists, RankingLoss, RankingLossConfig, ReductionLog,
};
pub use report::{
    ActivationsSection, DataSection, DataStatistics, ErrorAnalysis, ModelSection, RunReport,
    RunSection, SplitSection, SplitStatistics, TaskReport, TestScores, TestSection, TrainSection,
    peak_rss_bytes,
};
pub use reranker_training::{
    RerankerTraining, RerankerTrainingConfig, RerankerTrainingOutput, RerankingData,
};
pub use resume::first_difference;
pub use run::{Run, RunInput};
pub use run_directory::RunDirectory;
pub use run_files::metrics_lines;
pub use run_length::{Interval, TrainDuration};
pub use run_output::{FineTuningOutput, RunOutput};
pub use run_writer::{RunWriter, read_json, write_json};
pub use schedule::{Decay, LrScheduler, Warmup};
pub use summary::TrainingSummary;
pub use task::{
    EmbeddingTask, MaskedLmTask, RerankingTask, SequenceClassificationTask, Task, TestOutput,
    TokenClassificationTask,
};
pub use tensorboard::TensorBoardCallback;
pub use text_config::TextConfig;
pub use token_classification::{
    TaggedData, TokenClassification, TokenClassificationConfig, TokenClassificationOutput,
};
pub use train_config::TrainConfig;
pub use trainer::{SaveSnapshot, Trained, Trainer};
