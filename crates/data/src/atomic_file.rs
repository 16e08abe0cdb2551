//! Atomic file writes.

use std::path::Path;

use finetune_storage::write_atomically;

use crate::error::DataError;

/// Writes a file with [`write_atomically`].
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), DataError> {
    write_atomically(path, content).map_err(|source| DataError::io(path, source))
}
