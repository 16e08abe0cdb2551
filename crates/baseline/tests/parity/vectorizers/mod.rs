use finetune_baseline::{CsrMatrix, FeatureConfig};
use serde::Deserialize;

use super::{ExpectedRow, matrix};

#[derive(Deserialize)]
struct Expected {
    texts: Vec<String>,
    other_texts: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    features: FeatureConfig,
    columns: usize,
    terms: Option<Vec<String>>,
    rows: Vec<ExpectedRow>,
    others: Vec<ExpectedRow>,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("expected.json")).unwrap()
}

/// Values are quotients and logarithms of small numbers: a few roundings apart at most.
fn assert_equal(name: &str, found: &CsrMatrix, expected: &CsrMatrix) {
    assert_eq!(found.columns(), expected.columns(), "{name}");
    assert_eq!(found.len(), expected.len(), "{name}");
    for row in 0..found.len() {
        let columns =
            |rows: &CsrMatrix| rows.row(row).map(|(column, _)| column).collect::<Vec<_>>();
        assert_eq!(columns(found), columns(expected), "{name}, row {row}");
        for ((column, found), (_, expected)) in found.row(row).zip(expected.row(row)) {
            let difference = (found - expected).abs();
            assert!(
                difference <= 1e-14 * expected.abs().max(1.0),
                "{name}, row {row}, column {column}: {found} {expected}"
            );
        }
    }
}

#[test]
fn terms_columns_and_values_are_those_of_scikit_learn() {
    let Expected {
        texts,
        other_texts,
        cases,
    } = expected();
    assert!(cases.len() >= 37);
    for case in cases {
        let (features, rows) = case.features.fit_transform(&texts).unwrap();
        assert_eq!(
            features.feature_names(),
            case.terms.as_deref(),
            "{}",
            case.name
        );
        assert_equal(&case.name, &rows, &matrix(&case.rows, case.columns));
        let others = features.transform(&other_texts);
        assert_equal(&case.name, &others, &matrix(&case.others, case.columns));
    }
}

/// The settings that a fitted vectorizer has are those that it was given, in JSON, too.
#[test]
fn settings_survive() {
    let Expected { texts, cases, .. } = expected();
    for case in cases {
        let (features, _) = case.features.fit_transform(&texts).unwrap();
        assert_eq!(features.config(), case.features, "{}", case.name);
        let json = serde_json::to_string(&case.features).unwrap();
        assert_eq!(
            serde_json::from_str::<FeatureConfig>(&json).unwrap(),
            case.features
        );
    }
}
