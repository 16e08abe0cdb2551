//! Reading of tokenizer files.

use std::fs;
use std::path::Path;

use finetune_storage::placeholder;
use serde_json::{Map, Value};

use crate::error::DataError;

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file that must have content.
///
/// # Errors
/// - [`DataError::Io`] if it cannot be read.
/// - [`DataError::InvalidFile`] if it is empty, a Git LFS pointer or an HTML page.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let bytes = fs::read(path).map_err(|source| DataError::io(path, source))?;
    if bytes.is_empty() {
        return Err(DataError::empty_file(path));
    }
    match placeholder(&bytes) {
        Some(found) => Err(DataError::file(path, format!("the file is {found}"))),
        None => Ok(bytes),
    }
}

/// Returns the JSON object in a file; empty if the file does not exist.
pub(super) fn read_object(path: &Path) -> Result<Map<String, Value>, DataError> {
    if !path.exists() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&read(path)?).map_err(|source| DataError::json(path, source))
}
