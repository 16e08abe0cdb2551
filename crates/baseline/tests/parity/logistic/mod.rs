use std::collections::HashMap;

use finetune_baseline::{LogisticRegressionConfig, StopReason};
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

/// Which share of the largest coefficient the others may be off by.
///
/// Where both searches end at the minimum, they end where rounding hides what is left of the slope,
/// and a flat minimum is some way off. Of a search that is cut off after a hundred steps over badly
/// scaled columns, rounding has changed the way; after three steps it has not.
fn tolerance(case: &Case) -> f64 {
    match (case.iterations == case.settings.max_iter, case.iterations) {
        (true, ..10) => 1e-12,
        (true, _) => 1e-3,
        (false, 1000..) => 1e-4,
        (false, _) => 1e-5,
    }
}

#[test]
fn coefficients_and_probabilities_are_those_of_scikit_learn() {
    let expected: Expected = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert!(expected.cases.len() >= 34);
    for case in &expected.cases {
        let rows = matrix(&expected.rows[&case.rows], expected.columns);
        let fitted = case.settings.fit(&rows, &case.labels, case.classes);
        let regression = fitted.unwrap();
        let coefficients = case.coefficients.iter().flatten();
        let largest = coefficients.fold(1.0, |largest: f64, value| largest.max(value.abs()));
        let check = |what: &str, found: &[Vec<f64>], expected: &[Vec<f64>], scale: f64| {
            let share = largest_difference(found, expected) / scale;
            assert!(share <= tolerance(case), "{}, {what}: {share}", case.name);
        };
        let (coefficients, intercepts) = (regression.coefficients(), regression.intercepts());
        check("coefficients", &coefficients, &case.coefficients, largest);
        let expected_intercepts = std::slice::from_ref(&case.intercepts);
        check(
            "intercepts",
            &[intercepts.to_vec()],
            expected_intercepts,
            largest,
        );
        let decisions = regression.decision_function(&rows).unwrap();
        // Values of up to 100 in the badly scaled columns.
        let scale = if case.rows == "uneven" {
            100.0 * largest
        } else {
            largest
        };
        check(
            "decisions",
            &decisions[..case.decisions.len()],
            &case.decisions,
            scale,
        );
        let predictions = regression.predict(&rows).unwrap();
        let probabilities = (0..case.probabilities.len()).map(|row| predictions.probabilities(row));
        let probabilities: Vec<_> = probabilities.collect();
        check("probabilities", &probabilities, &case.probabilities, scale);
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
        let fitted = case.settings.fit(&rows, &case.labels, case.classes);
        let regression = fitted.unwrap();
        let convergence = regression.convergence();
        let limited = case.iterations == case.settings.max_iter;
        match convergence.ending {
            StopReason::SmallGradient => {
                assert!(
                    convergence.gradient_max_norm <= case.settings.tol,
                    "{}",
                    case.name
                );
                assert!(convergence.converged());
            }
            ending => assert_eq!(
                limited,
                ending == StopReason::IterationLimit,
                "{}",
                case.name
            ),
        }
        if case.settings.tol == 1e-4 || limited {
            assert_eq!(convergence.iterations, case.iterations, "{}", case.name);
            compared += 1;
        }
    }
    assert!(compared >= 8, "{compared}");
}
