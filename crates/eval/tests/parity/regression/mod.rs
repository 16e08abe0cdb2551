//! Against scikit-learn and SciPy; `generate.py` made `expected.json` and pins the versions.

use finetune_eval::{EvalError, MetricKind, MetricSource, PredictedScores, RegressionReport};
use serde::Deserialize;

use crate::parity::assert_close;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    labels: Vec<f64>,
    predictions: Vec<f64>,
    pearson: Option<f64>,
    spearman: Option<f64>,
    r2: Option<f64>,
    mae: f64,
    mse: f64,
    rmse: f64,
}

fn each_case(check: impl Fn(&Case, &PredictedScores)) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(cases.len(), 17);
    for case in cases {
        let predicted = PredictedScores::from_slices(&case.labels, &case.predictions).unwrap();
        check(&case, &predicted);
    }
}

#[test]
fn correlations_are_equal_and_undefined_alike() {
    each_case(|case, predicted| {
        for (what, got, expected) in [
            ("pearson", predicted.pearson(), case.pearson),
            ("spearman", predicted.spearman(), case.spearman),
            ("r2", predicted.r2(), case.r2),
        ] {
            let what = format!("{}, {what}", case.name);
            match (got, expected) {
                (Ok(got), Some(expected)) => assert_close(&what, got, expected),
                (Err(EvalError::Undefined { .. }), None) => {}
                (got, expected) => panic!("{what}: got {got:?}, expected {expected:?}"),
            }
        }
    });
}

#[test]
fn errors_are_equal() {
    each_case(|case, predicted| {
        for (got, expected) in [
            (predicted.mean_absolute_error().unwrap(), case.mae),
            (predicted.mean_squared_error().unwrap(), case.mse),
            (predicted.root_mean_squared_error().unwrap(), case.rmse),
        ] {
            // Relative, also where the errors are tiny.
            let difference = (got - expected).abs();
            assert!(
                difference <= 1e-9 * expected,
                "{}: {got}, {expected}",
                case.name
            );
        }
    });
}

#[test]
fn metrics_by_name_are_the_same() {
    each_case(|case, predicted| {
        for (name, expected) in [
            ("pearson", case.pearson),
            ("spearman", case.spearman),
            ("r2", case.r2),
            ("mean_absolute_error", Some(case.mae)),
            ("mean_squared_error", Some(case.mse)),
            ("root_mean_squared_error", Some(case.rmse)),
        ] {
            let metric: MetricKind = name.parse().unwrap();
            let got = predicted
                .scores(&[metric])
                .unwrap()
                .get(&metric.to_string())
                .copied();
            assert_eq!(got.is_some(), expected.is_some(), "{}, {name}", case.name);
            if let (Some(got), Some(expected)) = (got, expected) {
                assert_close(&case.name, got, expected);
            }
        }
    });
}

#[test]
fn the_report_has_the_same_scores() {
    each_case(|case, predicted| {
        let report = RegressionReport::new(predicted).unwrap();
        assert_eq!(
            report.pearson.is_some(),
            case.pearson.is_some(),
            "{}",
            case.name
        );
        assert_eq!(report.spearman, predicted.spearman().ok(), "{}", case.name);
        assert_eq!(report.r2, predicted.r2().ok(), "{}", case.name);
        assert_close(&case.name, report.mean_absolute_error, case.mae);
        assert_close(&case.name, report.root_mean_squared_error, case.rmse);
    });
}
