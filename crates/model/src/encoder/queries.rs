//! Which tokens a layer computes.

use burn::tensor::Tensor;

use super::AttentionMask;

/// The tokens whose hidden states are wanted of a layer. Only they ask in its attention; keys and
/// values are those of all tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queries {
    /// All of them, as the layer above needs.
    All,
    /// The first of each row: enough for the layer below a pooling that looks at no other.
    First,
}

impl Queries {
    /// The rows of these tokens.
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
