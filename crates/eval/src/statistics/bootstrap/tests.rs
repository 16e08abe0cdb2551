//! Bootstrap intervals by hand, and of several metrics at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn mean_of(values: &[f64]) -> impl Fn(&[usize]) -> f64 + Sync {
    |rows| rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64
}

#[test]
fn a_metric_that_never_varies_has_an_interval_of_no_width() {
    for method in [BootstrapMethod::Percentile, BootstrapMethod::Bca] {
        let bootstrap = Bootstrap {
            method,
            n_resamples: 50,
            ..Bootstrap::default()
        };
        let result = bootstrap.interval(4, |_| 0.5).unwrap();
        assert_eq!((result.interval.lower, result.interval.upper), (0.5, 0.5));
        assert_eq!(result.standard_error, 0.0);
    }
}

#[test]
fn metrics_of_the_same_resamples_are_computed_together() {
    let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0];
    let calls = AtomicUsize::new(0);
    let both = |rows: &[usize]| {
        calls.fetch_add(1, Ordering::Relaxed);
        let squares = values.map(|value| value * value);
        // Undefined without the row of the largest value.
        let has_largest = rows.contains(&5);
        let second = if has_largest {
            mean_of(&squares)(rows)
        } else {
            f64::NAN
        };
        vec![mean_of(&values)(rows), second, mean_of(&squares)(rows)]
    };
    for method in [BootstrapMethod::Percentile, BootstrapMethod::Bca] {
        let bootstrap = Bootstrap {
            method,
            n_resamples: 60,
            ..Bootstrap::default()
        };
        calls.store(0, Ordering::Relaxed);
        let found = bootstrap.intervals(values.len(), both).unwrap();
        let without_rows = usize::from(method == BootstrapMethod::Bca) * values.len();
        assert_eq!(calls.load(Ordering::Relaxed), 1 + 60 + without_rows);
        assert_eq!(found.len(), 3);
        for (place, found) in found.into_iter().enumerate() {
            let alone = bootstrap.interval(values.len(), |rows| both(rows)[place]);
            match place {
                1 => assert!(found.is_err() && alone.is_err()),
                _ => assert_eq!(found.unwrap(), alone.unwrap()),
            }
        }
    }
    assert!(Bootstrap::default().intervals(1, both).is_err());
}

#[test]
fn an_estimate_outside_its_resamples_has_no_bca_interval() {
    // All resamples leave out the row that alone is not 0.
    let resamples = [vec![1, 1, 2], vec![2, 1, 1]];
    let result =
        Bootstrap::default().interval_of_resamples(3, &resamples, mean_of(&[1.0, 0.0, 0.0]));
    assert!(matches!(result, Err(EvalError::Undefined { .. })));
}

#[test]
fn what_cannot_be_resampled_is_said() {
    let bootstrap = Bootstrap {
        n_resamples: 20,
        ..Bootstrap::default()
    };
    assert!(matches!(
        bootstrap.interval(1, |_| 0.0),
        Err(EvalError::TooFew {
            needed: 2,
            found: 1,
            ..
        })
    ));
    assert!(matches!(
        Bootstrap {
            n_resamples: 0,
            ..bootstrap
        }
        .interval(3, |_| 0.0),
        Err(EvalError::InvalidSetting {
            setting: "n_resamples",
            ..
        })
    ));
    assert_eq!(
        bootstrap.interval(3, |rows| if rows == [0, 1, 2] { f64::NAN } else { 0.0 }),
        Err(EvalError::undefined("the metric", "it is NaN on all rows"))
    );
    assert_eq!(
        bootstrap.interval_of_resamples(3, &[[0, 3]], |_| 0.0),
        Err(EvalError::setting("row", 3, "below 3 (number of rows)"))
    );
}

#[test]
fn rows_are_drawn_evenly() {
    let values: Vec<f64> = (0..40).map(|row| f64::from(row * row % 17)).collect();
    let result = Bootstrap::default()
        .interval(values.len(), mean_of(&values))
        .unwrap();
    let mean = values.iter().sum::<f64>() / 40.0;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 40.0;
    let expected = (variance / 40.0).sqrt();
    assert!((result.standard_error / expected - 1.0).abs() < 0.03);
}

/// A changed value here means that published intervals can no longer be repeated.
#[test]
fn resamples_never_change() {
    let bootstrap = Bootstrap {
        n_resamples: 3,
        seed: 5,
        ..Bootstrap::default()
    };
    let code = |rows: &[usize]| rows.iter().fold(0.0, |code, &row| 10.0 * code + row as f64);
    assert_eq!(
        bootstrap.values(6, &code).unwrap(),
        [425_043.0, 1_210.0, 202_040.0]
    );
}
