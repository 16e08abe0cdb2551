//! Against scikit-learn; `generate.py` made `expected.json` and pins the versions.

use finetune_eval::{BinaryRanking, EvalError};
use serde::Deserialize;

use crate::parity::{assert_all_close, assert_close};

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    positive: Vec<bool>,
    scores: Vec<f64>,
    roc_auc: Option<f64>,
    average_precision: f64,
    precision_recall_area: f64,
    roc: Option<Roc>,
    precision_recall: PrecisionRecall,
}

#[derive(Debug, Deserialize)]
struct Roc {
    thresholds: Vec<Option<f64>>,
    fpr: Vec<f64>,
    tpr: Vec<f64>,
}

#[derive(Debug, Deserialize)]
struct PrecisionRecall {
    /// One fewer than points.
    thresholds: Vec<f64>,
    precision: Vec<f64>,
    recall: Vec<f64>,
}

fn each_case(check: impl Fn(&Case, &BinaryRanking)) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(cases.len(), 13);
    for case in cases {
        let ranking = BinaryRanking::from_slices(&case.positive, &case.scores).unwrap();
        check(&case, &ranking);
    }
}

#[test]
fn areas_are_equal_and_undefined_alike() {
    each_case(|case, ranking| {
        match (ranking.roc_auc(), case.roc_auc) {
            (Ok(got), Some(expected)) => assert_close(&case.name, got, expected),
            (Err(EvalError::Undefined { .. }), None) => {}
            (got, expected) => panic!("{}: got {got:?}, expected {expected:?}", case.name),
        }
        let got = ranking.average_precision().unwrap();
        assert_close(&case.name, got, case.average_precision);
        let got = ranking.precision_recall_curve().unwrap().area();
        assert_close(&case.name, got, case.precision_recall_area);
    });
}

#[test]
fn roc_curves_are_equal_point_for_point() {
    each_case(|case, ranking| {
        let Some(expected) = &case.roc else {
            assert!(ranking.roc_curve().is_err(), "{}", case.name);
            return;
        };
        let points = ranking.roc_curve().unwrap().points;
        let thresholds: Vec<_> = points.iter().map(|point| point.threshold).collect();
        assert_eq!(thresholds, expected.thresholds, "{}", case.name);
        let rates = points.iter().map(|point| point.false_positive_rate);
        assert_all_close(&case.name, rates, &expected.fpr);
        let rates = points.iter().map(|point| point.true_positive_rate);
        assert_all_close(&case.name, rates, &expected.tpr);
    });
}

#[test]
fn precision_recall_curves_are_equal_point_for_point() {
    each_case(|case, ranking| {
        let points = ranking.precision_recall_curve().unwrap().points;
        let expected = &case.precision_recall;
        let thresholds: Vec<_> = points.iter().filter_map(|point| point.threshold).collect();
        assert_eq!(thresholds, expected.thresholds, "{}", case.name);
        let precisions = points.iter().map(|point| point.precision);
        assert_all_close(&case.name, precisions, &expected.precision);
        let recalls = points.iter().map(|point| point.recall);
        assert_all_close(&case.name, recalls, &expected.recall);
    });
}
