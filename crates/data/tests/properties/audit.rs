//! The audit against the plain way of counting.

use std::collections::{BTreeMap, BTreeSet};

use finetune_data::{Audit, Cleaning, Dataset, Example, Label, Schema, Splits};
use proptest::prelude::*;

fn datasets() -> impl Strategy<Value = Dataset> {
    prop::collection::vec(("[ab]{0,3}", 0usize..3), 0..40).prop_map(|rows| Dataset {
        name: "rows".into(),
        schema: Schema::classification(["a", "b", "c"]),
        examples: rows
            .into_iter()
            .map(|(text, class)| Example::new(text, Label::Class(class)))
            .collect(),
    })
}

fn rows_of_texts(dataset: &Dataset) -> BTreeMap<&str, Vec<usize>> {
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, example) in dataset.examples.iter().enumerate() {
        rows.entry(&example.text).or_default().push(row);
    }
    rows
}

proptest! {
    #[test]
    fn the_audit_counts_texts(train in datasets(), test in datasets()) {
        let splits = Splits::train_test(train, test);
        let audit = Audit::new(&splits, &Cleaning::default());
        for ((_, dataset), found) in splits.iter().zip(&audit.splits) {
            let texts = rows_of_texts(dataset);
            let duplicates = texts.values().filter(|rows| rows.len() > 1);
            prop_assert_eq!(found.duplicates.texts, duplicates.count());
            prop_assert_eq!(found.duplicates.redundant_rows, dataset.len() - texts.len());
            let labels = |rows: &[usize]| -> BTreeSet<_> {
                rows.iter().map(|&row| dataset.examples[row].label.class()).collect()
            };
            let conflicts = texts.values().filter(|rows| labels(rows).len() > 1);
            prop_assert_eq!(found.conflicts.texts, conflicts.clone().count());
            prop_assert_eq!(found.conflicts.rows, conflicts.map(Vec::len).sum::<usize>());
            let empty = dataset.examples.iter().filter(|example| example.text.is_empty());
            prop_assert_eq!(found.empty_texts, empty.count());
        }
        let test = rows_of_texts(splits.test.as_ref().unwrap());
        let train = rows_of_texts(&splits.train);
        let shared = train.keys().filter(|text| test.contains_key(*text));
        prop_assert_eq!(audit.shared[0].texts, shared.clone().count());
        let rows = |of: &BTreeMap<&str, Vec<usize>>| shared.clone().map(|text| of[text].len()).sum::<usize>();
        prop_assert_eq!(audit.shared[0].rows_of_first, rows(&train));
        prop_assert_eq!(audit.shared[0].rows_of_second, rows(&test));
    }
}
