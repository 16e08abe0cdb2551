//! Randomness that is addressed, not streamed.
//!
//! A stream of random numbers has a position, and the position depends on everything that drew
//! before: on the thread count, on the batches skipped by a resumed run, on the order in which
//! parameters were created. Here every draw has an **address** instead: the run's seed, what the
//! draw is for, and where it happens. The address is the key of a ChaCha8 generator, so two
//! addresses give independent streams and one address gives the same stream on every machine.
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

/// What a draw is for: draws for different purposes never share a stream.
///
/// The numbers are part of what makes a run repeatable; they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u64)]
pub enum Purpose {
    /// Values of new parameters; addressed by the parameter's name.
    Initialisation = 1,
    /// The order of rows in an epoch.
    Shuffle = 2,
    /// The order of batches in an epoch, once the rows are batched by length.
    BatchOrder = 3,
    /// Which activations are dropped; addressed by step and by place in the network.
    Dropout = 4,
    /// Which rows are kept when a data set is cut to fewer rows.
    Subset = 5,
    /// Which rows go to which part when a data set is split, and to which fold.
    Partition = 6,
    /// Which tokens are masked for masked language modelling, and what replaces them; addressed
    /// by epoch and row.
    Masking = 7,
    /// What a resample of a bootstrap or of a randomisation test is made of; addressed by the
    /// number of the resample.
    Resampling = 8,
    /// Which task a step visits, where tasks are drawn.
    TaskSampling = 9,
    /// In which order the gradients of tasks are projected on each other.
    GradientSurgery = 10,
    /// What a random search tries; addressed by the number of the draw and the name of the setting.
    Search = 11,
}

/// The generator of an address: seed, purpose and two coordinates of the caller's choice, such as
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

/// One number for an address, for code that hashes further by itself (dropout kernels do).
pub fn number(seed: u64, purpose: Purpose, first: u64, second: u64) -> u64 {
    generator(seed, purpose, first, second).next_u64()
}

/// The numbers `0..length` in the random order of an address.
pub fn permutation(seed: u64, purpose: Purpose, epoch: u64, length: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    order.shuffle(&mut generator(seed, purpose, epoch, 0));
    order
}

/// The coordinate of a name, such as a parameter's: 64-bit FNV-1a, the same on every machine.
pub fn name_coordinate(name: &str) -> u64 {
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
            for purpose in [Purpose::Initialisation, Purpose::Shuffle, Purpose::Dropout] {
                for first in 0..4 {
                    for second in 0..4 {
                        assert!(seen.insert(number(seed, purpose, first, second)));
                    }
                }
            }
        }
    }

    /// A changed value here means that published runs can no longer be repeated.
    #[test]
    fn streams_never_change() {
        assert_eq!(number(0, Purpose::Dropout, 0, 0), 2_308_785_458_646_203_325);
        assert_eq!(
            permutation(42, Purpose::Shuffle, 3, 8),
            [1, 2, 3, 5, 6, 4, 7, 0]
        );
        assert_eq!(
            name_coordinate("encoder.layer.0"),
            6_343_147_396_078_294_706
        );
    }

    #[test]
    fn names_have_the_published_hash() {
        // Test vectors of the FNV authors.
        assert_eq!(name_coordinate(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(name_coordinate("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(name_coordinate("foobar"), 0x8594_4171_f739_67e8);
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
