//! In-place dropout with a hash-based mask.

use crate::dropout::Mask;

use super::instructions::vectorized;

vectorized! {
    /// Multiplies the values from position `start` on by their factors.
    pub(crate) fn apply<A>(values: &mut [f32], mask: Mask, start: usize) {
        for (offset, value) in values.iter_mut().enumerate() {
            *value *= mask.factor((start as u32).wrapping_add(offset as u32));
        }
    }
}

vectorized! {
    /// The factors of the positions from `start` on.
    pub(crate) fn fill<A>(factors: &mut [f32], mask: Mask, start: usize) {
        for (offset, factor) in factors.iter_mut().enumerate() {
            *factor = mask.factor((start as u32).wrapping_add(offset as u32));
        }
    }
}
