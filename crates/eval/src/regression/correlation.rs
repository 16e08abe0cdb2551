//! Pearson and Spearman correlation.

use super::PredictedScores;
use crate::error::EvalError;
use crate::exact_sum::sum;
use crate::statistics::{Ranks, magnitude};

impl PredictedScores {
    /// Returns the Pearson correlation of labels and predictions, in `[-1, 1]`: SciPy's
    /// [`pearsonr`].
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    /// - [`EvalError::Undefined`] if there is only one row, or all labels or all predictions are
    ///   equal (SciPy: an error, and NaN).
    ///
    /// ```
    /// use finetune_eval::PredictedScores;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let predicted = PredictedScores::from_slices(&[1.0, 2.0, 3.0], &[10.0, 30.0, 20.0])?;
    /// assert!((predicted.pearson()? - 0.5).abs() < 1e-15);
    ///
    /// let collapsed = PredictedScores::from_slices(&[1.0, 2.0, 3.0], &[2.0, 2.0, 2.0])?;
    /// let error = collapsed.pearson().unwrap_err();
    /// assert_eq!(error.to_string(), "Pearson correlation is undefined: all predictions are equal");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`pearsonr`]: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.pearsonr.html
    pub fn pearson(&self) -> Result<f64, EvalError> {
        self.vary("Pearson correlation")?;
        Ok(correlation(&self.labels, &self.predictions))
    }

    /// Returns the Spearman correlation, in `[-1, 1]`: the Pearson correlation of the ranks, with
    /// mean ranks for ties. SciPy's [`spearmanr`].
    ///
    /// # Errors
    ///
    /// - The errors of [`pearson`](Self::pearson).
    ///
    /// [`spearmanr`]: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.spearmanr.html
    pub fn spearman(&self) -> Result<f64, EvalError> {
        self.vary("Spearman correlation")?;
        let [labels, predictions] = self.ranks();
        Ok(correlation(&labels, &predictions))
    }

    /// Returns how far the rank of each row by prediction is from its rank by label, with mean ranks for
    /// ties: what lowers the Spearman correlation.
    ///
    /// ```
    /// use finetune_eval::PredictedScores;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let scores = PredictedScores::from_slices(&[1.0, 2.0, 3.0], &[0.7, 0.9, 0.8])?;
    /// assert_eq!(scores.rank_distances(), [0.0, 1.0, 1.0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rank_distances(&self) -> Vec<f64> {
        let [labels, predictions] = self.ranks();
        let pairs = labels.iter().zip(predictions);
        pairs.map(|(label, found)| (label - found).abs()).collect()
    }

    /// Returns the ranks of the labels and of the predictions, with mean ranks for ties.
    fn ranks(&self) -> [Vec<f64>; 2] {
        [&self.labels, &self.predictions].map(|values| Ranks::of(values).mean_ranks())
    }

    /// Checks that neither labels nor predictions are constant.
    fn vary(&self, metric: &'static str) -> Result<(), EvalError> {
        self.some_rows()?;
        let constant = |numbers: &[f64]| numbers.iter().all(|number| *number == numbers[0]);
        let reason = match (constant(&self.labels), constant(&self.predictions)) {
            _ if self.labels.len() == 1 => "one row has no variance",
            (true, _) => "all labels are equal",
            (_, true) => "all predictions are equal",
            _ => return Ok(()),
        };
        Err(EvalError::undefined(metric, reason))
    }
}

/// Returns the correlation of numbers that are not all equal.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (deviations(a), deviations(b));
    let product = |a: &[f64], b: &[f64]| sum(a.iter().zip(b).map(|(a, b)| a * b));
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (product(&a, &b) / scale).clamp(-1.0, 1.0)
}

/// Returns deviations from the mean, scaled to at most 1 so that squares neither overflow nor
/// underflow.
fn deviations(numbers: &[f64]) -> Vec<f64> {
    let largest = magnitude(numbers);
    let scaled: Vec<f64> = numbers.iter().map(|number| number / largest).collect();
    let mean = sum(scaled.iter().copied()) / numbers.len() as f64;
    let deviations: Vec<f64> = scaled.iter().map(|number| number - mean).collect();
    let furthest = magnitude(&deviations);
    deviations
        .iter()
        .map(|deviation| deviation / furthest)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_correlate() {
        for scale in [1e-300, 1e-5, 1.0, 1e150, 1e308] {
            let labels = [0.25, 0.5, 0.75, 1.0].map(|label: f64| label * scale);
            let predicted = PredictedScores::from_slices(&labels, &[1.0, 2.0, 3.0, 4.0]).unwrap();
            let pearson = predicted.pearson().unwrap();
            assert!((pearson - 1.0).abs() < 1e-12, "{scale}: {pearson}");
        }
    }

    #[test]
    fn what_does_not_vary_is_named() {
        let refusal = |labels: &[f64], predictions: &[f64]| {
            let predicted = PredictedScores::from_slices(labels, predictions).unwrap();
            predicted.spearman().unwrap_err().to_string()
        };
        assert!(refusal(&[0.1; 3], &[1.0, 2.0, 3.0]).ends_with("all labels are equal"));
        assert!(refusal(&[1.0, 2.0, 3.0], &[0.1; 3]).ends_with("all predictions are equal"));
        assert!(refusal(&[1.0], &[0.1]).ends_with("one row has no variance"));
        assert_eq!(PredictedScores::new().pearson(), Err(EvalError::NoRows));
    }
}
