//! Selection of the tokens whose hidden states a layer computes.

use burn::tensor::Tensor;

use super::AttentionMask;

/// Tokens whose hidden states a layer computes. Only they are queries of its attention; keys and
/// values come from all tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queries {
    /// All tokens, as the next layer needs.
    All,
    /// First token of each row, if the pooling uses no other.
    First,
}

impl Queries {
    /// Returns the rows of these tokens.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`, or `[B, D]` of the first tokens
    pub(super) fn of(self, hidden: Tensor<2>, mask: &AttentionMask) -> Tensor<2> {
        match self {
            Self::All => hidden,
            Self::First => mask.first_tokens(hidden),
        }
    }
}
