//! Export of fine-tuned models to [ONNX](https://onnx.ai), for onnxruntime, OpenVINO, Optimum,
//! transformers.js and other programs.
//!
//! A file has the encoder, the pooling and the head, with batch size and length left open: token ids in,
//! logits or embeddings out. All families of [`EncoderConfig`](finetune_model::EncoderConfig) are
//! exported by the same code, from the values of its configuration. Weights are written in f32, f16 or
//! int8 ([`OnnxPrecision`]).
//!
//! The operators are those of version 17, all of ONNX's own domain.

mod attention;
mod batch;
mod directory;
mod encoder;
mod error;
mod export;
mod graph;
mod head;
mod pooling;
mod precision;
mod proto;
mod relative;
mod weights;

pub use directory::{ONNX_FILE, export_directory};
pub use error::OnnxError;
pub use export::{OnnxModel, export_classifier, export_embedding_model, export_token_classifier};
pub use precision::{OnnxPrecision, UnknownPrecision};

/// Compiles the program of the guide.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../docs/guide/onnx.md")]
    struct Onnx;
}
