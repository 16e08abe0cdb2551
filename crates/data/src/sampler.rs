//! Which rows make a batch, and when.

use finetune_random::{Purpose, permutation};
use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// The batches from which one pool of similar lengths is cut.
///
/// A larger pool pads less and mixes less: rows of one length meet more often. Share of padded
/// slots measured at batch 32 with BERT's uncased vocabulary, mean of five epochs (4,990 rows are
/// 156 batches: at 100 they make two pools of 78):
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

/// The order of the rows in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As in the data set.
    Sequential,
    /// A new random order each epoch.
    Shuffled,
    /// A new random order each epoch in which the rows of a batch are about equally long.
    #[default]
    BucketedByLength,
}

/// How much goes into a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchSize {
    /// So many rows; the last batch of an epoch may have fewer.
    Rows(usize),
    /// As many rows as fit into so many token slots once they are padded to the longest of them:
    /// many short rows or a few long ones, for about the same work and memory. A row that is
    /// longer than that is a batch of its own.
    Tokens(usize),
}

impl BatchSize {
    /// Cuts rows into batches of this size, in the order given. `lengths` has the tokens of every
    /// row of the data set.
    ///
    /// ```
    /// use finetune_data::BatchSize;
    ///
    /// let lengths = [9, 3, 5, 2];
    /// assert_eq!(BatchSize::Rows(3).cut(&[3, 2, 1, 0], &lengths), [vec![3, 2, 1], vec![0]]);
    /// assert_eq!(BatchSize::Tokens(10).cut(&[3, 2, 1, 0], &lengths), [vec![3, 2], vec![1], vec![0]]);
    /// ```
    ///
    /// # Panics
    /// For a size of no rows, and for a row that is not in the data set.
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

/// Cuts the rows of an epoch into batches.
///
/// The batches are a function of the seed and the epoch alone, so a run that stopped at any step
/// goes on from there ([`Sampler::steps`]).
///
/// ```
/// use finetune_data::{BatchSize, Order, Sampler};
///
/// let sampler = Sampler::new(Order::Shuffled, 2, 7)?;
/// let batches = sampler.batches(&[9, 3, 5], 0);
/// assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
/// assert_eq!(batches, sampler.batches(&[9, 3, 5], 0));
///
/// let sampler = Sampler::new(Order::Sequential, BatchSize::Tokens(12), 7)?;
/// assert_eq!(sampler.batches(&[9, 3, 5, 2], 0), [vec![0], vec![1, 2], vec![3]]);
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampler {
    order: Order,
    batch_size: BatchSize,
    seed: u64,
}

/// One batch on the way through the epochs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 0, over all epochs.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// Its place in the epoch, from 0.
    pub batch: usize,
    /// The positions of its rows.
    pub rows: Vec<usize>,
}

impl Sampler {
    /// A sampler of batches of `batch_size` rows, or of another [`BatchSize`].
    ///
    /// # Errors
    /// [`DataError::BatchSizeZero`].
    pub fn new(
        order: Order,
        batch_size: impl Into<BatchSize>,
        seed: u64,
    ) -> Result<Self, DataError> {
        let batch_size = batch_size.into();
        match batch_size {
            BatchSize::Rows(0) | BatchSize::Tokens(0) => Err(DataError::BatchSizeZero),
            _ => Ok(Self {
                order,
                batch_size,
                seed,
            }),
        }
    }

    /// The order of the rows.
    pub fn order(&self) -> Order {
        self.order
    }

    /// How much goes into a batch.
    pub fn batch_size(&self) -> BatchSize {
        self.batch_size
    }

    /// The seed of every epoch's order.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The batches of an epoch, in number. With [`BatchSize::Rows`] every epoch has as many.
    pub fn batch_count(&self, lengths: &[usize], epoch: u64) -> usize {
        match self.batch_size {
            BatchSize::Rows(rows) => lengths.len().div_ceil(rows),
            BatchSize::Tokens(_) => self.batches(lengths, epoch).len(),
        }
    }

    /// The batches of an epoch: positions of rows, each row exactly once.
    ///
    /// `lengths` has the tokens of each row; [`Order::BucketedByLength`] and
    /// [`BatchSize::Tokens`] look at them, the others only count them.
    pub fn batches(&self, lengths: &[usize], epoch: u64) -> Vec<Vec<usize>> {
        match self.order {
            Order::Sequential => self
                .batch_size
                .cut(&(0..lengths.len()).collect::<Vec<_>>(), lengths),
            Order::Shuffled => self
                .batch_size
                .cut(&self.shuffled(lengths.len(), epoch), lengths),
            Order::BucketedByLength => self.bucketed(lengths, epoch),
        }
    }

