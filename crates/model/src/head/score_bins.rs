//! Score range cut into equal bins, each an output of a head.

use super::ScoreRange;
use crate::error::ModelError;

/// Fraction of a bin by which a score may fall short of a border and still belong to the upper bin:
/// more than the rounding of scores to single precision.
const ROUNDING: f64 = 1e-3;

/// Score range cut into bins of the same width. A head then has one output per bin, which is trained
/// as a class; a score is read from the outputs as the mean of the bin centers, weighted by the
/// probabilities of the bins.
///
/// ```
/// use finetune_model::{ScoreBins, ScoreRange};
///
/// let bins = ScoreBins::new(ScoreRange { min: 0.0, max: 5.0 }, 25)?;
/// assert_eq!(bins.bin(0.0), Some(0));
/// assert_eq!(bins.bin(5.0), Some(24));
/// assert_eq!(bins.bin(5.1), None);
/// assert!((bins.center(12) - 2.5).abs() < 1e-12);
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreBins {
    range: ScoreRange,
    count: usize,
}

impl ScoreBins {
    /// Cuts a range into `count` bins, at least 2.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the range is empty or not finite, or there are fewer than
    ///   2 bins.
    pub fn new(range: ScoreRange, count: usize) -> Result<Self, ModelError> {
        range.check_bounds()?;
        ModelError::check(count >= 2, "head.score_bins", count, "at least 2")?;
        Ok(Self { range, count })
    }

    /// Returns the range of the scores.
    pub fn range(&self) -> ScoreRange {
        self.range
    }

    /// Returns the number of bins, at least 2.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the width of a bin.
    pub fn width(&self) -> f64 {
        (self.range.max - self.range.min) / self.count as f64
    }

    /// Returns the bin of a score; `None` for a score outside the range. A score on the border of
    /// two bins belongs to the upper one, and the maximum to the last.
    pub fn bin(&self, score: f64) -> Option<usize> {
        let ScoreRange { min, max } = self.range;
        let position = (score - min) / self.width();
        (min..=max)
            .contains(&score)
            .then(|| ((position + ROUNDING) as usize).min(self.count - 1))
    }

    /// Returns the score in the middle of a bin.
    pub fn center(&self, bin: usize) -> f64 {
        self.range.min + (bin as f64 + 0.5) * self.width()
    }

    /// Returns the centers of all bins, in ascending order.
    pub fn centers(&self) -> Vec<f64> {
        (0..self.count).map(|bin| self.center(bin)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STARS: ScoreRange = ScoreRange { min: 0.0, max: 5.0 };

    #[test]
    fn scores_on_a_border_belong_to_the_upper_bin_whatever_their_rounding() {
        let bins = ScoreBins::new(STARS, 25).unwrap();
        for bin in 0..25 {
            let border = f64::from((bin as f32) * 0.2);
            assert_eq!(bins.bin(border), Some(bin), "{border}");
            let border: f32 = format!("{:.1}", 0.2 * bin as f64).parse().unwrap();
            assert_eq!(bins.bin(f64::from(border)), Some(bin), "{border}");
            assert_eq!(bins.bin(bins.center(bin)), Some(bin));
        }
        for outside in [-0.1, 5.1, f64::NAN, f64::INFINITY] {
            assert_eq!(bins.bin(outside), None);
        }
    }

    #[test]
    fn bins_that_cut_nothing_are_refused() {
        for (min, max, count, message) in [
            (
                0.0,
                5.0,
                1,
                "model configuration: head.score_bins is 1, expected at least 2",
            ),
            (
                5.0,
                0.0,
                2,
                "model configuration: head.range is 5 to 0, expected min below max, both finite",
            ),
        ] {
            let error = ScoreBins::new(ScoreRange { min, max }, count).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn the_center_of_its_bin_is_within_half_a_bin_of_a_score(
            min in -100.0f64..100.0,
            width in 0.01f64..1000.0,
            count in 2usize..200,
            fraction in 0.0f64..=1.0,
        ) {
            let range = ScoreRange { min, max: min + width };
            let bins = ScoreBins::new(range, count).unwrap();
            let score = (min + fraction * width).min(range.max);
            let decoded = bins.center(bins.bin(score).unwrap());
            let most = bins.width() * (0.5 + ROUNDING + 1e-6);
            prop_assert!((decoded - score).abs() <= most, "{} {}", score, decoded);
        }
    }
}
