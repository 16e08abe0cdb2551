//! Which rows a study is judged by.

use serde::{Deserialize, Serialize};

/// On which rows trials are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvalSplit {
    /// The test rows: for variants that are compared.
    #[default]
    Test,
    /// The rows held out while training: for settings that are chosen.
    Validation,
}
