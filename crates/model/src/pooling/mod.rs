//! Pooling: from the hidden states of a text's tokens to one vector.

mod config;
mod pooler;

pub use config::{LayerSelection, Pooling, TokenPooling};
pub use pooler::Pooler;
pub(crate) use pooler::mean_of_tokens;