    /// The batches of one epoch after the other, without end, from the given step on.
    ///
    /// Without rows there are no batches, and the iterator ends at once.
    ///
    /// ```
    /// use finetune_data::{Order, Sampler};
    ///
    /// let lengths = [9, 3, 5];
    /// let sampler = Sampler::new(Order::Shuffled, 2, 7)?;
    /// let all: Vec<_> = sampler.steps(&lengths, 0).take(6).collect();
    /// assert_eq!((all[3].epoch, all[3].batch), (1, 1));
    /// let resumed: Vec<_> = sampler.steps(&lengths, 3).take(3).collect();
    /// assert_eq!(resumed, all[3..]);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    pub fn steps(&self, lengths: &[usize], start: u64) -> impl Iterator<Item = Step> {
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
            .map(|((epoch, batch, rows), step)| Step {
                step,
                epoch,
                batch,
                rows,
            })
    }

    /// The epoch of a step, and its place in that epoch.
    fn locate(&self, lengths: &[usize], step: u64) -> (u64, usize) {
        if lengths.is_empty() {
            return (0, 0);
        }
        if let BatchSize::Rows(rows) = self.batch_size {
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
            // Stable: rows of one length stay in their random order.
            pool.sort_by_key(|&row| lengths[row]);
            batches.extend(self.batch_size.cut(pool, lengths));
        }
        // Sorted pools would make every few steps a run from short to long.
        let order = permutation(self.seed, Purpose::BatchOrder, epoch, batches.len());
        order
            .into_iter()
            .map(|batch| std::mem::take(&mut batches[batch]))
            .collect()
    }

    /// The rows of a pool: whole batches, and pools of about equal size, for a small last pool
    /// would have batches of very different lengths.
    fn pool_size(&self, lengths: &[usize]) -> usize {
        let rows = lengths.len().max(1);
        let batch_rows = match self.batch_size {
            BatchSize::Rows(rows) => rows,
            // Of rows of the mean length.
            BatchSize::Tokens(tokens) => {
                (tokens * rows / lengths.iter().sum::<usize>().max(1)).clamp(1, rows)
            }
        };
        let batches = rows.div_ceil(batch_rows);
        let pools = batches.div_ceil(POOL_BATCHES);
        batches.div_ceil(pools) * batch_rows
    }
}

fn cut_by_tokens(rows: &[usize], lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let (mut batch, mut longest) = (Vec::new(), 0);
    for &row in rows {
        let length = lengths[row].max(longest);
        if !batch.is_empty() && (batch.len() + 1) * length > tokens {
            batches.push(std::mem::take(&mut batch));
            longest = lengths[row];
        } else {
            longest = length;
        }
        batch.push(row);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// Batches for prediction, where no order is better than another: by length, the longest first,
/// so that what does not fit the memory fails in the first batch and not in the last.
///
/// ```
/// let batches = finetune_data::sorted_by_length(&[3, 9, 3, 5], 2)?;
/// assert_eq!(batches, [[1, 3], [0, 2]]);
/// # Ok::<(), finetune_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::BatchSizeZero`].
pub fn sorted_by_length(
    lengths: &[usize],
    batch_size: impl Into<BatchSize>,
) -> Result<Vec<Vec<usize>>, DataError> {
    let sampler = Sampler::new(Order::Sequential, batch_size, 0)?;
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
            Sampler::new(Order::Shuffled, 0, 1),
            Err(DataError::BatchSizeZero)
        ));
        assert!(matches!(
            sorted_by_length(&[1], 0),
            Err(DataError::BatchSizeZero)
        ));
    }

    #[test]
    fn epochs_and_seeds_differ() {
        let lengths: Vec<usize> = (0..100).map(|row| row % 7).collect();
        for order in [Order::Shuffled, Order::BucketedByLength] {
            let sampler = Sampler::new(order, 8, 1).unwrap();
            let other = Sampler::new(order, 8, 2).unwrap();
            assert_ne!(sampler.batches(&lengths, 0), sampler.batches(&lengths, 1));
            assert_ne!(sampler.batches(&lengths, 0), other.batches(&lengths, 0));
        }
    }

    #[test]
    fn buckets_hold_rows_of_about_one_length() {
        // Texts as long as in a news corpus, 20 to 100 tokens.
        let lengths: Vec<usize> = (0..5000).map(|row: usize| 20 + row * 7919 % 81).collect();
        let padded = |order| {
            let batches = Sampler::new(order, 32, 3).unwrap().batches(&lengths, 0);
            let slots: usize = batches
                .iter()
                .map(|batch| batch.len() * batch.iter().map(|&row| lengths[row]).max().unwrap())
                .sum();
            1.0 - lengths.iter().sum::<usize>() as f64 / slots as f64
        };
        assert!(padded(Order::BucketedByLength) < 0.05);
        assert!(padded(Order::Shuffled) > 0.2);
    }

    #[test]
    fn an_epoch_of_no_rows_has_no_batches() {
        for order in [Order::Sequential, Order::Shuffled, Order::BucketedByLength] {
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
        let order = |text: &str| serde_json::from_str::<Order>(text).unwrap();
        assert_eq!(order("\"bucketed_by_length\""), Order::default());
        assert_eq!(order("\"shuffled\""), Order::Shuffled);
    }
}
