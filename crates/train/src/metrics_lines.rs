//! Reader of `metrics.jsonl`, which contains all steps of a run, including those before it was
//! resumed.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::error::TrainError;

/// Reads all valid JSON lines; the last line of a killed run may be incomplete.
///
/// # Errors
/// - [`TrainError::Io`] if the file cannot be read.
pub(crate) fn metrics_lines(path: &Path) -> Result<Vec<Value>, TrainError> {
    let text = fs::read_to_string(path).map_err(TrainError::io(path))?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.filter_map(Result::ok).collect())
}
