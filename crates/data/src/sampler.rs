//! Sampling of rows into batches.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use finetune_random::{Purpose, permutation};
use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// Number of batches in a pool of rows that are sorted by length.
///
/// A larger pool makes batches more even in length but mixes less: rows of similar length meet more
/// often. Fraction of the slots that would be padding, measured at batch size 32 with BERT's uncased
/// vocabulary, mean of five epochs (4,990 rows are 156 batches, which a pool size of 100 divides into
/// two pools of 78):
///
/// | batches in a pool | AG News, 4,990 rows, to 128 tokens | to 512 | IMDB, 25,000 rows, to 512 |
/// |---|---|---|---|
/// | 1 (no buckets) | 50.2 % | 53.9 % | 46.2 % |
/// | 10 | 10.3 % | 18.3 % | 7.3 % |
/// | 20 | 4.8 % | 11.6 % | 4.0 % |
/// | 50 | 2.4 % | 7.2 % | 1.7 % |
/// | 100 | 1.2 % | 4.1 % | 0.8 % |
/// | all | 0.6 % | 2.0 % | 0.1 % |
const POOL_BATCHES: usize = 100;

/// Order of the rows in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplingStrategy {
    /// Dataset order.
    Sequential,
    /// Random order, reshuffled every epoch.
    Random,
    /// Random order, reshuffled every epoch, with rows of similar length in each batch.
    #[default]
    GroupByLength,
    /// Random order, reshuffled every epoch, in which no text occurs twice in a batch, for losses whose
    /// negatives are the other rows. A row that shares a text with the batch goes into a later one; the
    /// last batches of an epoch may have fewer rows.
    NoDuplicates,
}

/// Size of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchSize {
    /// Number of rows; the last batch of an epoch may have fewer.
    Rows(usize),
    /// Maximum number of tokens. Batches have many short rows or few long rows, for similar compute
    /// and memory. A longer row becomes a batch of its own.
    Tokens(usize),
}

impl BatchSize {
    /// Divides rows into batches of this size, in the given order. `lengths` has the number of
    /// tokens of every row of the dataset.
    ///
    /// ```
    /// use finetune_data::BatchSize;
    ///
    /// let lengths = [9, 3, 5, 2];
    /// assert_eq!(BatchSize::Rows(3).cut(&[3, 2, 1, 0], &lengths), [vec![3, 2, 1], vec![0]]);
    /// assert_eq!(BatchSize::Tokens(10).cut(&[3, 2, 1, 0], &lengths), [vec![3, 2, 1], vec![0]]);
    /// ```
    ///
    /// # Panics
    /// If the size is 0 rows or a row index is out of range.
    pub fn cut(self, rows: &[usize], lengths: &[usize]) -> Vec<Vec<usize>> {
        match self {
            Self::Rows(size) => rows.chunks(size).map(<[usize]>::to_vec).collect(),
            Self::Tokens(tokens) => cut_by_tokens(rows, lengths, tokens),
        }
    }
}

impl From<usize> for BatchSize {
    fn from(rows: usize) -> Self {
        Self::Rows(rows)
    }
}

/// Sampler that divides the rows of each epoch into batches.
///
/// The batches depend only on the seed and the epoch, so an interrupted run can resume at any step
/// ([`Sampler::steps`]).
///
/// ```
/// use finetune_data::{BatchSize, SamplingStrategy, Sampler};
///
/// let sampler = Sampler::new(SamplingStrategy::Random, 2, 7)?;
/// let batches = sampler.batches(&[9, 3, 5], 0);
/// assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
/// assert_eq!(batches, sampler.batches(&[9, 3, 5], 0));
///
/// let sampler = Sampler::new(SamplingStrategy::Sequential, BatchSize::Tokens(12), 7)?;
/// assert_eq!(sampler.batches(&[9, 3, 5, 2], 0), [vec![0, 1], vec![2, 3]]);
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampler {
    order: SamplingStrategy,
    batch_size: BatchSize,
    seed: u64,
    /// Keys of the texts of each row, for batches without duplicates.
    text_keys: Arc<[Vec<u64>]>,
}

/// A batch of row indices with its position in training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledBatch {
    /// Index of the batch over all epochs, from 0.
    pub step: u64,
    /// Index of the epoch, from 0.
    pub epoch: u64,
    /// Index of the batch in the epoch, from 0.
    pub batch: usize,
    /// Row indices.
    pub rows: Vec<usize>,
}

