//! Calibration: comparison of confidence and accuracy.

use serde::{Deserialize, Serialize};

use super::PredictedProbabilities;
use crate::error::EvalError;
use crate::exact_sum::sum;
use crate::predictions::first_largest;

/// Binning of confidences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Binning {
    /// Number of bins, at least 1 (default: 15, as in [Guo et al. 2017]; scikit-learn: 5).
    ///
    /// [Guo et al. 2017]: https://arxiv.org/abs/1706.04599
    pub bins: usize,
    /// Placement of the bin edges (default: equal widths).
    pub strategy: BinStrategy,
}

/// Placement of bin edges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinStrategy {
    /// Equal widths in `[0, 1]`; scikit-learn's `"uniform"`.
    #[default]
    Uniform,
    /// Quantiles, so that all bins have about the same number of rows; scikit-learn's `"quantile"`.
    Quantile,
}

impl Default for Binning {
    fn default() -> Self {
        Self {
            bins: 15,
            strategy: BinStrategy::Uniform,
        }
    }
}

/// Reliability: confidence and accuracy per bin, and calibration errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reliability {
    /// Bins by increasing confidence, without empty ones.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error (ECE), in `[0, 1]`: mean gap between confidence and accuracy over
    /// the rows.
    pub expected_calibration_error: f64,
    /// Maximum calibration error (MCE), in `[0, 1]`: largest gap of a bin.
    pub maximum_calibration_error: f64,
}

/// Rows of similar confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReliabilityBin {
    /// Lower edge, exclusive (inclusive in the first bin).
    pub lower: f64,
    /// Upper edge, inclusive.
    pub upper: f64,
    /// Number of rows, at least 1.
    pub rows: u64,
    /// Mean confidence.
    pub confidence: f64,
    /// Fraction of rows that are correct.
    pub accuracy: f64,
}

impl PredictedProbabilities {
    /// Returns the reliability of the most likely class's probability ([Guo et al. 2017]).
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    /// - [`EvalError::InvalidSetting`] if the number of bins is 0.
    ///
    /// ```
    /// use finetune_eval::{Binning, PredictedProbabilities};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// // Sure of both, and right once.
    /// let predicted = PredictedProbabilities::from_slices(&[0, 1], &[[0.9, 0.1], [0.9, 0.1]])?;
    /// let reliability = predicted.reliability(Binning::default())?;
    /// assert_eq!(reliability.bins[0].accuracy, 0.5);
    /// assert!((reliability.expected_calibration_error - 0.4).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [Guo et al. 2017]: https://arxiv.org/abs/1706.04599
    pub fn reliability(&self, binning: Binning) -> Result<Reliability, EvalError> {
        let of_likeliest = |(label, probabilities): (usize, &[f64])| {
            let prediction = first_largest(probabilities);
            (probabilities[prediction], prediction == label)
        };
        Reliability::new(self.each_row().map(of_likeliest).collect(), binning)
    }

    /// Returns the reliability of one class's probability: scikit-learn's [`calibration_curve`]
    /// with that class as the positive one.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    /// - [`EvalError::InvalidSetting`] if the class is not in `0..C`, or the number of bins is 0.
    ///
    /// [`calibration_curve`]: https://scikit-learn.org/stable/modules/generated/sklearn.calibration.calibration_curve.html
    pub fn reliability_of_class(
        &self,
        class: usize,
        binning: Binning,
    ) -> Result<Reliability, EvalError> {
        self.check_class(class)?;
        let of_class =
            |(label, probabilities): (usize, &[f64])| (probabilities[class], label == class);
        Reliability::new(self.each_row().map(of_class).collect(), binning)
    }
}

