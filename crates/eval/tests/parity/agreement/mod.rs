//! Against scikit-learn; `generate.py` made `expected.json` and pins the versions.

use std::collections::BTreeMap;

use finetune_eval::{
    Average, ClassificationReport, ConfusionMatrix, EvalError, KappaWeights, MetricKind,
    MetricSource, Normalize,
};
use serde::Deserialize;

use crate::parity::assert_close;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    class_names: Vec<String>,
    labels: Vec<usize>,
    predictions: Vec<usize>,
    matthews: f64,
    kappa: BTreeMap<String, Option<f64>>,
    averages: Vec<Averaged>,
    binary: Vec<Binary>,
    normalized: BTreeMap<String, Vec<Vec<f64>>>,
    report: BTreeMap<usize, String>,
}

#[derive(Debug, Deserialize)]
struct Averaged {
    average: Average,
    class_names: Vec<String>,
    /// Precision, recall, F1.
    scores: [f64; 3],
}

#[derive(Debug, Deserialize)]
struct Binary {
    class: String,
    /// Precision, recall, F1.
    scores: [f64; 3],
}

fn each_case(check: impl Fn(&Case, &ConfusionMatrix)) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let matrix =
            ConfusionMatrix::from_slices(&case.labels, &case.predictions, &case.class_names);
        check(&case, &matrix.unwrap());
    }
}

#[test]
fn matthews_correlation_is_equal() {
    each_case(|case, matrix| {
        let got = matrix.matthews_correlation().unwrap();
        assert_close(&case.name, got, case.matthews);
    });
}

#[test]
fn kappas_are_equal_and_undefined_alike() {
    let weights = [
        ("none", KappaWeights::None),
        ("linear", KappaWeights::Linear),
        ("quadratic", KappaWeights::Quadratic),
    ];
    each_case(|case, matrix| {
        for (name, weights) in weights {
            let what = format!("{}, {name}", case.name);
            match (matrix.cohen_kappa(weights), case.kappa[name]) {
                (Ok(got), Some(expected)) => assert_close(&what, got, expected),
                (Err(EvalError::Undefined { .. }), None) => {}
                (got, expected) => panic!("{what}: got {got:?}, expected {expected:?}"),
            }
        }
    });
}

#[test]
fn averages_over_some_classes_are_equal() {
    each_case(|case, matrix| {
        for expected in &case.averages {
            let what = format!(
                "{}, {:?} {:?}",
                case.name, expected.average, expected.class_names
            );
            let got = matrix
                .averaged_scores(expected.average, &expected.class_names)
                .unwrap();
            for (got, expected) in [got.precision, got.recall, got.f1]
                .iter()
                .zip(expected.scores)
            {
                assert_close(&what, *got, expected);
            }
        }
    });
}

#[test]
fn binary_scores_are_equal_whichever_class_is_positive() {
    each_case(|case, matrix| {
        assert_eq!(case.binary.len(), case.class_names.len());
        for expected in &case.binary {
            let got = matrix.binary_scores(&expected.class).unwrap();
            for (got, expected) in [got.precision, got.recall, got.f1]
                .iter()
                .zip(expected.scores)
            {
                assert_close(&case.name, *got, expected);
            }
        }
    });
}

#[test]
fn shares_are_equal() {
    let kinds = [
        ("true", Normalize::True),
        ("pred", Normalize::Pred),
        ("all", Normalize::All),
    ];
    each_case(|case, matrix| {
        for (name, kind) in kinds {
            let got = matrix.normalized(kind);
            assert_eq!(got.len(), case.normalized[name].len());
            let expected = case.normalized[name].iter().flatten();
            for (got, expected) in got.iter().flatten().zip(expected) {
                assert_close(&case.name, *got, *expected);
            }
        }
    });
}

#[test]
fn reports_are_equal_character_for_character() {
    each_case(|case, matrix| {
        let report = ClassificationReport::from_confusion_matrix(matrix).unwrap();
        for (digits, expected) in &case.report {
            let text = format!("{report:.*}", *digits);
            assert_eq!(
                &text, expected,
                "{}, {digits} digits:\n{text}\n{expected}",
                case.name
            );
        }
    });
}

#[test]
fn metrics_by_name_are_the_same() {
    each_case(|case, matrix| {
        let mut expected = vec![("matthews_correlation".to_string(), Some(case.matthews))];
        for (name, kappa) in [
            ("cohen", "none"),
            ("linear", "linear"),
            ("quadratic", "quadratic"),
        ] {
            expected.push((format!("{name}_kappa"), case.kappa[kappa]));
        }
        let averages = case.averages.iter();
        for all in averages.filter(|averaged| averaged.class_names == case.class_names) {
            let average = format!("{:?}", all.average).to_lowercase();
            for (name, score) in ["precision", "recall", "f1"].iter().zip(all.scores) {
                expected.push((format!("{average}_{name}"), Some(score)));
            }
        }
        assert_eq!(expected.len(), 4 + 9);
        if let [_, positive] = case.binary.as_slice() {
            for (name, score) in ["precision", "recall", "f1"].iter().zip(positive.scores) {
                expected.push((name.to_string(), Some(score)));
            }
        }
        for (name, expected) in expected {
            let metric: MetricKind = name.parse().unwrap();
            let got = matrix
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
