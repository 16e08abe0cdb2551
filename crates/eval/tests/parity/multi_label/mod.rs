//! Against scikit-learn; `generate.py` made `expected.json` and pins the versions.

use std::collections::BTreeMap;

use finetune_eval::{
    Evaluator, MetricKind, MetricSource, MultiLabelReport, PredictedLabelSets, Predictions,
    TargetKind, Targets, Thresholds,
};
use serde::Deserialize;

use crate::parity::assert_close;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    targets: Vec<Vec<usize>>,
    probabilities: Vec<Vec<f64>>,
    thresholds: Vec<f64>,
    /// Nothing: undefined.
    metrics: BTreeMap<String, Option<f64>>,
    per_class: Vec<Class>,
    text: String,
}

#[derive(Debug, Deserialize)]
struct Class {
    precision: f64,
    recall: f64,
    f1: f64,
    support: u64,
    roc_auc: Option<f64>,
    average_precision: f64,
}

impl Case {
    fn predicted(&self) -> PredictedLabelSets {
        let thresholds = Thresholds::PerClass(self.thresholds.clone());
        PredictedLabelSets::from_slices(&self.targets, &self.probabilities, &thresholds).unwrap()
    }
}

fn each_case(check: impl Fn(&Case)) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(cases.len(), 9);
    cases.iter().for_each(check);
}

#[test]
fn metrics_are_equal_and_undefined_alike() {
    each_case(|case| {
        let predicted = case.predicted();
        assert_eq!(case.metrics.len(), 21);
        for (name, expected) in &case.metrics {
            let what = format!("{}, {name}", case.name);
            let metric: MetricKind = name.parse().unwrap();
            match (predicted.score(metric), expected) {
                (Ok(found), Some(expected)) => assert_close(&what, found, *expected),
                (Err(error), None) => {
                    assert!(
                        error.to_string().contains("is undefined"),
                        "{what}: {error}"
                    );
                }
                (found, expected) => panic!("{what}: {found:?}, the reference {expected:?}"),
            }
        }
    });
}

#[test]
fn reports_are_equal_in_numbers_and_text() {
    each_case(|case| {
        let names = (0..case.thresholds.len()).map(|class| format!("class {class}"));
        let report = MultiLabelReport::new(&case.predicted(), names).unwrap();
        assert_eq!(report.to_string(), case.text, "{}", case.name);
        for (class, expected) in report.per_class.iter().zip(&case.per_class) {
            let what = format!("{}, {}", case.name, class.name);
            assert_close(&what, class.precision, expected.precision);
            assert_close(&what, class.recall, expected.recall);
            assert_close(&what, class.f1, expected.f1);
            assert_close(&what, class.average_precision, expected.average_precision);
            assert_eq!(class.support, expected.support, "{what}");
            assert_eq!(
                class.roc_auc.is_some(),
                expected.roc_auc.is_some(),
                "{what}"
            );
            if let (Some(found), Some(expected)) = (class.roc_auc, expected.roc_auc) {
                assert_close(&what, found, expected);
            }
        }
    });
}

/// The logits of the probabilities have the same scores by the names of the metrics.
#[test]
fn an_evaluator_has_the_same_scores() {
    each_case(|case| {
        let logit = |p: &f64| (p / (1.0 - p)).ln().clamp(-80.0, 80.0) as f32;
        let logits = case
            .probabilities
            .iter()
            .map(|row| row.iter().map(logit).collect());
        // A logit of 32 bits is not exactly at a threshold.
        let thresholds = case
            .thresholds
            .iter()
            .map(|threshold| threshold - 1e-6)
            .collect();
        let predictions =
            Predictions::new(logits.collect()).with_thresholds(Thresholds::PerClass(thresholds));
        let mut evaluator = Evaluator::new(TargetKind::MultiLabel(case.thresholds.len()));
        for name in case.metrics.keys() {
            evaluator.add_named(name).unwrap();
        }
        let targets = Targets::MultiLabel(case.targets.clone());
        let scores = evaluator.evaluate(&predictions, &targets).unwrap();
        for (name, expected) in &case.metrics {
            let what = format!("{}, {name}", case.name);
            let found = scores.get(name).copied();
            assert_eq!(found.is_some(), expected.is_some(), "{what}");
            if let (Some(found), Some(expected)) = (found, expected) {
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{what}: {found}, {expected}"
                );
            }
        }
    });
}
