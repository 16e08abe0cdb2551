//! Validation of input rows and settings.

use crate::error::EvalError;

/// Checks that a row has one finite value per class and a label in `0..classes`.
pub(crate) fn checked_row<S: Copy + Into<f64>>(
    row: u64,
    label: usize,
    numbers: &[S],
    classes: usize,
    what: &str,
) -> Result<Vec<f64>, EvalError> {
    check_class(row, "label", label, classes)?;
    if numbers.len() != classes {
        let expected = format!("{classes} (one per class)");
        return Err(EvalError::row(
            row,
            "number of values",
            numbers.len(),
            expected,
        ));
    }
    let numbers: Vec<f64> = numbers.iter().map(|number| (*number).into()).collect();
    for (class, number) in numbers.iter().enumerate() {
        finite(row, *number, || format!("{what} of class {class}"))?;
    }
    Ok(numbers)
}

/// Checks that a label or prediction is in `0..classes`.
pub(crate) fn check_class(
    row: u64,
    what: &str,
    class: usize,
    classes: usize,
) -> Result<(), EvalError> {
    match class < classes {
        true => Ok(()),
        false => Err(EvalError::row(
            row,
            what,
            class,
            format!("a class below {classes}"),
        )),
    }
}

/// Returns the number if it is finite; `what` names it in the error.
pub(crate) fn finite(row: u64, number: f64, what: impl Fn() -> String) -> Result<f64, EvalError> {
    match number.is_finite() {
        true => Ok(number),
        false => Err(EvalError::row(row, what(), number, "a finite number")),
    }
}

/// Checks that two lists are equally long.
pub(crate) fn check_lengths(first: usize, second: usize) -> Result<(), EvalError> {
    match first == second {
        true => Ok(()),
        false => Err(EvalError::LengthMismatch { first, second }),
    }
}

/// Checks that there are as many predictions as labels, and at least one.
pub(crate) fn check_pairs(labels: usize, predictions: usize) -> Result<(), EvalError> {
    check_lengths(labels, predictions)?;
    some_rows(labels as u64).map(drop)
}

/// Returns the number of rows, or an error if it is 0.
pub(crate) fn some_rows(rows: u64) -> Result<f64, EvalError> {
    match rows {
        0 => Err(EvalError::NoRows),
        rows => Ok(rows as f64),
    }
}

/// Checks that a row index is in `0..rows`.
pub(crate) fn check_row(row: usize, rows: usize) -> Result<(), EvalError> {
    match row < rows {
        true => Ok(()),
        false => Err(EvalError::setting(
            "row",
            row,
            format!("below {rows} (number of rows)"),
        )),
    }
}

/// Checks that a confidence level, coverage, error rate or power is in `(0, 1)`.
pub(crate) fn check_share(setting: &'static str, share: f64) -> Result<(), EvalError> {
    match share > 0.0 && share < 1.0 {
        true => Ok(()),
        false => Err(EvalError::setting(setting, share, "in (0, 1)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_at_or_beyond_the_ends_are_refused() {
        for share in [0.0, 1.0, -0.1, 95.0, f64::NAN] {
            let error = check_share("power", share).unwrap_err().to_string();
            assert_eq!(error, format!("power is {share}, expected in (0, 1)"));
        }
    }
}
