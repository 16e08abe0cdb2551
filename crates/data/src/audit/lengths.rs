//! Statistics of text lengths in tokens.

use serde::{Deserialize, Serialize};

use crate::encoded::EncodedTexts;
use crate::error::DataError;

/// Statistics of the row lengths of encoded texts in tokens, including special tokens. `Display`
/// formats them with a histogram.
///
/// Encode with a maximum length above that of the longest text: truncated rows count with their
/// truncated length. [`truncated_rows`](Self::truncated_rows) is their number.
///
/// ```
/// use finetune_data::{EncodedTexts, LengthStatistics};
///
/// let rows = (1..=100).map(|length| vec![7; length]);
/// let lengths = LengthStatistics::new(&EncodedTexts::from_token_ids(rows), &[64, 128])?;
/// assert_eq!((lengths.quantile(0.5), lengths.longest), (Some(50), 100));
/// assert_eq!(lengths.truncated[0].share, 0.36);
/// println!("{lengths}");
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LengthStatistics {
    /// Number of rows.
    pub rows: usize,
    /// Total number of tokens.
    pub tokens: usize,
    /// Length of the shortest row in tokens.
    pub shortest: usize,
    /// Length of the longest row in tokens.
    pub longest: usize,
    /// Number of rows that were truncated during encoding.
    pub truncated_rows: usize,
    /// Quantiles as pairs of fraction and length: the smallest length that this fraction of the
    /// rows does not exceed.
    pub quantiles: Vec<(f64, usize)>,
    /// Histogram of the lengths.
    pub bins: Vec<LengthBin>,
    /// Effect of the given maximum lengths.
    pub truncated: Vec<TruncationStatistics>,
}

/// Histogram bin of row lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LengthBin {
    /// Minimum length in tokens, inclusive.
    pub from: usize,
    /// Maximum length in tokens, inclusive.
    pub to: usize,
    /// Number of rows in the bin.
    pub rows: usize,
}

/// Effect of truncation to a maximum length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TruncationStatistics {
    /// Maximum length in tokens, including special tokens.
    pub max_length: usize,
    /// Number of rows longer than this.
    pub rows: usize,
    /// Fraction of all rows, in `[0, 1]`.
    pub share: f64,
    /// Fraction of all tokens that truncation removes, in `[0, 1]`.
    pub tokens_lost: f64,
}

const QUANTILES: [f64; 8] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/// Maximum number of histogram bins, chosen to fit a screen.
const BINS: usize = 20;

impl LengthStatistics {
    /// Computes the statistics of all rows.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if a mapped file is corrupted.
    pub fn new(texts: &EncodedTexts, max_lengths: &[usize]) -> Result<Self, DataError> {
        let truncated_rows = texts.truncated_count()?;
        Ok(Self {
            truncated_rows,
            ..Self::of_lengths(texts.lengths()?, max_lengths)
        })
    }

    /// Computes the statistics of rows of these lengths, none of them truncated.
    pub fn of_lengths(mut lengths: Vec<usize>, max_lengths: &[usize]) -> Self {
        lengths.sort_unstable();
        let (shortest, longest) = match lengths[..] {
            [shortest, .., longest] => (shortest, longest),
            [only] => (only, only),
            [] => (0, 0),
        };
        let cut = |&max_length: &usize| truncated_share(&lengths, max_length);
        let quantile =
            |share: f64| Some((share, lengths.get(place(share, lengths.len())).copied()?));
        Self {
            rows: lengths.len(),
            tokens: lengths.iter().sum(),
            shortest,
            longest,
            truncated_rows: 0,
            quantiles: QUANTILES.into_iter().filter_map(quantile).collect(),
            bins: bins(&lengths),
            truncated: max_lengths.iter().map(cut).collect(),
        }
    }

    /// Returns the mean length in tokens; 0 if there are no rows.
    pub fn mean(&self) -> f64 {
        self.tokens as f64 / self.rows.max(1) as f64
    }

    /// Returns one of the [`quantiles`](Self::quantiles) 0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95 and
    /// 0.99; `None` for any other fraction or if there are no rows.
    pub fn quantile(&self, share: f64) -> Option<usize> {
        let mut quantiles = self.quantiles.iter();
        quantiles
            .find(|(known, _)| *known == share)
            .map(|(_, length)| *length)
    }
}

/// Returns the index of a quantile in a sorted list, without interpolation.
fn place(share: f64, rows: usize) -> usize {
    ((share * rows as f64).ceil() as usize).saturating_sub(1)
}

/// Returns bins of equal width over sorted lengths.
fn bins(lengths: &[usize]) -> Vec<LengthBin> {
    let (Some(&shortest), Some(&longest)) = (lengths.first(), lengths.last()) else {
        return Vec::new();
    };
    let width = (longest - shortest + 1).div_ceil(BINS);
    let below = |length: usize| lengths.partition_point(|&other| other < length);
    (shortest..=longest)
        .step_by(width)
        .map(|from| LengthBin {
            from,
            to: (from + width - 1).min(longest),
            rows: below(from + width) - below(from),
        })
        .collect()
}

fn truncated_share(lengths: &[usize], max_length: usize) -> TruncationStatistics {
    let above = &lengths[lengths.partition_point(|&length| length <= max_length)..];
    let lost: usize = above.iter().map(|length| length - max_length).sum();
    let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
    TruncationStatistics {
        max_length,
        rows: above.len(),
        share: share(above.len(), lengths.len()),
        tokens_lost: share(lost, lengths.iter().sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit(lengths: &[usize], max_lengths: &[usize]) -> LengthStatistics {
        let rows = lengths.iter().map(|&length| vec![1; length]);
        LengthStatistics::new(&EncodedTexts::from_token_ids(rows), max_lengths).unwrap()
    }

    #[test]
    fn quantiles_are_lengths_that_rows_have() {
        let lengths = audit(&[9, 1, 5, 3], &[]);
        assert_eq!(
            (lengths.quantile(0.25), lengths.quantile(0.5)),
            (Some(1), Some(3))
        );
        assert_eq!(
            (lengths.quantile(0.75), lengths.quantile(0.99)),
            (Some(5), Some(9))
        );
        assert_eq!((lengths.mean(), lengths.quantile(0.3)), (4.5, None));
    }

    #[test]
    fn each_row_is_in_one_bin() {
        for lengths in [
            vec![],
            vec![4],
            vec![0, 19],
            vec![0, 20],
            (3..500).collect(),
        ] {
            let found = audit(&lengths, &[]);
            assert!(found.bins.len() <= BINS);
            assert_eq!(
                found.bins.iter().map(|bin| bin.rows).sum::<usize>(),
                lengths.len()
            );
            assert!(
                found
                    .bins
                    .windows(2)
                    .all(|two| two[0].to + 1 == two[1].from)
            );
            assert_eq!(found.bins.last().map_or(0, |bin| bin.to), found.longest);
        }
    }

    #[test]
    fn a_maximum_length_cuts_what_is_above_it() {
        let lengths = audit(&[10, 20, 30, 40], &[5, 20, 40]);
        let cut: Vec<_> = lengths
            .truncated
            .iter()
            .map(|cut| (cut.rows, cut.share, cut.tokens_lost))
            .collect();
        assert_eq!(cut, [(4, 1.0, 0.8), (2, 0.5, 0.3), (0, 0.0, 0.0)]);
        assert_eq!(audit(&[], &[5]).truncated[0].share, 0.0);
    }
}