impl Sampler {
    /// Creates a sampler with batches of `batch_size` rows, or with another [`BatchSize`].
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if the batch size is 0 rows or 0 tokens.
    pub fn new(
        order: SamplingStrategy,
        batch_size: impl Into<BatchSize>,
        seed: u64,
    ) -> Result<Self, DataError> {
        let batch_size = batch_size.into();
        match batch_size {
            BatchSize::Rows(0) | BatchSize::Tokens(0) => {
                Err(DataError::setting("batch size", "at least 1", 0))
            }
            _ => Ok(Self {
                order,
                batch_size,
                seed,
                text_keys: Arc::default(),
            }),
        }
    }

    /// Sets the keys of the texts of each row, of which no two equal ones share a batch of
    /// [`SamplingStrategy::NoDuplicates`] (default: none are equal).
    ///
    /// ```
    /// use finetune_data::{SamplingStrategy, Sampler};
    ///
    /// let sampler = Sampler::new(SamplingStrategy::NoDuplicates, 2, 7)?;
    /// let sampler = sampler.with_text_keys([vec![1, 2], vec![1, 3], vec![4, 5]]);
    /// for batch in sampler.batches(&[9, 3, 5], 0) {
    ///     assert!(!(batch.contains(&0) && batch.contains(&1)));
    /// }
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    pub fn with_text_keys(self, keys: impl IntoIterator<Item = Vec<u64>>) -> Self {
        Self {
            text_keys: keys.into_iter().collect(),
            ..self
        }
    }

    /// Returns whether every epoch has the same number of batches.
    pub fn epochs_are_alike(&self) -> bool {
        matches!(self.batch_size, BatchSize::Rows(_))
            && self.order != SamplingStrategy::NoDuplicates
    }

    /// Returns the number of batches in an epoch, the same for every one if
    /// [`Self::epochs_are_alike`].
    pub fn batch_count(&self, lengths: &[usize], epoch: u64) -> usize {
        match self.batch_size {
            BatchSize::Rows(rows) if self.epochs_are_alike() => lengths.len().div_ceil(rows),
            _ => self.batches(lengths, epoch).len(),
        }
    }

    /// Returns the batches of an epoch as row indices; each row occurs exactly once.
    ///
    /// `lengths` has the number of tokens of each row. Only [`SamplingStrategy::GroupByLength`] and
    /// [`BatchSize::Tokens`] use the values; otherwise only their number matters.
    pub fn batches(&self, lengths: &[usize], epoch: u64) -> Vec<Vec<usize>> {
        let rows: Vec<usize> = match self.order {
            SamplingStrategy::Sequential => (0..lengths.len()).collect(),
            SamplingStrategy::Random => self.shuffled(lengths.len(), epoch),
            SamplingStrategy::NoDuplicates => return self.without_duplicates(lengths, epoch),
            SamplingStrategy::GroupByLength => return self.bucketed(lengths, epoch),
        };
        self.batch_size.cut(&rows, lengths)
    }

