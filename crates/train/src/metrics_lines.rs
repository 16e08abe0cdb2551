//! Reading `metrics.jsonl`, which holds all steps of a run, those before it was resumed, too.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::TrainError;

/// Every line that is JSON: the last of a run that was killed may be torn.
///
/// # Errors
/// [`TrainError::Io`] if the file cannot be read.
pub(crate) fn metrics_lines(path: &Path) -> Result<Vec<Value>, TrainError> {
    let text = fs::read_to_string(path).map_err(TrainError::io(path))?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.filter_map(Result::ok).collect())
}
