//! Truncation of token sequences into rows.

use std::ops::Range;

use super::config::{EncodingConfig, PairTruncation, Truncation};
use crate::error::DataError;

/// Validated truncation settings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cutter {
    /// Tokens of a row that are not special tokens.
    room: usize,
    truncation: Truncation,
    pairs: PairTruncation,
}

/// Token ranges of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) first: KeptTokens,
    pub(super) second: KeptTokens,
    /// Whether text was truncated, or continues in another row.
    pub(super) truncated: bool,
}

/// Token ranges kept of one text: a first and a last part, either of which may be empty.
pub(super) type KeptTokens = [Range<usize>; 2];

impl Cutter {
    /// # Errors
    /// - [`DataError::InvalidSetting`] if the special tokens and one token do not fit, or if the
    ///   head leaves no room for a tail, or if the stride is not below the window size, or for
    ///   windows over pairs with longest-first truncation.
    pub(super) fn new(
        config: &EncodingConfig,
        special_tokens: usize,
        pairs: bool,
    ) -> Result<Self, DataError> {
        let max_length = config.max_length;
        if max_length <= special_tokens {
            let expected = format!("at least {} tokens", special_tokens + 1);
            return Err(DataError::setting("max_length", expected, max_length));
        }
        let room = max_length - special_tokens;
        let too_long = |setting, found: usize| {
            let expected = format!("below {room} tokens, which is what a row has room for");
            DataError::setting(setting, expected, found)
        };
        match config.truncation {
            Truncation::HeadTail { head } if head >= room => {
                return Err(too_long("head", head));
            }
            Truncation::SlidingWindow { stride } if stride >= room => {
                return Err(too_long("stride", stride));
            }
            Truncation::SlidingWindow { .. }
                if pairs && config.pair_truncation == PairTruncation::LongestFirst =>
            {
                let expected = "only_first or only_second for windows over pairs";
                return Err(DataError::setting(
                    "pair_truncation",
                    expected,
                    "longest_first",
                ));
            }
            _ => {}
        }
        Ok(Self {
            room,
            truncation: config.truncation,
            pairs: config.pair_truncation,
        })
    }

    /// Returns the number of tokens of a single text that are needed, and from which end: one more
    /// than fit, to detect truncation. Returns `None` if all tokens are needed.
    pub(super) fn limit(&self) -> Option<(usize, tokenizers::TruncationDirection)> {
        match self.truncation {
            Truncation::Head => Some((self.room + 1, tokenizers::TruncationDirection::Right)),
            Truncation::Tail => Some((self.room + 1, tokenizers::TruncationDirection::Left)),
            Truncation::HeadTail { .. } | Truncation::SlidingWindow { .. } => None,
        }
    }

    /// Calls `write` for each row of a text of `length` tokens.
    pub(super) fn rows<E>(
        &self,
        length: usize,
        mut write: impl FnMut(Kept) -> Result<(), E>,
    ) -> Result<(), E> {
        self.parts(length, length.min(self.room), |first, truncated| {
            write(Kept {
                first,
                second: [0..0, 0..0],
                truncated,
            })
        })
    }

    /// Calls `write` for each row of a pair of texts. `pair` is its number, for error messages.
    ///
    /// # Errors
    /// - [`DataError::UntruncatedTextTooLong`] if only one text may be truncated and the other leaves no
    ///   room.
    /// - The errors of `write`.
    pub(super) fn pair_rows<E: From<DataError>>(
        &self,
        pair: usize,
        [first, second]: [usize; 2],
        mut write: impl FnMut(Kept) -> Result<(), E>,
    ) -> Result<(), E> {
        let [first_share, second_share] = self.shares(pair, [first, second])?;
        if self.pairs == PairTruncation::OnlySecond {
            return self.parts(second, second_share, |kept, truncated| {
                write(Kept {
                    first: [0..first, 0..0],
                    second: kept,
                    truncated,
                })
            });
        }
        self.parts(first, first_share, |kept, truncated| {
            // Windows move over the first text here and keep the second text whole.
            let second_kept = match self.truncation {
                Truncation::SlidingWindow { .. } => [0..second, 0..0],
                _ => self.ends(second, second_share),
            };
            write(Kept {
                first: kept,
                second: second_kept,
                truncated: truncated || second_share < second,
            })
        })
    }

