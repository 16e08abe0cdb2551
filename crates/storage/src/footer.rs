//! Footer of an array file, which describes its content.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::blocks::checksum;
use crate::error::StorageError;

/// First and last bytes of every array file; the digit is the format version.
pub(crate) const MAGIC: [u8; 16] = *b"finetune arrays1";

/// Alignment of arrays in bytes, sufficient for every element type and for SIMD.
pub(crate) const ALIGNMENT: usize = 64;

/// Length of the fixed part at the end: length and checksum of the footer, and the magic bytes.
const TAIL: usize = 8 + 8 + MAGIC.len();

/// Arrays, checksums and metadata of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Footer {
    pub(crate) arrays: BTreeMap<String, ArrayLocation>,
    /// Number of bytes before the footer, which the block checksums cover.
    pub(crate) data_bytes: usize,
    pub(crate) block_sums: Vec<u64>,
    /// Completion time in nanoseconds since 1970. The modification time of the file is set to it,
    /// so a different one shows that the file was written to.
    pub(crate) sealed: u64,
    pub(crate) metadata: Value,
}

/// Location of an array.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ArrayLocation {
    /// Name of the element type.
    pub(crate) number: String,
    /// Byte offset of the first element.
    pub(crate) start: usize,
    /// Number of elements.
    pub(crate) length: usize,
}

impl Footer {
    /// Returns the bytes that follow the data.
    pub(crate) fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, StorageError> {
        let mut bytes = serde_json::to_vec(self).map_err(StorageError::metadata(path))?;
        let (length, sum) = (bytes.len() as u64, checksum(&bytes));
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes.extend_from_slice(&MAGIC);
        Ok(bytes)
    }

    /// Reads the footer of a file; rejects files of another format and incomplete files.
    pub(crate) fn of(path: &Path, file: &[u8]) -> Result<Self, StorageError> {
        if cfg!(target_endian = "big") || !file.starts_with(&MAGIC) {
            let path = path.to_path_buf();
            return Err(StorageError::UnknownFormat { path });
        }
        let corrupted = |what: &str| StorageError::corrupted(path, what);
        let Some((rest, tail)) = file.split_last_chunk::<TAIL>() else {
            return Err(corrupted("the file is too short"));
        };
        if !tail.ends_with(&MAGIC) {
            return Err(corrupted("the end of the file is missing"));
        }
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&tail[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let length = usize::try_from(number(0)).unwrap_or(usize::MAX);
        let start = rest.len().checked_sub(length);
        let start = start.ok_or_else(|| corrupted("the footer is longer than the file"))?;
        if checksum(&rest[start..]) != number(8) {
            return Err(corrupted("the footer is not what was written"));
        }
        let footer: Self = serde_json::from_slice(&rest[start..])
            .map_err(|_| corrupted("the footer is no footer"))?;
        if footer.data_bytes != start
            || footer.block_sums.len() != start.div_ceil(crate::blocks::BLOCK)
        {
            return Err(corrupted("the footer does not fit the file"));
        }
        Ok(footer)
    }
}
