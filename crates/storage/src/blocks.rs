//! Block checksums of a file.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::error::StorageError;

/// Block size in bytes: large enough to make checksums cheap, small enough to avoid reading
/// megabytes for one row.
pub(crate) const BLOCK: usize = 256 << 10;

/// Returns the checksum of some bytes.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Incremental computation of block checksums.
#[derive(Default)]
pub(crate) struct BlockHasher {
    current: Xxh3,
    /// Number of bytes in the current block so far.
    filled: usize,
    sums: Vec<u64>,
}

impl BlockHasher {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.current.update(now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.end_block();
            }
            bytes = rest;
        }
    }

    fn end_block(&mut self) {
        self.sums.push(self.current.digest());
        self.current.reset();
        self.filled = 0;
    }

    pub(crate) fn finish(mut self) -> Vec<u64> {
        if self.filled > 0 {
            self.end_block();
        }
        self.sums
    }
}

/// Expected block checksums of a mapped file, and which blocks have been verified.
#[derive(Debug)]
pub(crate) struct Blocks {
    sums: Vec<u64>,
    checked: Vec<AtomicBool>,
}

impl Blocks {
    pub(crate) fn new(sums: Vec<u64>) -> Self {
        let checked = sums.iter().map(|_| AtomicBool::new(false)).collect();
        Self { sums, checked }
    }

    /// Verifies the blocks that contain the given bytes of `data`; each block is verified once.
    pub(crate) fn check(
        &self,
        path: &Path,
        data: &[u8],
        bytes: Range<usize>,
    ) -> Result<(), StorageError> {
        if bytes.is_empty() {
            return Ok(());
        }
        for block in bytes.start / BLOCK..bytes.end.div_ceil(BLOCK) {
            if self.checked[block].load(Ordering::Relaxed) {
                continue;
            }
            let start = block * BLOCK;
            let end = data.len().min(start + BLOCK);
            if checksum(&data[start..end]) != self.sums[block] {
                let what = format!("bytes {start} to {end} are not what was written");
                return Err(StorageError::corrupted(path, what));
            }
            self.checked[block].store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_give_the_same_sums() {
        let bytes: Vec<u8> = (0..2 * BLOCK + 77)
            .map(|index| (index % 251) as u8)
            .collect();
        let sums = |piece: usize| {
            let mut hasher = BlockHasher::default();
            bytes.chunks(piece).for_each(|piece| hasher.update(piece));
            hasher.finish()
        };
        let whole: Vec<u64> = bytes.chunks(BLOCK).map(checksum).collect();
        for piece in [1000, BLOCK - 1, BLOCK, BLOCK + 1, bytes.len()] {
            assert_eq!(sums(piece), whole);
        }
    }

    #[test]
    fn only_the_blocks_of_a_range_are_checked() {
        let mut bytes = vec![7u8; 3 * BLOCK];
        let blocks = Blocks::new(bytes.chunks(BLOCK).map(checksum).collect());
        bytes[BLOCK + 5] = 8;
        let check = |range: Range<usize>| blocks.check(Path::new("file"), &bytes, range);
        assert!(check(0..BLOCK).is_ok());
        assert!(check(2 * BLOCK..3 * BLOCK).is_ok());
        assert!(check(5..5).is_ok());
        assert!(check(BLOCK - 1..BLOCK + 1).is_err());
    }
}
