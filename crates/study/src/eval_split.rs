//! Rows that trials are compared on.

use std::fmt;

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

/// Formats the split as in a study file.
impl fmt::Display for EvalSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Test => "test",
            Self::Validation => "validation",
        })
    }
}
