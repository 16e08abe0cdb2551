//! Properties of the confusion matrix and of the scores derived from it.

use finetune_eval::{ClassificationReport, ConfusionMatrix, EvalError, KappaWeights, Normalize};
use proptest::prelude::*;

/// 2 to 25 classes (across the border between the whole table and the list of confusions).
const CLASSES: std::ops::Range<usize> = 2..26;

type Rows = Vec<(usize, usize)>;

fn rows(classes: usize, least: usize) -> impl Strategy<Value = Rows> {
    prop::collection::vec((0..classes, 0..classes), least..200)
}

fn names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class {class}")).collect()
}

fn count(rows: &[(usize, usize)], classes: usize) -> ConfusionMatrix {
    let mut matrix = ConfusionMatrix::new(names(classes)).unwrap();
    for &(label, prediction) in rows {
        matrix.add(label, prediction).unwrap();
    }
    matrix
}

fn report(rows: &[(usize, usize)], classes: usize) -> ClassificationReport {
    ClassificationReport::from_confusion_matrix(&count(rows, classes)).unwrap()
}

fn some_rows() -> impl Strategy<Value = (usize, Rows)> {
    CLASSES.prop_flat_map(|classes| (Just(classes), rows(classes, 1)))
}

proptest! {
    #[test]
    fn accuracy_is_the_trace_over_the_total((classes, rows) in some_rows()) {
        let matrix = count(&rows, classes);
        let trace: u64 = (0..classes).map(|class| matrix.count(class, class)).sum();
        let equal = rows.iter().filter(|(label, prediction)| label == prediction).count() as u64;
        prop_assert_eq!(matrix.total(), rows.len() as u64);
        prop_assert_eq!(matrix.correct(), equal);
        prop_assert_eq!(trace, equal);
        let expected = trace as f64 / rows.len() as f64;
        prop_assert_eq!(report(&rows, classes).accuracy, expected);
    }

    #[test]
    fn streaming_equals_slices((classes, rows) in some_rows()) {
        let (labels, predictions): (Vec<usize>, Vec<usize>) = rows.iter().copied().unzip();
        let at_once = ConfusionMatrix::from_slices(&labels, &predictions, names(classes)).unwrap();
        prop_assert_eq!(at_once, count(&rows, classes));
    }

    #[test]
    fn the_order_of_rows_changes_nothing(
        (classes, rows, shuffled) in some_rows().prop_flat_map(|(classes, rows)| (
            Just(classes),
            Just(rows.clone()),
            Just(rows).prop_shuffle(),
        ))
    ) {
        prop_assert_eq!(count(&rows, classes), count(&shuffled, classes));
        prop_assert_eq!(report(&rows, classes), report(&shuffled, classes));
    }

    #[test]
    fn scores_lie_between_0_and_1((classes, rows) in some_rows()) {
        let report = report(&rows, classes);
        let mut scores = vec![
            report.accuracy,
            report.macro_precision,
            report.macro_recall,
            report.macro_f1,
            report.weighted_precision,
            report.weighted_recall,
            report.weighted_f1,
        ];
        for class in &report.per_class {
            scores.extend([class.precision, class.recall, class.f1]);
            // F1 is a mean of the two.
            let (low, high) =
                (class.precision.min(class.recall), class.precision.max(class.recall));
            prop_assert!(low - 1e-12 <= class.f1 && class.f1 <= high + 1e-12);
        }
        for score in scores {
            prop_assert!((0.0..=1.0).contains(&score), "{score}");
        }
        let support: u64 = report.per_class.iter().map(|class| class.support).sum();
        prop_assert_eq!(support, report.rows);
    }

    #[test]
    fn perfect_predictions_score_1(
        classes in CLASSES, labels in prop::collection::vec(0_usize..26, 0..100),
    ) {
        // Every class occurs, else its F1 would be 0 by convention.
        let labels: Vec<usize> =
            labels.into_iter().map(|label| label % classes).chain(0..classes).collect();
        let report = ClassificationReport::from_slices(&labels, &labels, names(classes)).unwrap();
        prop_assert_eq!(report.accuracy, 1.0);
        prop_assert_eq!(report.macro_precision, 1.0);
        prop_assert_eq!(report.macro_recall, 1.0);
        prop_assert_eq!(report.macro_f1, 1.0);
        prop_assert_eq!(report.weighted_f1, 1.0);
    }

    #[test]
    fn shares_of_a_class_add_up_to_1_or_0((classes, rows) in some_rows()) {
        let matrix = count(&rows, classes);
        for (counts, shares) in matrix.counts_by_true().iter().zip(matrix.normalized(Normalize::True)) {
            let expected = if counts.iter().sum::<u64>() == 0 { 0.0 } else { 1.0 };
            prop_assert!((shares.iter().sum::<f64>() - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn confusions_hold_every_error_once((classes, rows) in some_rows()) {
        let matrix = count(&rows, classes);
        let confusions = matrix.confusions();
        let errors: u64 = confusions.iter().map(|confusion| confusion.count).sum();
        prop_assert_eq!(errors, matrix.total() - matrix.correct());
        prop_assert!(confusions.is_sorted_by(|a, b| a.count >= b.count));
    }

    #[test]
    fn a_class_outside_the_list_is_named_with_its_row(
        (classes, mut rows) in some_rows(),
        position in any::<prop::sample::Index>(),
        beyond in 0_usize..9,
    ) {
        let row = position.index(rows.len());
        rows[row].0 = classes + beyond;
        let (labels, predictions): (Vec<usize>, Vec<usize>) = rows.into_iter().unzip();
        let error = ConfusionMatrix::from_slices(&labels, &predictions, names(classes)).unwrap_err();
        let named = matches!(error, EvalError::InvalidRow { row: at, .. } if at == row as u64);
        prop_assert!(named, "{error}");
    }

    #[test]
    fn json_round_trips((classes, rows) in some_rows()) {
        let matrix = count(&rows, classes);
        let json = serde_json::to_string(&matrix).unwrap();
        prop_assert_eq!(serde_json::from_str::<ConfusionMatrix>(&json).unwrap(), matrix);
    }

    #[test]
    fn any_class_names_print(
        first in any::<String>(), second in any::<String>(), (classes, rows) in some_rows(),
    ) {
        let mut names = names(classes);
        names[0] = first;
        names[1] = second;
        let (labels, predictions): (Vec<usize>, Vec<usize>) = rows.into_iter().unzip();
        let matrix = ConfusionMatrix::from_slices(&labels, &predictions, names).unwrap();
        prop_assert!(matrix.to_string().ends_with('\n'));
    }

    #[test]
    fn shares_add_up_to_1(
        (classes, rows) in some_rows(),
    ) {
        let matrix = count(&rows, classes);
        let near_1 = |sum: f64| (sum - 1.0).abs() < 1e-12;
        let of_all = matrix.normalized(Normalize::All);
        prop_assert!(near_1(of_all.iter().flatten().sum()));
        let of_predicted = matrix.normalized(Normalize::Pred);
        for class in 0..classes {
            let sum: f64 = of_predicted.iter().map(|row| row[class]).sum();
            prop_assert!(sum == 0.0 || near_1(sum));
        }
    }

    #[test]
    fn agreement_is_the_same_both_ways_round((classes, rows) in some_rows()) {
        let matrix = count(&rows, classes);
        let turned: Rows = rows.iter().map(|(label, prediction)| (*prediction, *label)).collect();
        let turned = count(&turned, classes);
        prop_assert_eq!(matrix.matthews_correlation(), turned.matthews_correlation());
        for weights in [KappaWeights::None, KappaWeights::Linear, KappaWeights::Quadratic] {
            let (one, other) = (matrix.cohen_kappa(weights), turned.cohen_kappa(weights));
            match (one, other) {
                (Ok(one), Ok(other)) => prop_assert!((one - other).abs() < 1e-9),
                (one, other) => prop_assert_eq!(one, other),
            }
        }
    }
}
