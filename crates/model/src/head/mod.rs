//! Classification and regression heads.
//!
//! [`Head`] is the trait of all heads, built-in or your own. [`MlpConfig`] covers the classifiers
//! of every family and of the published studies, for one text and for pairs;
//! [`CosineSimilarityHeadConfig`] compares two texts by cosine similarity. Models hold a head of
//! any type ([`AnyHead`]); a [`CustomHead`] creates one of your own.

mod any;
mod config;
mod cosine_similarity;
mod custom;
mod input;
mod mlp;
mod pair_features;
mod score_bins;
mod score_range;
#[cfg(test)]
mod tests;

pub use any::AnyHead;
pub use config::HeadConfig;
pub use cosine_similarity::{CosineSimilarityHead, CosineSimilarityHeadConfig};
pub use custom::{CustomHead, HeadSize};
pub use input::{HeadDropout, HeadInput, HiddenStates};
pub use mlp::{HiddenNorm, Mlp, MlpConfig};
pub use pair_features::PairFeatures;
pub use score_bins::ScoreBins;
pub use score_range::ScoreRange;

use burn::module::Module;
use burn::tensor::Tensor;

/// A classification or regression head: a burn module that computes logits from a text, or from
/// the two texts of a pair.
///
/// A type that derives `Module` and implements this trait is passed to a model as a [`CustomHead`];
/// see the example there. Otherwise it is treated like a built-in head. Its parameters
///
/// - have the paths `head.FIELD`, which freezing and learning rates refer to,
/// - are saved and loaded under these paths,
/// - have initial values that depend on seed and path alone: burn's linear, embedding and layer
///   normalization layers are initialized as in the encoder; of other parameters, those with at
///   least two axes are drawn from a normal distribution with the encoder's `initializer_range`,
///   and vectors are 0, or 1 if their field is called `gamma`,
/// - have weight decay if they have at least two axes.
///
/// Parameters with 1 to 8 axes are supported. Only float parameters are trained and saved.
pub trait Head: Module + Sync + 'static {
    /// Returns logits or scores. The result must be deterministic while the input's dropout is off,
    /// and each row must be independent of the other rows of the batch.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    fn forward(&self, input: HeadInput) -> Tensor<2>;

    /// Number of texts that the head compares (default: 1). With 1, [`HeadInput::second`] is
    /// `None`; with 2, the encoder reads both texts of a pair separately, and [`HeadInput::second`]
    /// is set.
    fn num_texts(&self) -> usize {
        1
    }

    /// Whether [`Head::forward`] reads the hidden states of all tokens (default: true). If not, the
    /// encoder's last layer need not compute all of them, and a frozen encoder's pooled vectors can
    /// be cached.
    fn reads_hidden_states(&self) -> bool {
        true
    }
}

/// Number of each dropout in the built-in heads.
mod sites {
    /// On the pooled vector of the first text.
    pub(super) const FIRST_TEXT: u32 = 0;
    /// On the pooled vector of the second text.
    pub(super) const SECOND_TEXT: u32 = 1;
    /// Before the last layer.
    pub(super) const BEFORE_LAST: u32 = 2;
}
