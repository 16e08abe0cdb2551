//! Rows that trials are compared on.

use serde::{Deserialize, Serialize};

/// Rows that trials are compared on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvalSplit {
    /// Test rows; for comparing variants.
    #[default]
    Test,
    /// Validation rows; for selecting settings.
    Validation,
}
