//! Pooling: from the hidden states of a text's tokens to one vector.

mod config;
mod pooler;

pub use config::{LayerChoice, Pooling, TokenPooling};
pub use pooler::Pooler;