    /// Returns an endless iterator over the batches of successive epochs, beginning at step
    /// `start`.
    ///
    /// Without rows, the iterator is empty.
    ///
    /// ```
    /// use finetune_data::{SamplingStrategy, Sampler};
    ///
    /// let lengths = [9, 3, 5];
    /// let sampler = Sampler::new(SamplingStrategy::Random, 2, 7)?;
    /// let all: Vec<_> = sampler.steps(&lengths, 0).take(6).collect();
    /// assert_eq!((all[3].epoch, all[3].batch), (1, 1));
    /// let resumed: Vec<_> = sampler.steps(&lengths, 3).take(3).collect();
    /// assert_eq!(resumed, all[3..]);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    pub fn steps(&self, lengths: &[usize], start: u64) -> impl Iterator<Item = SampledBatch> {
        let (first_epoch, mut skipped) = self.locate(lengths, start);
        (first_epoch..)
            .map(|epoch| (epoch, self.batches(lengths, epoch)))
            .take_while(|(_, batches)| !batches.is_empty())
            .flat_map(move |(epoch, batches)| {
                let skipped = std::mem::take(&mut skipped);
                let batches = batches.into_iter().enumerate().skip(skipped);
                batches.map(move |(batch, rows)| (epoch, batch, rows))
            })
            .zip(start..)
            .map(|((epoch, batch, rows), step)| SampledBatch {
                step,
                epoch,
                batch,
                rows,
            })
    }

    /// Returns the epoch of a step and the index of the batch in that epoch.
    fn locate(&self, lengths: &[usize], step: u64) -> (u64, usize) {
        if lengths.is_empty() {
            return (0, 0);
        }
        if let BatchSize::Rows(rows) = self.batch_size
            && self.epochs_are_alike()
        {
            let per_epoch = lengths.len().div_ceil(rows) as u64;
            return (step / per_epoch, (step % per_epoch) as usize);
        }
        let (mut epoch, mut left) = (0, step);
        loop {
            let batches = self.batch_count(lengths, epoch) as u64;
            if left < batches {
                return (epoch, left as usize);
            }
            (epoch, left) = (epoch + 1, left - batches);
        }
    }

    fn shuffled(&self, rows: usize, epoch: u64) -> Vec<usize> {
        permutation(self.seed, Purpose::Shuffle, epoch, rows)
    }

    fn bucketed(&self, lengths: &[usize], epoch: u64) -> Vec<Vec<usize>> {
        let mut rows = self.shuffled(lengths.len(), epoch);
        let mut batches = Vec::new();
        for pool in rows.chunks_mut(self.pool_size(lengths)) {
            // A stable sort keeps rows of equal length in random order.
            pool.sort_by_key(|&row| lengths[row]);
            batches.extend(self.batch_size.cut(pool, lengths));
        }
        // Without this, batches would run from short to long in each pool.
        let order = permutation(self.seed, Purpose::BatchOrder, epoch, batches.len());
        order
            .into_iter()
            .map(|batch| std::mem::take(&mut batches[batch]))
            .collect()
    }

    /// Fills one batch after another with the rows left, in random order, that share no text with it.
    fn without_duplicates(&self, lengths: &[usize], epoch: u64) -> Vec<Vec<usize>> {
        let mut left: VecDeque<usize> = self.shuffled(lengths.len(), epoch).into();
        let mut batches = Vec::new();
        while !left.is_empty() {
            let (mut batch, mut tokens, mut texts) = (Vec::new(), 0, HashSet::<u64>::new());
            let mut passed_over = Vec::new();
            while !self.is_full(&batch, tokens)
                && let Some(row) = left.pop_front()
            {
                let keys = self.text_keys.get(row).map_or(&[][..], Vec::as_slice);
                let fits = match self.batch_size {
                    BatchSize::Tokens(most) => batch.is_empty() || tokens + lengths[row] <= most,
                    BatchSize::Rows(_) => true,
                };
                if fits && keys.iter().all(|key| !texts.contains(key)) {
                    texts.extend(keys);
                    tokens += lengths[row];
                    batch.push(row);
                } else {
                    passed_over.push(row);
                }
            }
            // They come first in the next batch, in their order.
            passed_over
                .into_iter()
                .rev()
                .for_each(|row| left.push_front(row));
            batches.push(batch);
        }
        batches
    }

    fn is_full(&self, batch: &[usize], tokens: usize) -> bool {
        match self.batch_size {
            BatchSize::Rows(rows) => batch.len() == rows,
            BatchSize::Tokens(most) => tokens >= most,
        }
    }

    /// Returns the number of rows in a pool. Pools consist of whole batches and have about equal
    /// size: the batches of a small last pool would mix very different lengths.
    fn pool_size(&self, lengths: &[usize]) -> usize {
        let rows = lengths.len().max(1);
        let batch_rows = match self.batch_size {
            BatchSize::Rows(rows) => rows,
            // Rows of mean length.
            BatchSize::Tokens(tokens) => {
                let all = lengths.iter().sum::<usize>().max(1);
                (tokens.saturating_mul(rows) / all).clamp(1, rows)
            }
        };
        let batches = rows.div_ceil(batch_rows);
        let pools = batches.div_ceil(POOL_BATCHES);
        batches.div_ceil(pools) * batch_rows
    }
}

