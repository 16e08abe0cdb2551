//! BERT-family encoders on burn: token ids in, hidden states and logits out.
//!
//! 1. A checkpoint folder in the layout of Hugging Face is loaded ([`load_classifier`],
//!    [`load_encoder`]), or a model is made from sizes ([`EncoderConfig`]) and a seed
//!    ([`initialise`]).
//! 2. A padded batch moves to the device ([`EncoderInput`]).
//! 3. The model computes hidden states ([`Encoder`]) or logits ([`SequenceClassifier`]).
//! 4. The trained model is saved such that transformers loads it ([`save_classifier`]).
//!
//! Shape letters, used in every `# Shapes`: `B` batch, `S` sequence, `T` tokens (`B * S` rows),
//! `D` hidden, `H` heads, `K` head width, `L` layers, `C` classes, `V` vocabulary.
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
//! let config = SequenceClassifierConfig {
//!     encoder,
//!     class_names: vec!["no".into(), "yes".into()],
//!     classifier_dropout: None,
//! };
//! let model = initialise(config.init(&device)?, 0.02, 42);
//!
//! // Two rows of three tokens; the second row ends in padding.
//! let mask = [true, true, true, true, true, false];
//! let input =
//!     EncoderInput::new(&model.encoder, &[2, 7, 3, 2, 3, 0], &[0; 6], &mask, [2, 3])?;
//! assert_eq!(model.forward(&input, None).dims(), [2, 2]);
//! # Ok::<(), finetune_model::ModelError>(())
//! ```

mod checkpoint;
mod classifier;
mod dropout;
mod encoder;
mod error;
mod initialisation;
mod parameters;
mod parts;

pub use checkpoint::{
    CheckpointConfig, LoadReport, load_classifier, load_encoder, save_classifier, save_encoder,
    tensor_name,
};
pub use classifier::{SequenceClassifier, SequenceClassifierConfig};
pub use dropout::DropoutStream;
pub use encoder::{
    Embeddings, Encoder, EncoderConfig, EncoderInput, EncoderLayer, FeedForward, SelfAttention,
};
pub use error::ModelError;
pub use initialisation::initialise;
pub use parameters::{Parameter, ParameterKind, parameters};
