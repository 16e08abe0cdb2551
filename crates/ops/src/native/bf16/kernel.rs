//! What a task multiplies panels with.

#[cfg(target_os = "linux")]
use std::sync::OnceLock;

use super::pack::{PANEL, Part, STEP_PAIRS};
#[cfg(target_os = "linux")]
use super::tiles;
use super::vectors;
use crate::native::product::Place;
#[cfg(target_os = "linux")]
use crate::native::tiles::Tiles;

/// Whether this machine has one.
pub(super) fn is_available() -> bool {
    #[cfg(target_os = "linux")]
    if has_tiles() {
        return true;
    }
    vectors::is_available()
}

/// Asked once: in a virtual machine, it takes as long as a small product.
#[cfg(target_os = "linux")]
fn has_tiles() -> bool {
    static HAS_TILES: OnceLock<bool> = OnceLock::new();
    *HAS_TILES.get_or_init(tiles::is_available)
}

/// The instructions of this machine.
#[derive(Debug)]
pub(in crate::native) enum Kernel {
    /// Tiles of this thread (Intel AMX).
    #[cfg(target_os = "linux")]
    Tiles(Tiles),
    /// Sums of two products in 512-bit vectors (AVX-512 BF16).
    Vectors,
}

impl Kernel {
    /// Only where one is available.
    pub(in crate::native) fn of_this_thread() -> Self {
        #[cfg(target_os = "linux")]
        if has_tiles() {
            return Self::Tiles(Tiles::configured());
        }
        Self::Vectors
    }

    /// The product of all panels of two matrices: a matrix in rows, of whole panels both ways.
    pub(in crate::native) fn product(
        &self,
        left: Part<'_>,
        right: Part<'_>,
        product: &mut [f32],
        place: Place,
    ) {
        let stride = right.iter().len() * PANEL;
        let rows = product.chunks_exact_mut(PANEL * stride);
        for (rows, left) in rows.zip(left.iter()) {
            for (number, right) in right.iter().enumerate() {
                let product = &mut rows[number * PANEL..];
                self.multiply([left, right], product, stride, place, PANEL);
            }
        }
    }

    /// The product of the first `count` rows of a panel and a panel of columns, a matrix whose rows are `stride`
    /// values apart. It has the room of a whole panel, of which rows beyond `count` are undefined.
    #[allow(unsafe_code, reason = "calls what is compiled for an instruction set")]
    pub(super) fn multiply(
        &self,
        [left, right]: [&[u32]; 2],
        product: &mut [f32],
        stride: usize,
        place: Place,
        count: usize,
    ) {
        assert!(
            left.len() == right.len() && !left.is_empty() && left.len().is_multiple_of(STEP_PAIRS),
            "{} and {} pairs",
            left.len(),
            right.len()
        );
        assert!(
            stride >= PANEL && product.len() >= (PANEL - 1) * stride + PANEL,
            "{} values, {stride} apart",
            product.len()
        );
        let product = product.as_mut_ptr();
        // SAFETY: the machine has the instructions, and the sizes are checked.
        unsafe {
            match self {
                #[cfg(target_os = "linux")]
                Self::Tiles(tiles) => tiles::multiply(tiles, left, right, product, stride, place),
                Self::Vectors => vectors::multiply(left, right, product, stride, place, count),
            }
        }
    }
}
