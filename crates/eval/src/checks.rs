//! Validation of input rows.

use crate::EvalError;

/// Checks that a row has one finite value per class and a label in `0..classes`.
pub(crate) fn checked_row<S: Copy + Into<f64>>(
    row: u64,
    label: usize,
    numbers: &[S],
    classes: usize,
    what: &str,
) -> Result<Vec<f64>, EvalError> {
    if label >= classes {
        return Err(EvalError::LabelOutOfRange {
            row,
            label,
            classes,
        });
    }
    if numbers.len() != classes {
        return Err(EvalError::ClassCount {
            row,
            classes,
            found: numbers.len(),
        });
    }
    let numbers: Vec<f64> = numbers.iter().map(|number| (*number).into()).collect();
    for (class, number) in numbers.iter().enumerate() {
        finite(row, *number, || format!("{what} of class {class}"))?;
    }
    Ok(numbers)
}

/// Returns the number if it is finite; `what` names it in the error.
pub(crate) fn finite(row: u64, number: f64, what: impl Fn() -> String) -> Result<f64, EvalError> {
    if number.is_finite() {
        return Ok(number);
    }
    Err(EvalError::NotFinite {
        row,
        what: what(),
        found: number.to_string(),
    })
}

/// Checks that there are as many predictions as labels, and at least one.
pub(crate) fn pairs(labels: usize, predictions: usize) -> Result<(), EvalError> {
    if labels != predictions {
        return Err(EvalError::LengthMismatch {
            labels,
            predictions,
        });
    }
    match labels {
        0 => Err(EvalError::NoRows),
        _ => Ok(()),
    }
}
