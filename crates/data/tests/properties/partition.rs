//! Splits and folds.

use finetune_data::{Dataset, Example, Folds, Label, Schema};
use proptest::prelude::*;

fn dataset(labels: &[Option<usize>]) -> Dataset {
    let example = |(row, label): (usize, &Option<usize>)| {
        Example::new(
            row.to_string(),
            label.map_or(Label::Unlabeled, Label::Class),
        )
    };
    Dataset {
        name: "rows".into(),
        schema: Schema::classification(["a", "b", "c", "d", "e"]),
        examples: labels.iter().enumerate().map(example).collect(),
    }
}

/// Labels as unequal as 1 to 20; some rows have none.
fn labels(least: usize) -> impl Strategy<Value = Vec<Option<usize>>> {
    let label = prop_oneof![
        20 => Just(Some(0)),
        8 => Just(Some(1)),
        4 => Just(Some(2)),
        1 => Just(Some(3)),
        1 => Just(None),
    ];
    prop::collection::vec(label, least..200)
}

fn count(labels: &[Option<usize>], rows: &[usize], label: Option<usize>) -> usize {
    rows.iter().filter(|&&row| labels[row] == label).count()
}

fn is_ordered(rows: &[usize]) -> bool {
    rows.is_sorted_by(|one, other| one < other)
}

proptest! {
    #[test]
    fn parts_are_disjoint_and_of_the_size_asked_for(
        labels in labels(1),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        seed: u64,
    ) {
        let data = dataset(&labels);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(labels.len()) + 1).collect();
        ends.sort_unstable();
        ends.dedup();
        let starts = std::iter::once(&0).chain(&ends);
        let sizes: Vec<usize> = ends.iter().zip(starts).map(|(end, start)| end - start).collect();
        let parts = data.split_counts(&sizes, seed).unwrap();
        prop_assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), sizes.clone());
        prop_assert!(parts.iter().all(|rows| is_ordered(rows)));
        let mut all = parts.concat();
        all.sort_unstable();
        prop_assert!(is_ordered(&all));
        // Each class has its share, give or take a row.
        for label in [Some(0), Some(1), Some(2), Some(3), None] {
            let every: Vec<usize> = (0..labels.len()).collect();
            let share = count(&labels, &every, label) as f64 / labels.len() as f64;
            for rows in &parts {
                let exact = share * rows.len() as f64;
                prop_assert!((count(&labels, rows, label) as f64 - exact).abs() <= 1.0 + 1e-9);
            }
        }
        prop_assert_eq!(parts, data.split_counts(&sizes, seed).unwrap());
    }

    #[test]
    fn shares_of_everything_use_each_row(
        labels in labels(30),
        weights in prop::collection::vec(0.2f64..1.0, 1..5),
        seed: u64,
    ) {
        let all: f64 = weights.iter().sum();
        let shares: Vec<f64> = weights.iter().map(|weight| weight / all).collect();
        let parts = dataset(&labels).split(&shares, seed).unwrap();
        prop_assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), labels.len());
        for (rows, share) in parts.iter().zip(&shares) {
            prop_assert!((rows.len() as f64 - share * labels.len() as f64).abs() <= 1.0 + 1e-6);
        }
    }

    #[test]
    fn folds_partition_and_are_balanced(labels in labels(10), k in 2usize..11, seed: u64) {
        let data = dataset(&labels);
        for folds in [Folds::k_fold(&data, k, seed), Folds::stratified_k_fold(&data, k, seed)] {
            let folds = folds.unwrap();
            let tests: Vec<Vec<usize>> = (0..k).map(|fold| folds.test(fold).unwrap()).collect();
            let mut all = tests.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            let sizes = tests.iter().map(Vec::len);
            prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
            for (fold, test) in tests.iter().enumerate() {
                let mut both = [folds.train(fold).unwrap(), test.clone()].concat();
                prop_assert!(is_ordered(test));
                both.sort_unstable();
                prop_assert!(is_ordered(&both) && both.len() == labels.len());
            }
        }
        let folds = Folds::stratified_k_fold(&data, k, seed).unwrap();
        prop_assert_eq!(&folds, &Folds::stratified_k_fold(&data, k, seed).unwrap());
        for label in [Some(0), Some(1), Some(2), Some(3), None] {
            let counts = (0..k).map(|fold| count(&labels, &folds.test(fold).unwrap(), label));
            prop_assert!(counts.clone().max().unwrap() - counts.min().unwrap() <= 1);
        }
    }

    #[test]
    fn groups_stay_together(
        groups in prop::collection::vec(0u8..30, 60..200),
        k in 2usize..6,
        seed: u64,
    ) {
        let data = dataset(&vec![None; groups.len()]);
        let folds = Folds::group_k_fold(&data, &groups, k, seed).unwrap();
        let sizes: Vec<usize> = (0..k).map(|fold| folds.test(fold).unwrap().len()).collect();
        prop_assert_eq!(sizes.iter().sum::<usize>(), groups.len());
        for (row, group) in groups.iter().enumerate() {
            let first = groups.iter().position(|other| other == group).unwrap();
            prop_assert_eq!(folds.fold_of_row()[row], folds.fold_of_row()[first]);
        }
        // A fold was the lightest when it was dealt its last group.
        let largest = (0u8..30).map(|group| groups.iter().filter(|&&other| other == group).count());
        let largest = largest.max().unwrap();
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= largest);
    }

    #[test]
    fn a_fold_file_brings_the_folds_back(labels in labels(10), k in 2usize..11, seed: u64) {
        let data = dataset(&labels);
        let folds = Folds::stratified_k_fold(&data, k, seed).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folds.json");
        folds.save(&path).unwrap();
        prop_assert_eq!(Folds::load(&path, &data).unwrap(), folds);
    }
}
