use std::collections::HashMap;

use finetune_baseline::{Ending, LogisticRegressionConfig};
use serde::Deserialize;

use super::{ExpectedRow, matrix};

#[derive(Deserialize)]
struct Expected {
    columns: usize,
    rows: HashMap<String, Vec<ExpectedRow>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    rows: String,
    classes: usize,
    labels: Vec<usize>,
    settings: LogisticRegressionConfig,
    iterations: usize,
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    decisions: Vec<Vec<f64>>,
    probabilities: Vec<Vec<f64>>,
    predictions: Vec<usize>,
}

fn largest_difference(found: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
    let lengths = |rows: &[Vec<f64>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(found), lengths(expected));
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    pairs.fold(0.0, |largest, (a, b)| (a - b).abs().max(largest))
}

/// Rounding differs by the order of sums, and grows with the number of steps: coefficients of up to
/// 10 are compared to seven digits, where those of two solvers would differ in the fourth.
#[test]
fn coefficients_and_probabilities_are_those_of_scikit_learn() {
    let expected: Expected = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert!(expected.cases.len() >= 34);
    for case in expected.cases {
        let rows = matrix(&expected.rows[&case.rows], expected.columns);
        let regression = case
            .settings
            .fit(&rows, &case.labels, case.classes)
            .unwrap();
        let check = |what: &str, found: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64| {
            let difference = largest_difference(found, expected);
            assert!(
                difference <= tolerance,
                "{}, {what}: {difference}",
                case.name
            );
        };
        check(
            "coefficients",
            &regression.coefficients(),
            &case.coefficients,
            1e-6,
        );
        check(
            "intercepts",
            &[regression.intercepts().to_vec()],
            &[case.intercepts],
            1e-6,
        );
        let decisions = regression.decision_values(&rows).unwrap();
        check(
            "decisions",
            &decisions[..case.decisions.len()],
            &case.decisions,
            1e-6,
        );
        let predictions = regression.predict(&rows).unwrap();
        let probabilities: Vec<_> = (0..case.probabilities.len())
            .map(|row| predictions.probabilities(row))
            .collect();
        check("probabilities", &probabilities, &case.probabilities, 1e-7);
        assert_eq!(predictions.classes(), case.predictions, "{}", case.name);
    }
}

/// Where the search ends at the gradient or at the limit, it takes as many steps; where it ends
/// because the loss does not sink any more, rounding decides.
#[test]
fn searches_take_the_same_steps() {
    let expected: Expected = serde_json::from_str(include_str!("expected.json")).unwrap();
    let mut compared = 0;
    for case in expected.cases {
        let rows = matrix(&expected.rows[&case.rows], expected.columns);
        let regression = case
            .settings
            .fit(&rows, &case.labels, case.classes)
            .unwrap();
        let convergence = regression.convergence();
        let limited = case.iterations == case.settings.max_iter;
        match convergence.ending {
            Ending::SmallGradient => {
                assert!(convergence.gradient <= case.settings.tol, "{}", case.name);
                assert!(convergence.converged());
            }
            ending => assert_eq!(limited, ending == Ending::IterationLimit, "{}", case.name),
        }
        if case.settings.tol == 1e-4 || limited {
            assert_eq!(convergence.iterations, case.iterations, "{}", case.name);
            compared += 1;
        }
    }
    assert!(compared >= 8, "{compared}");
}
