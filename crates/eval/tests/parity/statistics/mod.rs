//! Against SciPy and statsmodels; `generate.py` made `expected.json` and pins the versions.

mod power;
mod resampling;
mod tests_of_samples;

use std::collections::HashMap;

use finetune_eval::statistics::Design;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Two samples.
type Pair = (Vec<f64>, Vec<f64>);

/// Ends of an interval: level, low, high.
type Ends = (f64, f64, f64);

/// Nine digits: relative above 1, absolute below.
const TOLERANCE: f64 = 1e-9;

fn expected() -> Value {
    serde_json::from_str(include_str!("expected.json")).unwrap()
}

/// The cases of a list, of which there are at least `least`.
fn cases<T: DeserializeOwned>(list: &str, least: usize) -> Vec<T> {
    let cases: Vec<T> = serde_json::from_value(expected()[list].take()).unwrap();
    assert!(
        cases.len() >= least,
        "{list} is incomplete: {}",
        cases.len()
    );
    cases
}

fn samples() -> HashMap<String, Pair> {
    serde_json::from_value(expected()["samples"].take()).unwrap()
}

#[track_caller]
fn assert_close(what: &str, got: f64, expected: f64) {
    let tolerance = TOLERANCE * expected.abs().max(1.0);
    assert!(
        (got - expected).abs() <= tolerance,
        "{what}: got {got}, expected {expected}, difference {:e}",
        got - expected
    );
}

/// For p-values: nine digits of the value itself, however small.
#[track_caller]
fn assert_close_relative(what: &str, got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= TOLERANCE * expected.abs(),
        "{what}: got {got:e}, expected {expected:e}"
    );
}

/// A test of two stored samples.
#[derive(Debug, Deserialize)]
struct Tested {
    sample: String,
    design: Design,
}
