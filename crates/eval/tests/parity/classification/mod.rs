//! Against scikit-learn; `generate.py` made `expected.json` and pins the versions.

use finetune_eval::{ClassificationReport, ConfusionMatrix, Normalize};
use serde::Deserialize;

/// Both sides divide the same integers in 64-bit floats; only the order of sums may differ.
const TOLERANCE: f64 = 1e-12;

#[derive(Debug, Deserialize)]
struct Expected {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    class_names: Vec<String>,
    labels: Vec<usize>,
    predictions: Vec<usize>,
    accuracy: f64,
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    support: Vec<u64>,
    /// Precision, recall, F1.
    r#macro: [f64; 3],
    /// Precision, recall, F1.
    weighted: [f64; 3],
    confusion_matrix: Vec<Vec<u64>>,
    normalized_by_true: Vec<Vec<f64>>,
    text: String,
}

impl Case {
    fn matrix(&self) -> ConfusionMatrix {
        ConfusionMatrix::from_slices(&self.labels, &self.predictions, &self.class_names).unwrap()
    }

    fn report(&self) -> ClassificationReport {
        ClassificationReport::from_confusion_matrix(&self.matrix()).unwrap()
    }

    #[track_caller]
    fn assert_close(&self, what: &str, got: f64, expected: f64) {
        let difference = (got - expected).abs();
        assert!(
            difference <= TOLERANCE,
            "{}: {what}: got {got}, scikit-learn {expected}, difference {difference:e}",
            self.name
        );
    }
}

fn cases() -> Vec<Case> {
    let expected: Expected = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert!(expected.cases.len() >= 8, "the stored cases are incomplete");
    expected.cases
}

#[test]
fn confusion_matrices_are_equal() {
    for case in cases() {
        let matrix = case.matrix();
        assert_eq!(
            matrix.counts_by_true(),
            case.confusion_matrix,
            "{}",
            case.name
        );
        let shares = matrix.normalized(Normalize::True);
        assert_eq!(shares.len(), case.normalized_by_true.len(), "{}", case.name);
        for (got, expected) in shares
            .iter()
            .flatten()
            .zip(case.normalized_by_true.iter().flatten())
        {
            case.assert_close("normalized by true", *got, *expected);
        }
    }
}

#[test]
fn scores_per_class_are_equal() {
    for case in cases() {
        let report = case.report();
        assert_eq!(report.per_class.len(), case.support.len(), "{}", case.name);
        for (class, scores) in report.per_class.iter().enumerate() {
            assert_eq!(scores.name, case.class_names[class]);
            assert_eq!(
                scores.support, case.support[class],
                "{}: {}",
                case.name, scores.name
            );
            case.assert_close("precision", scores.precision, case.precision[class]);
            case.assert_close("recall", scores.recall, case.recall[class]);
            case.assert_close("f1", scores.f1, case.f1[class]);
        }
    }
}

#[test]
fn averages_are_equal() {
    for case in cases() {
        let report = case.report();
        assert_eq!(report.rows, case.labels.len() as u64, "{}", case.name);
        case.assert_close("accuracy", report.accuracy, case.accuracy);
        case.assert_close("macro precision", report.macro_precision, case.r#macro[0]);
        case.assert_close("macro recall", report.macro_recall, case.r#macro[1]);
        case.assert_close("macro f1", report.macro_f1, case.r#macro[2]);
        case.assert_close(
            "weighted precision",
            report.weighted_precision,
            case.weighted[0],
        );
        case.assert_close("weighted recall", report.weighted_recall, case.weighted[1]);
        case.assert_close("weighted f1", report.weighted_f1, case.weighted[2]);
    }
}

#[test]
fn text_reports_are_equal_character_for_character() {
    for case in cases() {
        let text = case.report().to_string();
        assert_eq!(
            text, case.text,
            "{}:\n{text}\nscikit-learn:\n{}",
            case.name, case.text
        );
    }
}
