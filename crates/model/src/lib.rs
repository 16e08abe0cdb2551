//! BERT-family encoders on burn: from token ids to hidden states and logits.
//!
//! 1. A model is loaded from a Hugging Face checkpoint directory, or by its name on the hub
//!    ([`model_directory`]) ([`load_classifier`],
//!    [`load_token_classifier`],
//!    [`load_masked_lm`], [`load_pre_training`], [`load_base_model`], [`load_encoder`]), or created
//!    from an [`EncoderConfig`] and a seed ([`init_weights`]).
//! 2. A padded batch is copied to the device ([`EncoderInput`]).
//! 3. The [`Encoder`] computes hidden states, a [`Pooler`] one vector per text, and a [`Head`]
//!    logits or scores; together they are a [`SequenceClassifier`]. A [`MaskedLm`] computes logits
//!    of masked tokens, and with a [`NextSentenceHead`] those of next-sentence prediction; a
//!    [`TokenClassifier`] those of each token, with a [`Crf`] over them if wanted.
//! 4. The trained model is saved as a checkpoint that transformers loads ([`save_classifier`],
//!    [`save_token_classifier`], [`save_masked_lm`], [`save_base_model`], [`save_encoder`]).
//! 5. The forward pass of a classifier can be split ([`SplitPoint`],
//!    [`SequenceClassifier::forward_lower`], [`SequenceClassifier::forward_upper`]), so that the
//!    output of frozen layers can be cached.
//! 6. An [`EmbeddingModel`] computes one vector per text; it is loaded from and saved in the layout of
//!    sentence-transformers ([`load_embedding_model`], [`save_embedding_model`]).
//! 7. Several classifiers can share an encoder ([`MultiTaskModel`]).
//! 8. LoRA adapters can train in place of the encoder ([`Encoder::with_lora`], [`save_adapter`],
//!    [`load_adapter`]).
//!
//! BERT, DistilBERT, RoBERTa, XLM-R, CamemBERT, ELECTRA, ModernBERT, MPNet, DeBERTa-v2, DeBERTa-v3, ALBERT,
//! NomicBERT, GTE and EuroBERT are configurations of one encoder ([`Family`]). Pooling and head are configurable ([`Pooling`], [`HeadConfig`]); by default, a
//! classifier has those of its family. A head of your own
//! implements [`Head`] ([`CustomHead`]).
//!
//! Letters in `# Shapes`: `B` batch size, `S` sequence length, `T` tokens (`B * S` rows), `D`
//! hidden size, `H` attention heads, `K` head width, `L` layers, `C` classes, `V` vocabulary size,
//! `E` width of the embeddings, `W` width of a pooled text.
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_model::{EncoderConfig, EncoderInput, SequenceClassifierConfig, init_weights};
//!
//! let device = Device::flex();
//! let encoder = EncoderConfig {
//!     vocab_size: 100,
//!     hidden_size: 16,
//!     num_hidden_layers: 2,
//!     num_attention_heads: 2,
//!     intermediate_size: 32,
//!     ..Default::default()
//! };
//! let config = SequenceClassifierConfig::new(encoder, vec!["no".into(), "yes".into()]);
//! let model = init_weights(config.init(&device)?, 0.02, 42);
//!
//! // A text of three tokens, and one of two.
//! let input = EncoderInput::new(&model.encoder, &[2, 7, 3, 2, 3], &[0; 5], &[0, 3, 5])?;
//! assert_eq!(model.forward(&input, None)?.dims(), [2, 2]);
//! # Ok::<(), finetune_model::ModelError>(())
//! ```

mod adapters;
mod any_module;
mod base_model;
mod checkpoint;
mod classifier;
mod dropout;
mod embedding_model;
mod encoder;
mod error;
mod family;
mod head;
mod initialization;
mod layers;
mod limits;
mod masked_lm;
mod model_directory;
mod multi_task;
mod next_sentence;
mod parameters;
mod pooling;
mod recompute;
mod split_point;
mod summary;
mod token_classifier;

pub use adapters::{LoraConfig, LoraLinear, LoraTarget, LowRank, load_adapter, save_adapter};
pub use any_module::AnyModule;
pub use base_model::BaseModel;
pub use checkpoint::{
    CheckpointConfig, CheckpointDtype, LoadReport, PoolingAndHead, RowBlock, TensorNames,
    TensorPart, load_base_model, load_classifier, load_classifier_with, load_encoder,
    load_encoder_with_new_head, load_masked_lm, load_pre_training, load_token_classifier,
    save_base_model, save_classifier, save_encoder, save_masked_lm, save_token_classifier,
};
pub use classifier::{ClassifierInput, ProblemType, SequenceClassifier, SequenceClassifierConfig};
pub use dropout::DropoutStream;
pub use embedding_model::{
    Dense, DenseActivation, DenseConfig, EmbeddingCheckpoint, EmbeddingModel, EmbeddingModelConfig,
    Prompts, SimilarityFunction, load_embedding_model, load_embedding_model_with, normalize,
    save_embedding_model,
};
pub use encoder::{
    Activation, Embeddings, Encoder, EncoderConfig, EncoderInput, EncoderLayer, EncoderModel,
    EncoderStates, FeedForward, Int8Config, LayerType, NormPlacement, NormType, PackedInput,
    Positions, Queries, RelativeAttention, RelativeEmbeddings, RopeScaling, SelfAttention,
};
pub use error::ModelError;
pub use family::Family;
pub use finetune_ops::{Sequences, SequencesError};
pub use head::{
    AnyHead, CosineSimilarityHead, CosineSimilarityHeadConfig, CustomHead, Head, HeadConfig,
    HeadDropout, HeadInput, HeadSize, HiddenNorm, HiddenStates, Mlp, MlpConfig, PairFeatures,
    ScoreBins, ScoreRange,
};
pub use initialization::init_weights;
pub use masked_lm::{MaskedLm, MaskedLmHead};
#[cfg(feature = "hub")]
pub use model_directory::download_model;
pub use model_directory::{model_directory, model_source};
pub use multi_task::{MultiTaskModel, TaskHead};
pub use next_sentence::{NextSentenceHead, PreTrainingLogits};
pub use parameters::{Parameter, ParameterKind, parameters};
pub use pooling::{LayerSelection, Pooler, Pooling, TokenPooling};
pub use split_point::{Activations, SplitPoint, TextActivations};
pub use summary::{LayerSummary, ModelSummary};
pub use token_classifier::{
    Crf, CrfWeights, PackedTagTargets, TagTargets, TokenClassifier, TokenClassifierConfig,
    Transitions,
};