    /// Returns the number of tokens to keep of each text of a pair, as in transformers' fast
    /// tokenizers:
    /// [`truncate_encodings`](https://github.com/huggingface/tokenizers/blob/v0.23.2/tokenizers/src/utils/truncation.rs#L76).
    fn shares(&self, pair: usize, [first, second]: [usize; 2]) -> Result<[usize; 2], DataError> {
        let room = self.room;
        if first + second <= room {
            return Ok([first, second]);
        }
        // The text that is not truncated must leave room for at least one token of the other text,
        // or with windows, one token that the previous window does not contain.
        let least = match self.truncation {
            Truncation::SlidingWindow { stride } => stride + 1,
            _ => 1,
        };
        let limit = room - least;
        let left_by = |uncut: usize| match uncut <= limit {
            true => Ok(room - uncut),
            false => Err(DataError::UntruncatedTextTooLong {
                pair,
                limit,
                found: uncut,
            }),
        };
        match self.pairs {
            PairTruncation::OnlyFirst => Ok([left_by(second)?, second]),
            PairTruncation::OnlySecond => Ok([first, left_by(first)?]),
            PairTruncation::LongestFirst => {
                let shorter = first.min(second);
                // If the room is odd, the longer text gets one more token; the second if they are
                // equal.
                let (shorter, longer) = if shorter > room / 2 {
                    (room / 2, room - room / 2)
                } else {
                    (shorter, room - shorter)
                };
                Ok(if first > second {
                    [longer, shorter]
                } else {
                    [shorter, longer]
                })
            }
        }
    }

