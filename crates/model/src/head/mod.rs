//! Heads: from the texts of a batch to logits or scores.
//!
//! [`Head`] is what a head has to be, the built-in ones and anyone's own. [`MlpConfig`] covers the
//! classifiers of every family and of the studies, for one text and for pairs;
//! [`CosineSimilarityHeadConfig`] compares two texts by their angle. The models hold a head of any
//! type ([`AnyHead`]); one of your own is made by a [`CustomHead`].

mod any;
mod bridge;
mod combination;
mod config;
mod cosine_similarity;
mod custom;
mod input;
mod mlp;
mod score_range;
#[cfg(test)]
mod tests;

pub use any::AnyHead;
pub use combination::Combination;
pub use config::HeadConfig;
pub use cosine_similarity::{CosineSimilarityHead, CosineSimilarityHeadConfig};
pub use custom::{CustomHead, HeadSize};
pub use input::{HeadDropout, HeadInput, HiddenStates};
pub use mlp::{Mlp, MlpConfig};
pub use score_range::ScoreRange;

use burn::module::Module;
use burn::tensor::Tensor;

use crate::ModelError;

/// A classification or regression head: a burn module that computes logits from a text, or from
/// the two texts of a pair.
///
/// A type that derives `Module` and implements this trait is passed on as a [`CustomHead`], which has
/// an example. In all else it is like the built-in heads. Its parameters
///
/// - have the paths `head.FIELD`, by which they are frozen and get learning rates,
/// - are saved under these paths and loaded from them,
/// - have initial values that depend on seed and path alone: those of burn's linear, embedding and
///   layer normalization layers as in the encoder; of the others, parameters with at least two
///   axes are drawn from a normal distribution with the encoder's `initializer_range`, and vectors
///   are 0, or 1 if their field is called `gamma`,
/// - have weight decay if they have at least two axes.
///
/// Parameters with 1 to 8 axes are supported, and only those of floats are trained and saved.
pub trait Head: Module + Sync + 'static {
    /// Returns logits or scores. It is deterministic while the input's dropout is off, and treats
    /// each row of the batch by itself.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    fn forward(&self, input: HeadInput) -> Tensor<2>;

    /// Number of texts that the head compares (default: 1). With 1, [`HeadInput::second`] is `None`;
    /// with 2, the encoder reads both texts of a pair separately, and it is there.
    fn num_texts(&self) -> usize {
        1
    }

    /// Whether [`Head::forward`] reads the hidden states of all tokens (default: true). If it does
    /// not, the encoder's last layer need not compute all of them, and a frozen encoder's pooled
    /// vectors can be cached.
    fn reads_hidden_states(&self) -> bool {
        true
    }
}

/// The place of each dropout in the built-in heads.
mod sites {
    /// On the pooled vector of the first text.
    pub(super) const FIRST_TEXT: u32 = 0;
    /// On that of the second.
    pub(super) const SECOND_TEXT: u32 = 1;
    /// Before the last layer.
    pub(super) const BEFORE_LAST: u32 = 2;
}

/// Whether a share can be dropped.
fn check_dropout(field: &'static str, share: f64) -> Result<(), ModelError> {
    if (0.0..1.0).contains(&share) {
        return Ok(());
    }
    Err(ModelError::InvalidConfig {
        field,
        found: share.to_string(),
        expected: "in [0, 1)".to_string(),
    })
}
