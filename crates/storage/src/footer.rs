//! The last part of a file: what is in it and where.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::blocks::checksum;
use crate::error::StorageError;

/// The first and the last bytes of every file; the digit is the version of the layout.
pub(crate) const MAGIC: [u8; 16] = *b"finetune arrays1";

/// Every array begins at a multiple of this: numbers of any type are aligned, also in vectors of
/// the processor.
pub(crate) const ALIGNMENT: usize = 64;

/// The footer's length, its checksum, and the magic.
const TAIL: usize = 8 + 8 + MAGIC.len();

/// What is in a file and where.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Footer {
    pub(crate) arrays: BTreeMap<String, Place>,
    /// The bytes before the footer, which the block checksums cover.
    pub(crate) data_bytes: usize,
    pub(crate) block_sums: Vec<u64>,
    /// When the file was completed, in nanoseconds since 1970; its modification time is set to
    /// just this, so that a file with another one was written to since.
    pub(crate) sealed: u64,
    pub(crate) metadata: Value,
}

/// Where an array is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The type of the numbers.
    pub(crate) number: String,
    /// The first byte.
    pub(crate) start: usize,
    /// The numbers, not bytes.
    pub(crate) length: usize,
}

impl Footer {
    /// The bytes that follow the data.
    pub(crate) fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, StorageError> {
        let mut bytes = serde_json::to_vec(self).map_err(StorageError::metadata(path))?;
        let (length, sum) = (bytes.len() as u64, checksum(&bytes));
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes.extend_from_slice(&MAGIC);
        Ok(bytes)
    }

    /// Reads the footer of a whole file, and refuses a file that is not ours or not whole.
    pub(crate) fn of(path: &Path, file: &[u8]) -> Result<Self, StorageError> {
        if cfg!(target_endian = "big") || !file.starts_with(&MAGIC) {
            let path = path.to_path_buf();
            return Err(StorageError::Foreign { path });
        }
        let damaged = |what: &str| StorageError::damaged(path, what);
        let Some((rest, tail)) = file.split_last_chunk::<TAIL>() else {
            return Err(damaged("the file is too short"));
        };
        if !tail.ends_with(&MAGIC) {
            return Err(damaged("the end of the file is missing"));
        }
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&tail[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let length = usize::try_from(number(0)).unwrap_or(usize::MAX);
        let start = rest.len().checked_sub(length);
        let start = start.ok_or_else(|| damaged("the footer is longer than the file"))?;
        if checksum(&rest[start..]) != number(8) {
            return Err(damaged("the footer is not what was written"));
        }
        let footer: Self = serde_json::from_slice(&rest[start..])
            .map_err(|_| damaged("the footer is no footer"))?;
        if footer.data_bytes != start
            || footer.block_sums.len() != start.div_ceil(crate::blocks::BLOCK)
        {
            return Err(damaged("the footer does not fit the file"));
        }
        Ok(footer)
    }
}