    /// Calls `write` for each row of one text of `length` tokens, with at most `share` of them per
    /// row.
    fn parts<E>(
        &self,
        length: usize,
        share: usize,
        mut write: impl FnMut(KeptTokens, bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let Truncation::SlidingWindow { stride } = self.truncation else {
            return write(self.ends(length, share), share < length);
        };
        let mut start = 0;
        loop {
            let end = length.min(start + share);
            write([start..end, 0..0], share < length)?;
            if end == length {
                return Ok(());
            }
            start += share - stride;
        }
    }

    /// Returns the ranges of one row that may keep `share` of `length` tokens.
    fn ends(&self, length: usize, share: usize) -> KeptTokens {
        let head = match self.truncation {
            _ if share >= length => length,
            Truncation::Tail => 0,
            Truncation::HeadTail { head } => head.min(share),
            Truncation::Head | Truncation::SlidingWindow { .. } => share,
        };
        let tail = if share >= length { 0 } else { share - head };
        [0..head, length - tail..length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cutter(truncation: Truncation, pair_truncation: PairTruncation) -> Cutter {
        let config = EncodingConfig {
            truncation,
            pair_truncation,
            ..EncodingConfig::new(12)
        };
        Cutter::new(&config, 2, false).unwrap()
    }

    /// Returns the tokens kept of each text in each row.
    fn rows(cutter: Cutter, lengths: &[usize]) -> Vec<[Vec<usize>; 2]> {
        let mut rows = Vec::new();
        let collect = |kept: Kept| {
            let tokens = |[head, tail]: KeptTokens| head.chain(tail).collect();
            rows.push([tokens(kept.first), tokens(kept.second)]);
            Ok::<(), DataError>(())
        };
        match *lengths {
            [first, second] => cutter.pair_rows(7, [first, second], collect).unwrap(),
            _ => cutter.rows(lengths[0], collect).unwrap(),
        }
        rows
    }

    fn single(truncation: Truncation, length: usize) -> Vec<Vec<usize>> {
        let rows = rows(cutter(truncation, PairTruncation::default()), &[length]);
        rows.into_iter().map(|[first, _]| first).collect()
    }

    #[test]
    fn a_text_that_fits_is_kept_whole() {
        for truncation in [
            Truncation::Head,
            Truncation::Tail,
            Truncation::HeadTail { head: 3 },
            Truncation::SlidingWindow { stride: 4 },
        ] {
            for length in [0, 4, 10] {
                let all: Vec<usize> = (0..length).collect();
                assert_eq!(single(truncation, length), [all]);
            }
        }
    }

    #[test]
    fn one_row_keeps_the_ends() {
        assert_eq!(single(Truncation::Head, 15), [(0..10).collect::<Vec<_>>()]);
        assert_eq!(single(Truncation::Tail, 15), [(5..15).collect::<Vec<_>>()]);
        assert_eq!(
            single(Truncation::HeadTail { head: 3 }, 15),
            [(0..3).chain(8..15).collect::<Vec<_>>()]
        );
        assert_eq!(
            single(Truncation::HeadTail { head: 0 }, 15),
            single(Truncation::Tail, 15)
        );
    }

    #[test]
    fn windows_overlap_by_the_stride_and_end_with_the_text() {
        let windows = |stride, length| -> Vec<(usize, usize)> {
            let rows = single(Truncation::SlidingWindow { stride }, length);
            rows.iter()
                .map(|row| (row[0], row[row.len() - 1] + 1))
                .collect()
        };
        assert_eq!(windows(0, 20), [(0, 10), (10, 20)]);
        assert_eq!(windows(0, 21), [(0, 10), (10, 20), (20, 21)]);
        assert_eq!(windows(4, 22), [(0, 10), (6, 16), (12, 22)]);
        assert_eq!(windows(9, 12), [(0, 10), (1, 11), (2, 12)]);
    }

    #[test]
    fn the_longer_text_is_cut_first() {
        let shares = |first, second| {
            let cutter = cutter(Truncation::Head, PairTruncation::LongestFirst);
            let cutter = Cutter { room: 9, ..cutter };
            cutter.shares(0, [first, second]).unwrap()
        };
        assert_eq!(shares(4, 5), [4, 5]);
        assert_eq!(shares(20, 3), [6, 3]);
        assert_eq!(shares(3, 20), [3, 6]);
        assert_eq!(shares(20, 19), [5, 4]);
        assert_eq!(shares(20, 20), [4, 5]);
        assert_eq!(shares(5, 5), [4, 5]);
    }

    #[test]
    fn one_text_of_a_pair_is_cut_and_the_other_kept() {
        let head = |pairs, lengths: [usize; 2]| {
            let rows = rows(cutter(Truncation::Tail, pairs), &lengths);
            rows.into_iter().next().unwrap()
        };
        let [first, second] = head(PairTruncation::OnlyFirst, [20, 4]);
        assert_eq!((first, second.len()), ((14..20).collect(), 4));
        let [first, second] = head(PairTruncation::OnlySecond, [9, 20]);
        assert_eq!((first.len(), second), (9, vec![19]));
    }

    #[test]
    fn windows_are_over_one_text_of_a_pair() {
        let windows = |pairs, lengths: [usize; 2]| {
            rows(
                cutter(Truncation::SlidingWindow { stride: 2 }, pairs),
                &lengths,
            )
        };
        let all = |range: Range<usize>| range.collect::<Vec<_>>();
        assert_eq!(
            windows(PairTruncation::OnlySecond, [4, 9]),
            [[all(0..4), all(0..6)], [all(0..4), all(4..9)]]
        );
        assert_eq!(
            windows(PairTruncation::OnlyFirst, [9, 4]),
            [[all(0..6), all(0..4)], [all(4..9), all(0..4)]]
        );
    }

    #[test]
    fn a_text_that_may_not_be_cut_must_leave_room() {
        let fail = |truncation, limit| {
            let cutter = cutter(truncation, PairTruncation::OnlyFirst);
            assert!(cutter.shares(7, [20, limit]).is_ok());
            let error = cutter.shares(7, [20, limit + 1]).unwrap_err();
            assert!(matches!(
                error,
                DataError::UntruncatedTextTooLong { pair: 7, limit: at_most, found }
                    if (at_most, found) == (limit, limit + 1)
            ));
        };
        fail(Truncation::Head, 9);
        fail(Truncation::SlidingWindow { stride: 3 }, 6);
    }

    #[test]
    fn impossible_settings_name_both_values() {
        let refused = |truncation, max_length, pairs| {
            let config = EncodingConfig {
                truncation,
                ..EncodingConfig::new(max_length)
            };
            Cutter::new(&config, 2, pairs).unwrap_err()
        };
        for (error, message) in [
            (
                refused(Truncation::Head, 2, false),
                "max_length: expected at least 3 tokens, found 2",
            ),
            (
                refused(Truncation::HeadTail { head: 8 }, 10, false),
                "head: expected below 8 tokens, which is what a row has room for, found 8",
            ),
            (
                refused(Truncation::SlidingWindow { stride: 9 }, 10, false),
                "stride: expected below 8 tokens, which is what a row has room for, found 9",
            ),
            (
                refused(Truncation::SlidingWindow { stride: 1 }, 10, true),
                "pair_truncation: expected only_first or only_second for windows over pairs, \
                 found longest_first",
            ),
        ] {
            assert_eq!(error.to_string(), message);
        }
    }
}
