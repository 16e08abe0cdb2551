//! Upper bounds of the sizes of a model. Sizes may come from corrupted files, which must neither
//! overflow a product nor exhaust the memory.

use crate::error::ModelError;

/// Maximum rows or columns of any tensor of an encoder. Products of two and sums over all layers
/// stay far below the range of `usize`, and ids of its rows are exact in f32, as which they are
/// copied to the device.
pub(crate) const LARGEST_SIZE: usize = 1 << 24;

/// Maximum width of a head's layer and maximum rank of an adapter.
pub(crate) const WIDEST: usize = 1 << 20;

/// Maximum values of a matrix that need not be in a file, as it can be initialized: 1 GiB in f32.
const MOST_VALUES: usize = 1 << 28;

/// Checks that a layer's width is in its range.
pub(crate) fn check_width(field: &'static str, width: usize) -> Result<(), ModelError> {
    let valid = (1..=WIDEST).contains(&width);
    ModelError::check(valid, field, width, format!("in 1..={WIDEST}"))
}

/// Checks that a matrix of `input` by `output` values is not too large.
pub(crate) fn check_matrix(
    field: &'static str,
    input: usize,
    output: usize,
) -> Result<(), ModelError> {
    let valid = input.saturating_mul(output) <= MOST_VALUES;
    let found = format!("a matrix of {input} x {output}");
    ModelError::check(valid, field, found, format!("at most {MOST_VALUES} values"))
}

/// Checks that a dropout probability is in `[0, 1)`.
pub(crate) fn check_dropout(field: &'static str, share: f64) -> Result<(), ModelError> {
    ModelError::check((0.0..1.0).contains(&share), field, share, "in [0, 1)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_cannot_be_multiplied_are_refused() {
        assert!(check_width("rank", WIDEST).is_ok());
        for width in [0, WIDEST + 1, usize::MAX] {
            let error = check_width("rank", width).unwrap_err().to_string();
            assert!(error.contains(&format!("rank is {width}")), "{error}");
        }
        assert!(check_matrix("head", WIDEST, 256).is_ok());
        for (input, output) in [(WIDEST, 257), (usize::MAX, 2), (1 << 40, 1 << 40)] {
            let error = check_matrix("head", input, output).unwrap_err().to_string();
            assert!(error.contains(&format!("{input} x {output}")), "{error}");
        }
    }
}
