//! Which row of a table belongs to a distance between query and key.

use std::ops::Range;
use std::sync::Arc;

/// Rows that native kernels treat together, from a multiple of it on.
pub(crate) const ROWS_TOGETHER: usize = 32;

/// Rows of the distances between a query and a key: the query's place less the key's.
///
/// Beyond the farthest distances, rows are those of the farthest.
///
/// ```
/// use finetune_ops::RelativeBuckets;
///
/// let buckets = RelativeBuckets::clamped(4);
/// assert_eq!(buckets.num_rows(), 8);
/// assert_eq!([-9, -4, 0, 3, 9].map(|distance| buckets.row(distance)), [0, 0, 4, 7, 7]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelativeBuckets {
    /// From the distance `-farthest` to `farthest`.
    rows: Arc<[usize]>,
    num_rows: usize,
}

impl RelativeBuckets {
    /// Returns the buckets of a function from distances, up to the farthest, to one of `num_rows` rows.
    ///
    /// # Panics
    /// If a row is not below `num_rows`.
    pub fn new(farthest: usize, num_rows: usize, row: impl Fn(isize) -> usize) -> Self {
        let farthest = farthest as isize;
        let rows: Arc<[usize]> = (-farthest..=farthest).map(row).collect();
        for row in &*rows {
            assert!(*row < num_rows, "row {row} of {num_rows}");
        }
        Self { rows, num_rows }
    }

    /// Returns a row of its own for each distance from `-span` to `span - 1`: `2 * span` rows, as DeBERTa
    /// without buckets.
    ///
    /// # Panics
    /// If `span` is 0.
    pub fn clamped(span: usize) -> Self {
        assert!(span > 0, "a span of 0");
        Self::new(span, 2 * span, |distance| clamped(distance, span as isize))
    }

    /// Returns `2 * buckets` rows: near distances have rows of their own, and farther ones share them by
    /// their logarithm, as `make_log_bucket_position` of DeBERTa-v2.
    ///
    /// # Panics
    /// If `buckets` is below 4 or odd, or `max_distance` not above `buckets / 2 + 1`.
    pub fn logarithmic(buckets: usize, max_distance: usize) -> Self {
        let middle = buckets / 2;
        assert!(
            middle > 1 && buckets.is_multiple_of(2) && max_distance > middle + 1,
            "{buckets} buckets up to a distance of {max_distance}"
        );
        let bucket = |distance: isize| {
            if distance.unsigned_abs() <= middle {
                return distance;
            }
            // In f32, as the checkpoints were trained.
            let scaled = logarithm(distance.unsigned_abs() as f32 / middle as f32)
                / logarithm(((max_distance - 1) as f64 / middle as f64) as f32);
            let far = (scaled * (middle - 1) as f32).ceil() as usize + middle;
            far as isize * distance.signum()
        };
        let is_beyond = |distance: &usize| bucket(*distance as isize) >= buckets as isize;
        let farthest = (max_distance..).find(is_beyond).unwrap_or(max_distance);
        Self::new(farthest, 2 * buckets, |distance| {
            clamped(bucket(distance), buckets as isize)
        })
    }

    /// Returns `buckets` rows, one half for keys before the query and one for those behind it, as
    /// `relative_position_bucket` of T5 and MPNet.
    ///
    /// # Panics
    /// If `buckets` is below 4 or odd, or `max_distance` not above `buckets / 4`.
    pub fn two_sided(buckets: usize, max_distance: usize) -> Self {
        let (half, exact) = (buckets / 2, buckets / 4);
        assert!(
            exact > 0 && buckets.is_multiple_of(2) && max_distance > exact,
            "{buckets} buckets up to a distance of {max_distance}"
        );
        let steps = (half - exact) as f32;
        let octaves = (max_distance as f64 / exact as f64).ln() as f32;
        Self::new(max_distance, buckets, |distance| {
            let behind = if distance < 0 { half } else { 0 };
            let tokens = distance.unsigned_abs();
            if tokens < exact {
                return behind + tokens;
            }
            let scaled = logarithm(tokens as f32 / exact as f32) / octaves * steps;
            behind + (exact + scaled as usize).min(half - 1)
        })
    }

    /// Returns the row of a distance.
    pub fn row(&self, distance: isize) -> usize {
        let farthest = (self.rows.len() / 2) as isize;
        self.rows[(farthest + distance.clamp(-farthest, farthest)) as usize]
    }

    /// Returns the rows of the distances up to the farthest, in both directions, and the buckets among
    /// them. Results of attention stay the same bit for bit.
    ///
    /// ```
    /// use finetune_ops::RelativeBuckets;
    ///
    /// let (rows, few) = RelativeBuckets::clamped(256).within(9);
    /// assert_eq!(rows, 224..266);
    /// assert_eq!((few.num_rows(), few.row(-9), few.row(9)), (42, 23, 41));
    /// ```
    pub fn within(&self, farthest: usize) -> (Range<usize>, Self) {
        let most = farthest as isize;
        let rows = || (-most..=most).map(|distance| self.row(distance));
        // Native kernels treat this many rows together.
        let start = rows().min().unwrap_or(0) / ROWS_TOGETHER * ROWS_TOGETHER;
        let end = rows().max().unwrap_or(0) + 1;
        let few = Self::new(farthest, end - start, |distance| self.row(distance) - start);
        (start..end, few)
    }

    /// Returns the number of rows, `R`.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }
}

/// Rounded once.
fn logarithm(value: f32) -> f32 {
    f64::from(value).ln() as f32
}

fn clamped(bucket: isize, span: isize) -> usize {
    (bucket + span).clamp(0, 2 * span - 1) as usize
}
