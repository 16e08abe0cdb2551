//! Settings of a comparison.

use serde::{Deserialize, Serialize};

use crate::statistics::{Adjustment, Design};

/// Settings of a comparison of groups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComparisonConfig {
    /// Design: Welch's t test for independent seeds, or the paired t test (default: independent).
    pub design: Design,
    /// Significance level for the p-value (adjusted, in a table), in `(0, 1)` (default: 0.05).
    /// Confidence intervals have the level `1 - alpha`.
    pub alpha: f64,
    /// Adjustment of the p-values of a table (default: Holm).
    pub adjustment: Adjustment,
    /// Power for the number of seeds needed, in `(0, 1)` (default: 0.8).
    pub power: f64,
    /// Smallest difference of interest, above 0, for the number of seeds needed (default: `None`,
    /// the observed difference, which is imprecise with few seeds).
    pub min_detectable_difference: Option<f64>,
    /// Whether lower scores are better, such as losses and error rates (default: false).
    pub lower_is_better: bool,
}

impl Default for ComparisonConfig {
    fn default() -> Self {
        Self {
            design: Design::Independent,
            alpha: 0.05,
            adjustment: Adjustment::Holm,
            power: 0.8,
            min_detectable_difference: None,
            lower_is_better: false,
        }
    }
}
