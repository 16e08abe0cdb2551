//! Temperature scaling: one number that makes the probabilities of a trained model honest.

use crate::error::EvalError;
use crate::predictions::softmax;
use crate::validate::some_rows;

/// Range of temperatures that are tried.
const RANGE: [f64; 2] = [0.01, 100.0];

/// Halvings of the range, in powers: enough for all digits.
const STEPS: usize = 100;

/// Returns the temperature that logits are divided by for the lowest log loss on held-out rows ([Guo et
/// al. 2017](https://arxiv.org/abs/1706.04599)), in `[0.01, 100]`. Above 1, the model was too sure of
/// itself. Predicted classes stay the same.
///
/// The log loss is convex in the reciprocal of the temperature, so the root of its slope is found by
/// bisection. A model that is right on every row has no best temperature; it gets the lowest.
///
/// # Errors
/// - [`EvalError::NoRows`] without rows, [`EvalError::LengthMismatch`] without one label per row.
/// - [`EvalError::InvalidRow`] for a row of fewer than two logits or other than finite ones, or a label
///   that is no class of its row.
///
/// ```
/// use finetune_eval::fit_temperature;
///
/// // Sure of itself, and wrong once in four rows: exp(4 / T) is to be 3.
/// let logits = [[4.0f32, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 0.0]];
/// let temperature = fit_temperature(&logits, &[0, 0, 1, 1])?;
/// assert!((temperature - 4.0 / 3f64.ln()).abs() < 1e-9);
/// # Ok::<(), finetune_eval::EvalError>(())
/// ```
pub fn fit_temperature(logits: &[impl AsRef<[f32]>], labels: &[usize]) -> Result<f64, EvalError> {
    check_rows(logits, labels)?;
    let [lowest, highest] = RANGE;
    let (mut low, mut high) = (lowest.ln(), highest.ln());
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        // The loss rises with the reciprocal: the temperature is to be higher.
        match slope(logits, labels, (-middle).exp()) > 0.0 {
            true => low = middle,
            false => high = middle,
        }
    }
    Ok(f64::midpoint(low, high).exp())
}

/// Checks that there are rows of finite logits, each with a label of its own.
pub(super) fn check_rows(logits: &[impl AsRef<[f32]>], labels: &[usize]) -> Result<(), EvalError> {
    if logits.len() != labels.len() {
        return Err(EvalError::LengthMismatch {
            first: labels.len(),
            second: logits.len(),
        });
    }
    some_rows(logits.len() as u64)?;
    for (row, (logits, label)) in logits.iter().zip(labels).enumerate() {
        let logits = logits.as_ref();
        let row = |what: &str, found: String, expected: String| EvalError::InvalidRow {
            row: row as u64,
            what: what.to_string(),
            found,
            expected,
        };
        if logits.len() < 2 {
            let expected = "at least 2".to_string();
            return Err(row("number of logits", logits.len().to_string(), expected));
        }
        if let Some(logit) = logits.iter().find(|logit| !logit.is_finite()) {
            return Err(row(
                "logit",
                logit.to_string(),
                "a finite number".to_string(),
            ));
        }
        if *label >= logits.len() {
            let expected = format!("a class below {}", logits.len());
            return Err(row("label", label.to_string(), expected));
        }
    }
    Ok(())
}

/// Slope of the log loss of the logits times a factor, with respect to the factor.
fn slope(logits: &[impl AsRef<[f32]>], labels: &[usize], factor: f64) -> f64 {
    let of_row = |(logits, label): (&[f32], usize)| {
        let scaled: Vec<f64> = logits
            .iter()
            .map(|logit| f64::from(*logit) * factor)
            .collect();
        let expected = softmax(&scaled).into_iter().zip(logits);
        let mean: f64 = expected
            .map(|(share, logit)| share * f64::from(*logit))
            .sum();
        mean - f64::from(logits[label])
    };
    let rows = logits.iter().map(AsRef::as_ref);
    rows.zip(labels.iter().copied()).map(of_row).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_always_right_gets_the_lowest() {
        let temperature = fit_temperature(&[[1.0, 0.0], [0.0, 2.0]], &[0, 1]).unwrap();
        assert!((temperature - RANGE[0]).abs() < 1e-9);
    }

    #[test]
    fn one_that_is_worse_than_chance_gets_the_highest() {
        let temperature = fit_temperature(&[[1.0, 0.0], [0.0, 2.0]], &[1, 0]).unwrap();
        assert!((temperature - RANGE[1]).abs() < 1e-6);
    }

    #[test]
    fn bad_rows_are_named() {
        for (logits, labels, message) in [
            (
                vec![],
                vec![],
                "no rows: a score needs at least one labeled prediction",
            ),
            (
                vec![vec![1.0, 2.0]],
                vec![],
                "lists of 0 and 1 values, expected one of each per row",
            ),
            (
                vec![vec![1.0, 2.0], vec![1.0]],
                vec![0, 0],
                "row 1: the number of logits is 1, expected at least 2",
            ),
            (
                vec![vec![1.0, f32::NAN]],
                vec![0],
                "row 0: the logit is NaN, expected a finite number",
            ),
            (
                vec![vec![1.0, 2.0]],
                vec![2],
                "row 0: the label is 2, expected a class below 2",
            ),
        ] {
            let error = fit_temperature(&logits, &labels).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