impl Reliability {
    fn new(mut rows: Vec<(f64, bool)>, binning: Binning) -> Result<Self, EvalError> {
        if rows.is_empty() {
            return Err(EvalError::NoRows);
        }
        if binning.bins == 0 {
            return Err(EvalError::setting("bins", 0, "at least 1"));
        }
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let edges = binning.edges(&rows);
        let mut bins = Vec::new();
        let mut rest = rows.as_slice();
        for (bin, edge) in edges.windows(2).enumerate() {
            // Rounding must not drop values above the last edge.
            let is_last = bin + 1 == binning.bins;
            let end = match is_last {
                true => rest.len(),
                false => rest.partition_point(|(confidence, _)| *confidence <= edge[1]),
            };
            let (members, others) = rest.split_at(end);
            rest = others;
            bins.extend(ReliabilityBin::new(edge[0], edge[1], members));
        }
        let distance = |bin: &ReliabilityBin| (bin.confidence - bin.accuracy).abs();
        let weighted = |bin: &ReliabilityBin| distance(bin) * bin.rows as f64;
        Ok(Self {
            expected_calibration_error: sum(bins.iter().map(weighted)) / rows.len() as f64,
            maximum_calibration_error: bins.iter().map(distance).fold(0.0, f64::max),
            bins,
        })
    }
}

impl ReliabilityBin {
    fn new(lower: f64, upper: f64, members: &[(f64, bool)]) -> Option<Self> {
        let rows = members.len() as f64;
        let right = members.iter().filter(|(_, right)| *right).count() as f64;
        (!members.is_empty()).then(|| Self {
            lower,
            upper,
            rows: members.len() as u64,
            confidence: sum(members.iter().map(|(confidence, _)| *confidence)) / rows,
            accuracy: right / rows,
        })
    }
}

impl Binning {
    /// Returns the bin edges; `rows` are sorted by confidence.
    fn edges(self, rows: &[(f64, bool)]) -> Vec<f64> {
        // Computed as in numpy.linspace, so that a confidence on an edge falls into the same bin.
        let step = 1.0 / self.bins as f64;
        let even = (0..=self.bins).map(|edge| match edge == self.bins {
            true => 1.0,
            false => edge as f64 * step,
        });
        match self.strategy {
            BinStrategy::Uniform => even.collect(),
            BinStrategy::Quantile => even.map(|share| quantile(rows, share)).collect(),
        }
    }
}

/// Interpolates between the two nearest rows, computed as in `numpy.percentile`.
fn quantile(rows: &[(f64, bool)], share: f64) -> f64 {
    let share = share * 100.0 / 100.0;
    let position = share * (rows.len() - 1) as f64;
    let below = position.floor().min((rows.len() - 1) as f64);
    let fraction = position - below;
    let low = rows[below as usize].0;
    let high = rows[(below as usize + 1).min(rows.len() - 1)].0;
    let between = match fraction >= 0.5 {
        true => high - (high - low) * (1.0 - fraction),
        false => low + (high - low) * fraction,
    };
    if high == low { low } else { between }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(confidences: &[f64], binning: Binning) -> Vec<u64> {
        let rows = confidences.iter().map(|confidence| (*confidence, true));
        let reliability = Reliability::new(rows.collect(), binning).unwrap();
        reliability.bins.iter().map(|bin| bin.rows).collect()
    }

    #[test]
    fn an_edge_belongs_to_the_bin_below() {
        let binning = Binning {
            bins: 4,
            ..Binning::default()
        };
        assert_eq!(bins(&[0.0, 0.25, 0.5, 0.51, 1.0], binning), [2, 1, 1, 1]);
    }

    #[test]
    fn bins_of_equal_count() {
        let binning = Binning {
            bins: 3,
            strategy: BinStrategy::Quantile,
        };
        assert_eq!(bins(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], binning), [2, 2, 2]);
        // Equal confidences cannot be told apart: all in one bin.
        assert_eq!(bins(&[0.7; 9], binning), [9]);
    }

    #[test]
    fn no_bins_and_no_rows_are_errors() {
        let none = Binning {
            bins: 0,
            ..Binning::default()
        };
        assert!(matches!(
            Reliability::new(vec![(0.5, true)], none),
            Err(EvalError::InvalidSetting { .. })
        ));
        let empty = Reliability::new(Vec::new(), Binning::default());
        assert_eq!(empty, Err(EvalError::NoRows));
    }

    #[test]
    fn settings_have_defaults_and_no_others() {
        let binning: Binning = serde_json::from_str(r#"{"strategy": "quantile"}"#).unwrap();
        assert_eq!(binning.bins, 15);
        assert!(serde_json::from_str::<Binning>(r#"{"bin": 3}"#).is_err());
    }
}
