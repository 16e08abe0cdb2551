//! A teacher: a trained model with the map of its student's tokens.

use std::path::PathBuf;

use super::token_map::TokenMap;

/// Trained model that a student learns from.
#[derive(Debug)]
pub struct Teacher<M> {
    /// Its checkpoint directory.
    pub directory: PathBuf,
    /// The model, without autodiff.
    pub model: M,
    /// Ids of the student's tokens in its vocabulary.
    pub tokens: TokenMap,
    /// Whether it reads texts before they are masked.
    pub reads_unmasked: bool,
}
