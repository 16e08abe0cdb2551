//! Properties of the scores of probabilities and rankings.

use finetune_eval::{
    BinStrategy, BinaryRanking, Binning, EvalError, MetricKind, MetricSource, MulticlassAverage,
    PredictedProbabilities,
};
use proptest::prelude::*;

type Row = (usize, Vec<f64>);

/// Probabilities in eighths, so that many are equal, or of any size.
fn row(classes: usize) -> impl Strategy<Value = Row> {
    let weights = prop_oneof![
        prop::collection::vec((0_u8..4).prop_map(f64::from), classes),
        prop::collection::vec(0.0..1.0, classes),
    ];
    (0..classes, weights).prop_map(|(label, mut weights)| {
        weights[0] += 1e-3;
        let sum: f64 = weights.iter().sum();
        (label, weights.iter().map(|weight| weight / sum).collect())
    })
}

fn some_rows() -> impl Strategy<Value = (usize, Vec<Row>)> {
    (2_usize..6)
        .prop_flat_map(|classes| (Just(classes), prop::collection::vec(row(classes), 1..80)))
}

fn collected(classes: usize, rows: &[Row]) -> PredictedProbabilities {
    let mut predicted = PredictedProbabilities::new(classes).unwrap();
    for (label, probabilities) in rows {
        predicted.add(*label, probabilities).unwrap();
    }
    predicted
}

/// Every metric that the rows define, down to the last digit.
fn all_scores(predicted: &PredictedProbabilities) -> Vec<(MetricKind, Option<u64>)> {
    let metrics = MetricKind::ALL
        .iter()
        .copied()
        .chain([MetricKind::TopKAccuracy(2)]);
    metrics
        .map(|metric| (metric, predicted.score(metric).ok().map(f64::to_bits)))
        .collect()
}

proptest! {
    #[test]
    fn scores_lie_in_their_ranges((classes, rows) in some_rows()) {
        let predicted = collected(classes, &rows);
        for &metric in MetricKind::ALL {
            let Ok(score) = predicted.score(metric) else { continue };
            let range = match metric {
                MetricKind::LogLoss => 0.0..=36.1,
                MetricKind::BrierScore if classes > 2 => 0.0..=2.0,
                MetricKind::MatthewsCorrelation => -1.0..=1.0,
                MetricKind::CohenKappa | MetricKind::LinearKappa | MetricKind::QuadraticKappa => {
                    f64::NEG_INFINITY..=1.0
                }
                _ => 0.0..=1.0,
            };
            prop_assert!(range.contains(&score), "{metric}: {score}");
        }
    }

    #[test]
    fn the_order_of_rows_changes_no_digit(
        (classes, rows, shuffled) in some_rows().prop_flat_map(|(classes, rows)| (
            Just(classes),
            Just(rows.clone()),
            Just(rows).prop_shuffle(),
        ))
    ) {
        let shuffled = collected(classes, &shuffled);
        prop_assert_eq!(all_scores(&collected(classes, &rows)), all_scores(&shuffled));
    }

    #[test]
    fn a_larger_k_is_no_worse((classes, rows) in some_rows()) {
        let predicted = collected(classes, &rows);
        let accuracies: Vec<f64> =
            (1..=classes).map(|k| predicted.top_k_accuracy(k).unwrap()).collect();
        prop_assert!(accuracies.is_sorted());
        prop_assert_eq!(accuracies[classes - 1], 1.0);
    }

    #[test]
    fn every_row_is_in_one_bin(
        (classes, rows) in some_rows(),
        bins in 1_usize..20,
        uniform in any::<bool>(),
    ) {
        let strategy = if uniform { BinStrategy::Uniform } else { BinStrategy::Quantile };
        let predicted = collected(classes, &rows);
        let reliability = predicted.reliability(Binning { bins, strategy }).unwrap();
        let counted: u64 = reliability.bins.iter().map(|bin| bin.rows).sum();
        prop_assert_eq!(counted, rows.len() as u64);
        let ece = reliability.expected_calibration_error;
        prop_assert!(ece <= reliability.maximum_calibration_error + 1e-12);
        for bin in &reliability.bins {
            let (low, high) = (bin.lower - 1e-12, bin.upper + 1e-12);
            prop_assert!((low..=high).contains(&bin.confidence), "{bin:?}");
        }
    }

    #[test]
    fn the_negated_scores_have_the_rest_of_the_area(
        rows in prop::collection::vec((any::<bool>(), -4_i8..4), 2..60),
    ) {
        let ranking = |sign: f64| {
            let (positive, scores): (Vec<bool>, Vec<f64>) =
                rows.iter().map(|(positive, score)| (*positive, sign * f64::from(*score))).unzip();
            BinaryRanking::from_slices(&positive, &scores).unwrap()
        };
        match (ranking(1.0).roc_auc(), ranking(-1.0).roc_auc()) {
            (Ok(area), Ok(rest)) => prop_assert!((area + rest - 1.0).abs() < 1e-12),
            (area, rest) => {
                prop_assert_eq!(area.clone(), rest);
                let undefined = matches!(area, Err(EvalError::Undefined { .. }));
                prop_assert!(undefined);
            }
        }
    }

    #[test]
    fn the_area_is_that_under_the_points_of_the_curve(
        rows in prop::collection::vec((any::<bool>(), -4_i8..4), 2..60),
    ) {
        let (positive, scores): (Vec<bool>, Vec<f64>) =
            rows.iter().map(|(positive, score)| (*positive, f64::from(*score))).unzip();
        let ranking = BinaryRanking::from_slices(&positive, &scores).unwrap();
        let Ok(curve) = ranking.roc_curve() else { return Ok(()) };
        for points in [&curve.points, &curve.drop_intermediate().points] {
            let area: f64 = points
                .windows(2)
                .map(|pair| {
                    let width = pair[1].false_positive_rate - pair[0].false_positive_rate;
                    width * (pair[0].true_positive_rate + pair[1].true_positive_rate) / 2.0
                })
                .sum();
            prop_assert!((area - ranking.roc_auc().unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn perfect_probabilities_are_perfect(
        labels in prop::collection::vec(0_usize..4, 0..40),
    ) {
        let labels: Vec<usize> = labels.into_iter().chain(0..4).collect();
        let rows: Vec<Vec<f64>> = labels
            .iter()
            .map(|label| (0..4).map(|class| f64::from(u8::from(class == *label))).collect())
            .collect();
        let predicted = PredictedProbabilities::from_slices(&labels, &rows).unwrap();
        prop_assert_eq!(predicted.roc_auc(MulticlassAverage::OneVsOneMacro), Ok(1.0));
        prop_assert_eq!(predicted.average_precision(), Ok(1.0));
        prop_assert_eq!(predicted.brier_score(), Ok(0.0));
        prop_assert_eq!(predicted.score(MetricKind::ExpectedCalibrationError), Ok(0.0));
        prop_assert!(predicted.log_loss().unwrap() < 1e-15);
    }

    #[test]
    fn a_number_that_is_none_is_named_with_its_row(
        (classes, mut rows) in some_rows(),
        position in any::<prop::sample::Index>(),
        bad in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ) {
        let position = position.index(rows.len());
        rows[position].1[classes - 1] = bad;
        let (labels, rows): (Vec<usize>, Vec<Vec<f64>>) = rows.into_iter().unzip();
        let error = PredictedProbabilities::from_slices(&labels, &rows).unwrap_err();
        let named = matches!(error, EvalError::InvalidRow { row, .. } if row == position as u64);
        prop_assert!(named, "{error}");
    }
}
