//! Fine-tuning research on BERT-family encoders, in Rust, on any device.
//!
//! ```text
//!   files, hub          checkpoint
//!       │                   │
//!     data ── token ids ── model ── logits ── train ──▶ run directory ──▶ predict ──▶ labels, scores
//!                                               │        report, model    serve, export
//!                                              eval ─ scores, tests
//!       study: many of these runs, with tables, figures and tests
//! ```
//!
//! This crate puts the others under one name and chooses the device:
//!
//! | module | what |
//! |---|---|
//! | [`data`] | text in, token ids out: datasets, tokenizers, batches |
//! | [`model`] | token ids in, logits out: encoders, heads, checkpoints |
//! | [`train`] | tasks, losses, optimizers, schedules, freezing, the training loop, run records |
//! | [`predict`] | a trained model in, labels of new texts out |
//! | [`study`] | many runs: variants, seeds and folds, with tables and tests |
//! | [`eval`] | predictions in, scores out |
//! | [`ops`] | the tensor operations beneath, for models of your own |
//! | `hub` (feature `hub`) | names of models and datasets in, their files out |
//! | [`random`] | stateless (keyed) randomness, for repeatable choices of your own |
//!
//! From files to answers, on the CPU:
//!
//! ```no_run
//! use finetune::prelude::*;
//!
//! let dataset = Dataset::files("train.csv").text("message").label("topic").test("test.csv").load()?;
//! let run = FineTuning::new("my-bert", dataset).epochs(3).run("runs/topics")?;
//! println!("{run}");
//! let answers = run.predictor(PredictorConfig::default())?.predict(&["a text", "another"])?;
//! # Ok::<(), TrainError>(())
//! ```
//!
//! burn is re-exported, in the version that this crate uses:
//!
//! ```
//! use finetune::burn;
//! use finetune::burn::tensor::{Device, Tensor};
//!
//! #[derive(burn::module::Module, Debug)]
//! struct Scale {
//!     factor: burn::module::Param<Tensor<1>>,
//! }
//!
//! let factor = burn::module::Param::from_tensor(Tensor::from_data([2.0], &Device::flex()));
//! assert_eq!(Scale { factor }.factor.val().into_scalar::<f32>(), 2.0);
//! ```
//!
//! Your own parts are small traits: [`Loss`](train::Loss), [`Metric`](eval::Metric),
//! [`Callback`](train::Callback), [`Head`](model::Head), [`Task`](train::Task). All go through the same run, resume,
//! report and prediction.
//!
//! # Features
//!
//! `flex` (default), `tch`, `wgpu`, `vulkan`, `cuda`: which devices are compiled in. Which of them
//! a run uses is decided when it starts, by [`DeviceSpec`].
//!
//! `hub`: models and datasets by their names on the Hugging Face hub, such as
//! `FineTuning::new("bert-base-uncased", dataset)` and `Dataset::hub("ORG/NAME")`.

/// The tensor framework, in the version that this crate uses.
pub use burn;
#[cfg(feature = "hub")]
pub use finetune_hub as hub;
pub use finetune_ops::{DeviceError, DeviceSpec};
pub use {
    finetune_data as data, finetune_eval as eval, finetune_model as model, finetune_ops as ops,
    finetune_predict as predict, finetune_random as random, finetune_study as study,
    finetune_train as train,
};

/// What most programs need.
pub mod prelude {
    pub use crate::DeviceSpec;
    pub use crate::data::{
        BatchSize, DataError, Dataset, EncodingConfig, Example, Label, Schema, Splits,
        TextTokenizer,
    };
    pub use crate::eval::{Better, ClassificationReport, ConfusionMatrix, EvalError};
    pub use crate::model::{EncoderConfig, Head, HeadInput, HeadSize, SequenceClassifier};
    pub use crate::ops::Precision;
    pub use crate::predict::{PredictError, Prediction, Predictor, PredictorConfig};
    pub use crate::train::{
        Callback, Control, FineTuning, FineTuningConfig, FineTuningOutput, FreezeScope, Loss,
        LossConfig, LrScheduler, Metric, OptimizerConfig, Parts, Predictions, ProgressCallback,
        StepContext, Targets, TextConfig, TrainConfig, TrainContext, TrainDuration, TrainError,
        Trainer,
    };
}

/// The programs in the documents compile.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/guide/getting-started.md")]
    struct GettingStarted;
    #[doc = include_str!("../../../docs/guide/your-own-data.md")]
    struct YourOwnData;
    #[doc = include_str!("../../../docs/guide/extending.md")]
    struct Extending;
    #[doc = include_str!("../../../docs/guide/checkpoints.md")]
    struct Checkpoints;
    #[doc = include_str!("../../../docs/guide/encoding.md")]
    struct Encoding;
    #[doc = include_str!("../../../docs/guide/data-preparation.md")]
    struct DataPreparation;
    #[doc = include_str!("../../../docs/guide/predicting.md")]
    struct Predicting;
    #[doc = include_str!("../../../docs/guide/embeddings.md")]
    struct Embeddings;
    #[doc = include_str!("../../../docs/guide/training.md")]
    struct Training;
    #[doc = include_str!("../../../docs/guide/pre-training.md")]
    struct PreTraining;
    #[doc = include_str!("../../../docs/guide/adapters.md")]
    struct Adapters;
    #[doc = include_str!("../../../docs/guide/distillation.md")]
    struct Distillation;
    #[doc = include_str!("../../../docs/guide/multi-task.md")]
    struct MultiTask;
    #[doc = include_str!("../../../docs/guide/token-classification.md")]
    struct TokenClassification;
    #[cfg(feature = "hub")]
    #[doc = include_str!("../../../docs/guide/hub.md")]
    struct ByName;
    #[doc = include_str!("../../../docs/guide/studies.md")]
    struct Studies;
}
