//! Properties of the scores of predicted numbers.

use finetune_eval::{EvalError, MetricKind, MetricSource, PredictedScores};
use proptest::prelude::*;

type Rows = Vec<(f64, f64)>;

/// Whole numbers, many of them equal, or of any size.
fn some_rows(least: usize) -> impl Strategy<Value = Rows> {
    let number = || prop_oneof![(-3_i8..4).prop_map(f64::from), -1e6..1e6];
    prop::collection::vec((number(), number()), least..80)
}

fn collected(rows: &[(f64, f64)]) -> PredictedScores {
    let mut predicted = PredictedScores::new();
    for (label, prediction) in rows {
        predicted.add(*label, *prediction).unwrap();
    }
    predicted
}

fn all_scores(predicted: &PredictedScores) -> Vec<Option<u64>> {
    let metrics = MetricKind::ALL.iter();
    metrics
        .map(|metric| predicted.score(*metric).ok().map(f64::to_bits))
        .collect()
}

proptest! {
    #[test]
    fn the_order_of_rows_changes_no_digit(
        (rows, shuffled) in some_rows(1).prop_flat_map(|rows| (
            Just(rows.clone()),
            Just(rows).prop_shuffle(),
        ))
    ) {
        prop_assert_eq!(all_scores(&collected(&rows)), all_scores(&collected(&shuffled)));
    }

    #[test]
    fn scores_lie_in_their_ranges(rows in some_rows(1)) {
        let predicted = collected(&rows);
        for correlation in [predicted.pearson(), predicted.spearman()].into_iter().flatten() {
            prop_assert!((-1.0..=1.0).contains(&correlation));
        }
        let (mae, rmse) = (
            predicted.mean_absolute_error().unwrap(),
            predicted.root_mean_squared_error().unwrap(),
        );
        prop_assert!(mae >= 0.0 && mae <= rmse * (1.0 + 1e-12), "{mae}, {rmse}");
        if let Ok(r2) = predicted.r2() {
            prop_assert!(r2 <= 1.0);
        }
    }

    #[test]
    fn correlation_is_the_same_both_ways_round(rows in some_rows(2)) {
        let turned: Rows = rows.iter().map(|(label, prediction)| (*prediction, *label)).collect();
        let (one, other) = (collected(&rows), collected(&turned));
        prop_assert_eq!(one.pearson().ok(), other.pearson().ok());
        prop_assert_eq!(one.spearman().ok(), other.spearman().ok());
    }

    #[test]
    fn the_scale_of_predictions_does_not_correlate(
        rows in some_rows(2), factor in 0.01_f64..100.0, offset in -10.0..10.0,
    ) {
        let scaled = |(label, prediction): &(f64, f64)| (*label, prediction * factor + offset);
        let moved: Rows = rows.iter().map(scaled).collect();
        if let (Ok(before), Ok(after)) = (collected(&rows).pearson(), collected(&moved).pearson()) {
            prop_assert!((before - after).abs() < 1e-6, "{before}, {after}");
        }
    }

    #[test]
    fn perfect_predictions_are_perfect(labels in prop::collection::vec(-1e3..1e3, 2..50)) {
        let predicted = PredictedScores::from_slices(&labels, &labels).unwrap();
        prop_assert_eq!(predicted.mean_squared_error(), Ok(0.0));
        prop_assert_eq!(predicted.r2(), Ok(1.0));
        if let Ok(pearson) = predicted.pearson() {
            prop_assert_eq!(pearson, 1.0);
            prop_assert_eq!(predicted.spearman(), Ok(1.0));
        }
    }

    #[test]
    fn a_number_that_is_none_is_named_with_its_row(
        mut rows in some_rows(1), position in any::<prop::sample::Index>(), label in any::<bool>(),
    ) {
        let position = position.index(rows.len());
        let bad = if label { &mut rows[position].0 } else { &mut rows[position].1 };
        *bad = f64::NAN;
        let (labels, predictions): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
        let error = PredictedScores::from_slices(&labels, &predictions).unwrap_err();
        let named = matches!(error, EvalError::InvalidRow { row, .. } if row == position as u64);
        prop_assert!(named, "{error}");
    }
}
