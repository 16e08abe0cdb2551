//! In-place rotation of queries or keys by the angles of their positions.

use super::instructions::vectorized;

/// Sizes of the rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Width of a row, `D`.
    pub(crate) width: usize,
    /// Angles of a row, `K / 2`.
    pub(crate) angles: usize,
}

vectorized! {
    /// `[x₁ cos - x₂ sin, x₂ cos + x₁ sin]` in the place of the halves `x₁` and `x₂` of each head.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`
    /// - `cosine`, `sine`: `[T, K / 2]`
    pub(crate) fn apply<A>(rows: &mut [f32], cosine: &[f32], sine: &[f32], sizes: Sizes) {
        let Sizes { width, angles } = sizes;
        let tables = cosine.chunks_exact(angles).zip(sine.chunks_exact(angles));
        for (row, (cosine, sine)) in rows.chunks_exact_mut(width).zip(tables) {
            for head in row.chunks_exact_mut(2 * angles) {
                let (first, second) = head.split_at_mut(angles);
                let values = first.iter_mut().zip(second);
                for ((first, second), (cosine, sine)) in values.zip(cosine.iter().zip(sine)) {
                    let (a, b) = (*first, *second);
                    *first = A::mul_add(a, *cosine, -(b * sine));
                    *second = A::mul_add(b, *cosine, a * sine);
                }
            }
        }
    }
}
