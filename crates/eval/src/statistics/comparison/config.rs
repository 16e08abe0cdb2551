//! The settings of a comparison.

use serde::{Deserialize, Serialize};

use crate::statistics::{Adjustment, Design};

/// How arms are compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComparisonConfig {
    /// Whether the arms share their seeds: Welch's test or the paired one.
    pub design: Design,
    /// p-value (adjusted, in a table) below which a difference is shown; in `(0, 1)`. Intervals
    /// have the level `1 - alpha`.
    pub alpha: f64,
    /// How a table adjusts its p-values; a single comparison needs none.
    pub adjustment: Adjustment,
    /// Power for which further seeds are counted, in `(0, 1)`.
    pub power: f64,
    /// The smallest difference that matters, above 0: further seeds are counted for it. None for the
    /// observed one, which few seeds know badly.
    pub smallest_difference: Option<f64>,
    /// Whether lower scores are better, as of a loss or an error rate.
    pub lower_is_better: bool,
}

impl Default for ComparisonConfig {
    fn default() -> Self {
        Self {
            design: Design::Independent,
            alpha: 0.05,
            adjustment: Adjustment::Holm,
            power: 0.8,
            smallest_difference: None,
            lower_is_better: false,
        }
    }
}
