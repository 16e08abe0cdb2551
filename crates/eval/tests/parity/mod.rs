//! Each folder holds a generator script, what it wrote, and the comparison.

mod agreement;
mod calibration;
mod classification;
mod embeddings;
mod entities;
mod multi_label;
mod probabilities;
mod ranking;
mod regression;
mod reranking;
mod statistics;

/// Relative where the numbers are large.
const TOLERANCE: f64 = 1e-9;

#[track_caller]
fn assert_close(what: &str, got: f64, expected: f64) {
    let difference = (got - expected).abs();
    assert!(
        difference <= TOLERANCE * expected.abs().max(1.0),
        "{what}: got {got}, the reference {expected}, difference {difference:e}"
    );
}

#[track_caller]
fn assert_all_close(what: &str, got: impl ExactSizeIterator<Item = f64>, expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.zip(expected) {
        assert_close(what, got, *expected);
    }
}
