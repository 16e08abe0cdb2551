//! Statistical tests, confidence intervals, effect sizes and power analysis of scores.
//!
//! Scores vary with seeds and samples, so a claim that one is better needs a test:
//!
//! | compared | test |
//! |---|---|
//! | two groups of a study, one score per seed | [`TTest::welch`]; with paired seeds [`TTest::paired`] and [`Wilcoxon`]; [`Comparison`] with a [`SignificanceTest`] |
//! | predictions of two classifiers on the same rows | [`McNemar`] |
//! | any metric of two systems on the same rows | [`Bootstrap::paired`], [`PermutationTest::paired`] |
//! | any metric of one system | [`Bootstrap::interval`] |
//! | many groups | a [`ComparisonTable`] with p-values corrected by an [`Adjustment`] |
//!
//! All p-values are two-sided. Differences are first sample minus second. Results match SciPy and
//! statsmodels to nine digits; where these return NaN, the error here states the reason.
//!
//! Random numbers are keyed by the seed and the number of the resample, so results depend neither
//! on the number of threads nor on the machine.
//!
//! # Example
//!
//! ```
//! use finetune_eval::statistics::{ScoreGroup, Comparison, ComparisonConfig, Verdict};
//!
//! # fn main() -> Result<(), finetune_eval::EvalError> {
//! let frozen = ScoreGroup::new("frozen", [0.781, 0.779, 0.784, 0.780, 0.782]);
//! let tuned = ScoreGroup::new("fine-tuned", [0.826, 0.831, 0.829, 0.824, 0.833]);
//! let comparison = Comparison::new(&tuned, &frozen, &ComparisonConfig::default())?;
//! assert_eq!(comparison.verdict(), Verdict::Better);
//! println!("{comparison}"); // fine-tuned is better than frozen by 0.0474 ...
//! # Ok(())
//! # }
//! ```

mod adjustment;
mod bootstrap;
mod comparison;
mod comparison_table;
mod effect_size;
mod interval;
mod mcnemar;
mod noncentral_t;
mod paired_bootstrap;
mod power;
mod randomization;
mod ranks;
mod sample;
mod sample_summary;
mod significance;
mod student_t;
mod t_test;
mod wilcoxon;

pub use adjustment::Adjustment;
pub use bootstrap::{Bootstrap, BootstrapEstimate, BootstrapMethod};
pub use comparison::{Comparison, ComparisonConfig, GroupSummary, SampleSize, ScoreGroup, Verdict};
pub use comparison_table::ComparisonTable;
pub use effect_size::EffectSize;
pub use interval::ConfidenceInterval;
pub use mcnemar::{McNemar, McNemarMethod, McNemarTest};
pub use noncentral_t::noncentral_t_cdf;
pub use paired_bootstrap::PairedBootstrap;
pub use power::TTestPower;
pub use randomization::{PermutationTest, PermutationTestResult};
pub(crate) use ranks::Ranks;
pub(crate) use sample::{magnitude, quantile};
pub use sample_summary::{SampleSummary, Spread};
pub use significance::{SignificanceTest, p_value_text};
pub use t_test::{Design, TTest};
pub use wilcoxon::{NullDistribution, Wilcoxon, WilcoxonTest, ZeroMethod};