fn cut_by_tokens(rows: &[usize], lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let (mut batch, mut taken) = (Vec::new(), 0);
    for &row in rows {
        if !batch.is_empty() && taken + lengths[row] > tokens {
            batches.push(std::mem::take(&mut batch));
            taken = 0;
        }
        taken += lengths[row];
        batch.push(row);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// Returns batches for prediction, in descending order of length. If memory is insufficient, the
/// first batch fails rather than the last.
///
/// ```
/// let batches = finetune_data::sorted_by_length(&[3, 9, 3, 5], 2)?;
/// assert_eq!(batches, [[1, 3], [0, 2]]);
/// # Ok::<(), finetune_data::DataError>(())
/// ```
///
/// # Errors
/// - [`DataError::InvalidSetting`] if the batch size is 0 rows or 0 tokens.
pub fn sorted_by_length(
    lengths: &[usize],
    batch_size: impl Into<BatchSize>,
) -> Result<Vec<Vec<usize>>, DataError> {
    let sampler = Sampler::new(SamplingStrategy::Sequential, batch_size, 0)?;
    let mut rows: Vec<usize> = (0..lengths.len()).collect();
    rows.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    Ok(sampler.batch_size.cut(&rows, lengths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_size_zero_is_refused() {
        assert!(matches!(
            Sampler::new(SamplingStrategy::Random, 0, 1),
            Err(DataError::InvalidSetting { .. })
        ));
        assert!(matches!(
            sorted_by_length(&[1], 0),
            Err(DataError::InvalidSetting { .. })
        ));
    }

    #[test]
    fn epochs_and_seeds_differ() {
        let lengths: Vec<usize> = (0..100).map(|row| row % 7).collect();
        for order in [SamplingStrategy::Random, SamplingStrategy::GroupByLength] {
            let sampler = Sampler::new(order, 8, 1).unwrap();
            let other = Sampler::new(order, 8, 2).unwrap();
            assert_ne!(sampler.batches(&lengths, 0), sampler.batches(&lengths, 1));
            assert_ne!(sampler.batches(&lengths, 0), other.batches(&lengths, 0));
        }
    }

    #[test]
    fn buckets_hold_rows_of_about_one_length() {
        // Lengths of 20 to 100 tokens, as in a news corpus.
        let lengths: Vec<usize> = (0..5000).map(|row: usize| 20 + row * 7919 % 81).collect();
        let padded = |order| {
            let batches = Sampler::new(order, 32, 3).unwrap().batches(&lengths, 0);
            let num_tokens: usize = batches
                .iter()
                .map(|batch| batch.len() * batch.iter().map(|&row| lengths[row]).max().unwrap())
                .sum();
            1.0 - lengths.iter().sum::<usize>() as f64 / num_tokens as f64
        };
        assert!(padded(SamplingStrategy::GroupByLength) < 0.05);
        assert!(padded(SamplingStrategy::Random) > 0.2);
    }

    /// Every row is in one batch, no text twice in a batch, and a step is found by counting.
    #[test]
    fn no_text_is_twice_in_a_batch() {
        // Ten texts, each in four rows.
        let keys: Vec<Vec<u64>> = (0..40).map(|row| vec![row / 4, 100 + row]).collect();
        let lengths: Vec<usize> = (0..40).map(|row| 1 + row % 5).collect();
        for size in [BatchSize::Rows(8), BatchSize::Tokens(20)] {
            let sampler = Sampler::new(SamplingStrategy::NoDuplicates, size, 3).unwrap();
            let sampler = sampler.with_text_keys(keys.clone());
            assert!(!sampler.epochs_are_alike());
            for epoch in 0..3 {
                let batches = sampler.batches(&lengths, epoch);
                assert_eq!(sampler.batch_count(&lengths, epoch), batches.len());
                for batch in &batches {
                    let texts: HashSet<u64> = batch.iter().map(|row| keys[*row][0]).collect();
                    assert_eq!(texts.len(), batch.len());
                    if size == BatchSize::Tokens(20) {
                        assert!(batch.iter().map(|row| lengths[*row]).sum::<usize>() <= 20);
                    }
                }
                let mut rows = batches.concat();
                rows.sort_unstable();
                assert_eq!(rows, (0..40).collect::<Vec<_>>());
            }
            let all: Vec<_> = sampler.steps(&lengths, 0).take(20).collect();
            let later: Vec<_> = sampler.steps(&lengths, 9).take(11).collect();
            assert_eq!(later, all[9..]);
            assert!(all.iter().any(|step| step.epoch == 2));
        }
    }

    #[test]
    fn an_epoch_of_no_rows_has_no_batches() {
        for order in [
            SamplingStrategy::Sequential,
            SamplingStrategy::Random,
            SamplingStrategy::GroupByLength,
            SamplingStrategy::NoDuplicates,
        ] {
            assert!(
                Sampler::new(order, 4, 0)
                    .unwrap()
                    .batches(&[], 0)
                    .is_empty()
            );
        }
    }

    #[test]
    fn orders_read_as_the_words_of_a_config_file() {
        let order = |text: &str| serde_json::from_str::<SamplingStrategy>(text).unwrap();
        assert_eq!(order("\"group_by_length\""), SamplingStrategy::default());
        assert_eq!(order("\"random\""), SamplingStrategy::Random);
    }
}
