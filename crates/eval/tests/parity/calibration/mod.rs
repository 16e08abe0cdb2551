//! Against SciPy and NumPy; `generate.py` made `expected.json` and pins the versions.

use finetune_eval::{PredictionSetRule, fit_temperature};
use serde::Deserialize;

use crate::parity::assert_close;

#[derive(Debug, Deserialize)]
struct Case {
    labels: Vec<usize>,
    logits: Vec<Vec<f32>>,
    temperature: f64,
    coverage: f64,
    threshold: f64,
}

#[test]
fn temperatures_and_thresholds() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let temperature = fit_temperature(&case.logits, &case.labels).unwrap();
        // A minimum is flat: a minimizer is exact to half of the digits.
        let error = (temperature / case.temperature - 1.0).abs();
        assert!(
            error < 1e-6,
            "{temperature} instead of {}",
            case.temperature
        );
        let rule =
            PredictionSetRule::fit(&case.logits, &case.labels, case.temperature, case.coverage);
        assert_close("threshold", rule.unwrap().threshold, case.threshold);
    }
}
