//! Against scikit-learn; `generate.py` made `expected.json` and pins the versions.

use std::collections::BTreeMap;

use finetune_eval::{
    Binning, EvalError, MetricKind, MetricSource, MulticlassAverage, PredictedProbabilities,
};
use serde::Deserialize;

use crate::parity::{assert_all_close, assert_close};

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    labels: Vec<usize>,
    probabilities: Vec<Vec<f64>>,
    /// For k = 1, 2, ...
    top_k: Vec<f64>,
    roc_auc: BTreeMap<String, Option<f64>>,
    average_precision: f64,
    log_loss: f64,
    brier_score: f64,
    calibration: Vec<Calibration>,
}

#[derive(Debug, Deserialize)]
struct Calibration {
    binning: Binning,
    /// Nothing: the likeliest.
    class: Option<usize>,
    accuracy: Vec<f64>,
    confidence: Vec<f64>,
    rows: Vec<u64>,
    ece: f64,
    mce: f64,
}

fn each_case(check: impl Fn(&Case, &PredictedProbabilities)) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let predicted = PredictedProbabilities::from_slices(&case.labels, &case.probabilities);
        check(&case, &predicted.unwrap());
    }
}

#[test]
fn top_k_accuracies_are_equal() {
    each_case(|case, predicted| {
        for (k, expected) in (1..).zip(&case.top_k) {
            assert_close(&case.name, predicted.top_k_accuracy(k).unwrap(), *expected);
        }
    });
}

#[test]
fn areas_are_equal_and_undefined_alike() {
    let averages = [
        ("one_vs_rest_macro", MulticlassAverage::OneVsRestMacro),
        ("one_vs_rest_weighted", MulticlassAverage::OneVsRestWeighted),
        ("one_vs_one_macro", MulticlassAverage::OneVsOneMacro),
    ];
    each_case(|case, predicted| {
        for (name, average) in averages {
            let what = format!("{}, {name}", case.name);
            match (predicted.roc_auc(average), case.roc_auc[name]) {
                (Ok(got), Some(expected)) => assert_close(&what, got, expected),
                (Err(EvalError::Undefined { .. }), None) => {}
                (got, expected) => panic!("{what}: got {got:?}, expected {expected:?}"),
            }
        }
        let got = predicted.average_precision().unwrap();
        assert_close(&case.name, got, case.average_precision);
    });
}

#[test]
fn proper_scores_are_equal() {
    each_case(|case, predicted| {
        assert_close(&case.name, predicted.log_loss().unwrap(), case.log_loss);
        assert_close(
            &case.name,
            predicted.brier_score().unwrap(),
            case.brier_score,
        );
    });
}

#[test]
fn reliabilities_are_equal_bin_for_bin() {
    each_case(|case, predicted| {
        for expected in &case.calibration {
            let what = format!(
                "{}, {:?} of {:?}",
                case.name, expected.binning, expected.class
            );
            let got = match expected.class {
                Some(class) => predicted.reliability_of_class(class, expected.binning),
                None => predicted.reliability(expected.binning),
            }
            .unwrap();
            let rows: Vec<u64> = got.bins.iter().map(|bin| bin.rows).collect();
            assert_eq!(rows, expected.rows, "{what}");
            let accuracies = got.bins.iter().map(|bin| bin.accuracy);
            assert_all_close(&what, accuracies, &expected.accuracy);
            let confidences = got.bins.iter().map(|bin| bin.confidence);
            assert_all_close(&what, confidences, &expected.confidence);
            assert_close(&what, got.expected_calibration_error, expected.ece);
            assert_close(&what, got.maximum_calibration_error, expected.mce);
        }
    });
}

#[test]
fn metrics_by_name_are_the_same() {
    each_case(|case, predicted| {
        let calibration = case.calibration.iter();
        let mut of_likeliest = calibration.filter(|one| one.class.is_none());
        let default = of_likeliest
            .find(|one| one.binning == Binning::default())
            .unwrap();
        for (name, expected) in [
            ("roc_auc", case.roc_auc["one_vs_rest_macro"]),
            ("roc_auc_ovr_weighted", case.roc_auc["one_vs_rest_weighted"]),
            ("roc_auc_ovo", case.roc_auc["one_vs_one_macro"]),
            ("average_precision", Some(case.average_precision)),
            ("log_loss", Some(case.log_loss)),
            ("brier_score", Some(case.brier_score)),
            ("expected_calibration_error", Some(default.ece)),
            ("maximum_calibration_error", Some(default.mce)),
            ("top_2_accuracy", case.top_k.get(1).copied().or(Some(1.0))),
        ] {
            let metric: MetricKind = name.parse().unwrap();
            let got = predicted
                .scores(&[metric])
                .unwrap()
                .get(&metric.to_string())
                .copied();
            assert_eq!(got.is_some(), expected.is_some(), "{}, {name}", case.name);
            if let (Some(got), Some(expected)) = (got, expected) {
                assert_close(&format!("{}, {name}", case.name), got, expected);
            }
        }
    });
}
