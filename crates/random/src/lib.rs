//! Stateless (keyed) random number generation.
//!
//! A stream of random numbers has a position, which depends on all previous draws: on the number of
//! threads, on the batches skipped by a resumed run, on the order in which parameters were created.
//! Here every draw has a **key** instead: the seed of the run, the purpose of the draw, and its
//! position (such as the epoch). The key seeds a ChaCha8 generator. Different keys give independent
//! streams, and equal keys give equal streams on every machine.
//!
//! ```
//! use finetune_random::{Purpose, permutation};
//!
//! let first = permutation(7, Purpose::Shuffle, 0, 5);
//! assert_eq!(first, permutation(7, Purpose::Shuffle, 0, 5)); // the same seed, the same epoch
//! assert_ne!(first, permutation(7, Purpose::Shuffle, 1, 5)); // another epoch
//! ```

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// Purpose of a draw; draws for different purposes never share a stream.
///
/// The numbers are part of the key and must never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u64)]
pub enum Purpose {
    /// Initial values of parameters; keyed by the name of the parameter.
    Initialization = 1,
    /// Order of the rows in an epoch.
    Shuffle = 2,
    /// Order of the batches in an epoch, after rows are batched by length.
    BatchOrder = 3,
    /// Dropout masks; keyed by step and position in the network.
    Dropout = 4,
    /// Rows kept in a subset of a dataset.
    Subset = 5,
    /// Assignment of rows to splits and folds.
    Split = 6,
    /// Masked tokens and their replacements in masked language modeling; keyed by epoch and row.
    Masking = 7,
    /// Resamples of a bootstrap or permutation test; keyed by the index of the resample.
    Resampling = 8,
    /// Tasks sampled for training steps.
    TaskSampling = 9,
    /// Order in which task gradients are projected onto each other (gradient surgery).
    GradientSurgery = 10,
    /// Values tried by a random search; keyed by the index of the draw and the name of the setting.
    Search = 11,
    /// Boundaries and random second segments of sentence pairs; keyed by text and position in it.
    NextSentence = 12,
    /// Rows that are copied by augmentation, and the words in the copies; keyed by the index of the
    /// row and of the copy.
    Augmentation = 13,
    /// Pairs of rows of equal and of other classes; keyed by the index of the row.
    ClassPairs = 14,
    /// Random documents in the list of a query; keyed by the index of the query.
    Negatives = 15,
}

/// Returns the generator for a key: seed, purpose and two coordinates chosen by the caller, such as
/// epoch and shard, or step and layer.
pub fn generator(seed: u64, purpose: Purpose, first: u64, second: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    for (bytes, part) in key
        .chunks_exact_mut(8)
        .zip([seed, purpose as u64, first, second])
    {
        bytes.copy_from_slice(&part.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Returns one random number for a key, for code that derives further numbers itself (such as
/// dropout kernels).
pub fn number(seed: u64, purpose: Purpose, first: u64, second: u64) -> u64 {
    generator(seed, purpose, first, second).next_u64()
}

/// Returns the numbers `0..length` in the random order for a key.
pub fn permutation(seed: u64, purpose: Purpose, epoch: u64, length: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    order.shuffle(&mut generator(seed, purpose, epoch, 0));
    order
}

/// Returns the coordinate for a name, such as that of a parameter: 64-bit FNV-1a, equal on every
/// machine.
pub fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_do_not_collide() {
        let mut seen = HashSet::new();
        for seed in 0..4 {
            for purpose in [Purpose::Initialization, Purpose::Shuffle, Purpose::Dropout] {
                for first in 0..4 {
                    for second in 0..4 {
                        assert!(seen.insert(number(seed, purpose, first, second)));
                    }
                }
            }
        }
    }

    /// A changed value here makes published runs irreproducible.
    #[test]
    fn streams_never_change() {
        assert_eq!(number(0, Purpose::Dropout, 0, 0), 2_308_785_458_646_203_325);
        assert_eq!(
            permutation(42, Purpose::Shuffle, 3, 8),
            [1, 2, 3, 5, 6, 4, 7, 0]
        );
        assert_eq!(name_hash("encoder.layer.0"), 6_343_147_396_078_294_706);
    }

    #[test]
    fn names_have_the_published_hash() {
        // Test vectors of the FNV authors.
        assert_eq!(name_hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(name_hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(name_hash("foobar"), 0x8594_4171_f739_67e8);
    }

    proptest! {
        #[test]
        fn a_permutation_visits_every_row_once(seed: u64, epoch in 0u64..50, length in 0usize..500) {
            let mut order = permutation(seed, Purpose::Shuffle, epoch, length);
            order.sort_unstable();
            prop_assert_eq!(order, (0..length).collect::<Vec<_>>());
        }
    }
}
