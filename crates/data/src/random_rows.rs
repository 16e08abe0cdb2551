//! Random choices of rows, without regard to their labels.

use finetune_random::{Purpose, permutation};

use crate::error::DataError;

/// Returns at most `rows` of `total` rows, chosen by `seed`, in their order.
pub(crate) fn random_rows(rows: usize, total: usize, seed: u64) -> Vec<usize> {
    let mut chosen = permutation(seed, Purpose::Subset, 0, total);
    chosen.truncate(rows);
    chosen.sort_unstable();
    chosen
}

/// Returns copies of the chosen rows, in the given order.
///
/// # Panics
/// If a row index is out of range.
pub(crate) fn select_rows<R: Clone>(rows: &[R], chosen: &[usize]) -> Vec<R> {
    chosen.iter().map(|row| rows[*row].clone()).collect()
}

/// Limits the training and test rows to the given numbers, by `subset`; `None` keeps all.
pub(crate) fn limited<D>(
    train: D,
    test: Option<D>,
    limits: [Option<usize>; 2],
    subset: impl Fn(&D, usize) -> D,
) -> (D, Option<D>) {
    let limited = |rows: D, limit: Option<usize>| match limit {
        Some(limit) => subset(&rows, limit),
        None => rows,
    };
    let [of_train, of_test] = limits;
    let test = test.map(|rows| limited(rows, of_test));
    (limited(train, of_train), test)
}

/// Returns a random part of the rows, at least one, for validation, and the rest, each in their order.
///
/// # Errors
/// - [`DataError::InvalidSetting`] if `fraction` is not in `(0, 1)`.
/// - [`DataError::InvalidSplit`] if there are fewer than two rows.
pub(crate) fn held_out_rows(
    total: usize,
    fraction: f64,
    seed: u64,
) -> Result<[Vec<usize>; 2], DataError> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(DataError::setting(
            "validation_split",
            "in (0, 1)",
            fraction,
        ));
    }
    if total < 2 {
        return Err(DataError::split("at least 2 rows", total));
    }
    let mut validation = permutation(seed, Purpose::Split, 0, total);
    let held_out = ((total as f64 * fraction).round() as usize).clamp(1, total - 1);
    let mut train = validation.split_off(held_out);
    validation.sort_unstable();
    train.sort_unstable();
    Ok([validation, train])
}
