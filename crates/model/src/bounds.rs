//! How large the sizes of a model may be. They come from files, too: a damaged one must neither
//! overflow a product of sizes nor ask for more memory than there is.

use crate::ModelError;

/// Rows or columns of any tensor of an encoder. Products of two and sums over all layers stay far
/// below what can be counted.
pub(crate) const LARGEST_SIZE: usize = 1 << 28;

/// Width of a layer of a head, and rank of an adapter.
pub(crate) const WIDEST: usize = 1 << 20;

/// Values of a matrix that no file has to bear out, since it can be made anew: 1 GiB in f32.
const MOST_VALUES: usize = 1 << 28;

/// Whether a layer can be so wide.
pub(crate) fn check_width(field: &'static str, width: usize) -> Result<(), ModelError> {
    match (1..=WIDEST).contains(&width) {
        true => Ok(()),
        false => Err(ModelError::InvalidConfig {
            field,
            found: width.to_string(),
            expected: format!("in 1..={WIDEST}"),
        }),
    }
}

/// Whether there can be a matrix from so many values to so many.
pub(crate) fn check_matrix(
    field: &'static str,
    input: usize,
    output: usize,
) -> Result<(), ModelError> {
    match input.saturating_mul(output) {
        0..=MOST_VALUES => Ok(()),
        _ => Err(ModelError::InvalidConfig {
            field,
            found: format!("a matrix of {input} x {output}"),
            expected: format!("at most {MOST_VALUES} values"),
        }),
    }
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
