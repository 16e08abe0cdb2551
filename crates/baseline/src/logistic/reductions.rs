//! Vector operations whose results do not depend on the number of threads.
//!
//! Vectors are divided into pieces of a fixed length, and the sums of the pieces are added in
//! order. Each piece is summed in eight SIMD lanes.

use rayon::prelude::*;

/// Length of a piece: fits into the caches of a core and is long enough for a parallel task.
pub(super) const PIECE: usize = 8192;
const LANES: usize = 8;

/// Returns the dot product.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    if a.len() <= PIECE {
        return dot_of_piece(a, b);
    }
    let pieces = a.par_chunks(PIECE).zip(b.par_chunks(PIECE));
    let sums: Vec<f64> = pieces.map(|(a, b)| dot_of_piece(a, b)).collect();
    sums.into_iter().sum()
}

fn dot_of_piece(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.into_iter().sum::<f64>() + rest
}

/// Computes `y += factor · x`.
pub(super) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    each(y, x, |y, x| *y += factor * x);
}

/// Computes `y = change(y, x)` elementwise.
pub(super) fn each(y: &mut [f64], x: &[f64], change: impl Fn(&mut f64, f64) + Sync) {
    let change_piece = |(y, x): (&mut [f64], &[f64])| {
        y.iter_mut().zip(x).for_each(|(y, x)| change(y, *x));
    };
    if y.len() <= PIECE {
        return change_piece((y, x));
    }
    let pieces = y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
    pieces.for_each(change_piece);
}

/// Returns the maximum magnitude.
pub(super) fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest, x| x.abs().max(largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_vectors_are_summed_whole() {
        let length = 3 * PIECE + LANES + 3;
        let a: Vec<f64> = (0..length).map(|number| (number % 7) as f64).collect();
        let mut b: Vec<f64> = (0..length)
            .map(|number| (number % 5) as f64 - 2.0)
            .collect();
        let expected: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        // Sums of small integers are exact in any order.
        assert_eq!(dot(&a, &b), expected);
        add_scaled(&mut b, -2.0, &a);
        assert_eq!(
            b[length - 1],
            ((length - 1) % 5) as f64 - 2.0 - 2.0 * a[length - 1]
        );
        assert_eq!(largest(&b), 14.0);
    }
}
