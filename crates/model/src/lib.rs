//! BERT-family encoders on burn: token ids in, hidden states and logits out.
//!
//! 1. A checkpoint folder in the layout of Hugging Face is loaded ([`load_classifier`],
//!    [`load_masked_lm`], [`load_base_model`], [`load_encoder`]), or a model is made from sizes ([`EncoderConfig`]) and
//!    a seed ([`initialise`]).
//! 2. A padded batch moves to the device ([`EncoderInput`]).
//! 3. The [`Encoder`] computes hidden states, a [`Pooler`] one vector per text, a [`Head`] logits
//!    or a score: together a [`SequenceClassifier`]. A [`MaskedLm`] has logits for masked words.
//! 4. The trained model is saved such that transformers loads it ([`save_classifier`],
//!    [`save_masked_lm`], [`save_base_model`], [`save_encoder`]).
//! 5. While the lower part of a classifier is frozen, what it computes can be kept: the forward
//!    pass can be cut in two ([`Cut`], [`SequenceClassifier::lower`],
//!    [`SequenceClassifier::upper`]).
//! 6. Several classifiers can share an encoder ([`MultiTaskModel`]).
//! 7. Instead of the encoder, LoRA adapters beside it can train ([`Encoder::with_lora`],
//!    [`save_adapter`], [`load_adapter`]).
//!
//! BERT, DistilBERT, RoBERTa, XLM-R, CamemBERT and ELECTRA are one encoder with other values
//! ([`Family`]). Pooling and head are values, too ([`Pooling`], [`HeadConfig`]); without any, a
//! classifier has those of its family. A head of your own implements [`Head`] ([`CustomHead`]).
//!
//! Shape letters, used in every `# Shapes`: `B` batch, `S` sequence, `T` tokens (`B * S` rows),
//! `D` hidden, `H` heads, `K` head width, `L` layers, `C` classes, `V` vocabulary; `E` width of the
//! embedding tables, `W` of a pooled text.
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_model::{EncoderConfig, EncoderInput, SequenceClassifierConfig, initialise};
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
//! let model = initialise(config.init(&device)?, 0.02, 42);
//!
//! // Two rows of three tokens; the second row ends in padding.
//! let mask = [true, true, true, true, true, false];
//! let input =
//!     EncoderInput::new(&model.encoder, &[2, 7, 3, 2, 3, 0], &[0; 6], &mask, [2, 3])?;
//! assert_eq!(model.forward(&input, None)?.dims(), [2, 2]);
//! # Ok::<(), finetune_model::ModelError>(())
//! ```

mod adapters;
mod base_model;
mod bounds;
mod checkpoint;
mod classifier;
mod cut;
mod dropout;
mod encoder;
mod error;
mod family;
mod head;
mod initialisation;
mod masked_lm;
mod multi_task;
mod parameters;
mod parts;
mod pooling;
mod precision;
mod summary;

pub use adapters::{LoraConfig, LoraTarget, LowRank, Projection, load_adapter, save_adapter};
pub use base_model::BaseModel;
pub use checkpoint::{
    CheckpointConfig, LoadReport, OwnHead, TensorNames, load_base_model, load_classifier,
    load_classifier_with, load_encoder, load_masked_lm, save_base_model, save_classifier,
    save_encoder, save_masked_lm,
};
pub use classifier::{ProblemType, SequenceClassifier, SequenceClassifierConfig, Texts};
pub use cut::{Activations, Cut, TextActivations};
pub use dropout::DropoutStream;
pub use encoder::{
    Activation, AttentionMask, Embeddings, Encoder, EncoderConfig, EncoderInput, EncoderLayer,
    FeedForward, Positions, SelfAttention,
};
pub use error::ModelError;
pub use family::Family;
pub use head::{
    AnyHead, Combination, CosineSimilarityHead, CosineSimilarityHeadConfig, CustomHead, Head,
    HeadConfig, HeadDropout, HeadInput, HeadSize, HiddenStates, Mlp, MlpConfig, ScoreRange,
};
pub use initialisation::initialise;
pub use masked_lm::{MaskedLm, MaskedLmHead};
pub use multi_task::{MultiTaskModel, TaskHead};
pub use parameters::{Parameter, ParameterKind, parameters};
pub use pooling::{LayerChoice, Pooler, Pooling, TokenPooling};
pub use precision::EncoderModel;
pub use summary::{Part, Summary};
