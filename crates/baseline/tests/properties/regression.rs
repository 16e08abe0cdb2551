use finetune_baseline::{ClassWeights, CsrMatrix, LogisticRegressionConfig};
use proptest::prelude::*;

use super::with_threads;

/// Rows of eight columns, with labels of three classes.
fn labeled_rows(
    rows: std::ops::Range<usize>,
) -> impl Strategy<Value = (Vec<[f64; 8]>, Vec<usize>)> {
    let value = prop_oneof![3 => Just(0.0), 1 => -3.0f64..3.0];
    let row = prop::array::uniform8(value);
    prop::collection::vec((row, 0usize..3), rows).prop_map(|rows| rows.into_iter().unzip())
}

fn sparse(rows: &[[f64; 8]]) -> CsrMatrix {
    let mut starts = vec![0];
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    for row in rows {
        for (column, value) in (0u32..).zip(row).filter(|(_, value)| **value != 0.0) {
            indices.push(column);
            values.push(*value);
        }
        starts.push(indices.len());
    }
    CsrMatrix::new(8, starts, indices, values).unwrap()
}

fn tight() -> LogisticRegressionConfig {
    LogisticRegressionConfig {
        tol: 1e-7,
        max_iter: 5000,
        ..LogisticRegressionConfig::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn probabilities_sum_to_one_and_classes_are_seen((rows, labels) in labeled_rows(4..30)) {
        let rows = sparse(&rows);
        if let Ok(regression) = tight().fit(&rows, &labels, 4) {
            let predictions = regression.predict(&rows).unwrap();
            for (row, class) in predictions.classes().into_iter().enumerate() {
                let probabilities = predictions.probabilities(row);
                prop_assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                prop_assert_eq!(probabilities[3], 0.0);
                prop_assert!(labels.contains(&class));
            }
        }
    }

    /// With intercepts without a penalty, the probabilities of a class sum to its rows.
    #[test]
    fn classes_are_as_likely_as_they_are_frequent((rows, labels) in labeled_rows(6..30)) {
        let rows = sparse(&rows);
        if let Ok(regression) = tight().fit(&rows, &labels, 3) {
            prop_assert!(regression.convergence().converged());
            let predictions = regression.predict(&rows).unwrap();
            for class in 0..3 {
                let sum: f64 = (0..rows.len()).map(|row| predictions.probabilities(row)[class]).sum();
                let rows = labels.iter().filter(|label| **label == class).count() as f64;
                prop_assert!((sum - rows).abs() < 1e-4 * labels.len() as f64, "{} {}", sum, rows);
            }
        }
    }

    /// A row twice is a row of weight two, if that is the weight of its class.
    #[test]
    fn weights_are_repetitions((rows, labels) in labeled_rows(6..20)) {
        let weighted = LogisticRegressionConfig {
            class_weight: ClassWeights::PerClass(vec![1.0, 2.0, 3.0]),
            ..tight()
        };
        let copies = rows.iter().zip(&labels);
        let copies = copies.flat_map(|pair| std::iter::repeat_n(pair, pair.1 + 1));
        let (more_rows, more_labels): (Vec<_>, Vec<_>) = copies.map(|(r, l)| (*r, *l)).unzip();
        let Ok(regression) = weighted.fit(&sparse(&rows), &labels, 3) else { return Ok(()) };
        let repeated = tight().fit(&sparse(&more_rows), &more_labels, 3).unwrap();
        let (a, b) = (regression.coefficients(), repeated.coefficients());
        for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
            prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
        }
    }

    #[test]
    fn coefficients_do_not_depend_on_threads((rows, labels) in labeled_rows(700..900)) {
        let rows = sparse(&rows);
        let one = with_threads(1, || tight().fit(&rows, &labels, 3).unwrap());
        let three = with_threads(3, || tight().fit(&rows, &labels, 3).unwrap());
        prop_assert_eq!(&one, &three);
        let predict = || one.predict(&rows).unwrap();
        prop_assert_eq!(with_threads(1, predict), with_threads(3, predict));
    }
}
