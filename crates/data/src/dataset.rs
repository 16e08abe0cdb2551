//! Texts with labels, in memory.

use finetune_random::{Purpose, permutation};
use sha2::{Digest, Sha256};

/// One text and its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The text, as the file has it.
    pub text: String,
    /// The class, a position in [`Dataset::class_names`].
    pub label: usize,
}

/// A classification data set, or one split of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// What reports call it, such as `ag_news/train`.
    pub name: String,
    /// The names of the classes; a label is a position in this list.
    pub class_names: Vec<String>,
    /// The rows, in the order of the file.
    pub examples: Vec<Example>,
}

/// The rows to train on and the rows to test on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    /// For training, and for choosing anything at all.
    pub train: Dataset,
    /// For the final score only. Both splits have the same class names.
    pub test: Dataset,
}

impl Dataset {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// The number of rows of each class.
    ///
    /// # Panics
    /// If a label is not below the number of class names.
    pub fn class_counts(&self) -> Vec<usize> {
        self.rows_by_class().iter().map(Vec::len).collect()
    }

    /// At most `rows` rows, each class with the share it has here.
    ///
    /// Which rows is a function of `seed` alone; they stay in the order they have here. With the
    /// same seed a class's rows in a smaller subset are also in a larger one.
    ///
    /// ```
    /// use finetune_data::{Dataset, Example};
    ///
    /// let examples = (0..100).map(|row| Example { text: row.to_string(), label: row % 4 / 3 });
    /// let dataset = Dataset {
    ///     name: "numbers".into(),
    ///     class_names: vec!["most".into(), "every fourth".into()],
    ///     examples: examples.collect(),
    /// };
    /// let subset = dataset.subset(20, 7);
    /// assert_eq!(subset.class_counts(), [15, 5]);
    /// assert_eq!(subset, dataset.subset(20, 7));
    /// ```
    ///
    /// # Panics
    /// If a label is not below the number of class names.
    pub fn subset(&self, rows: usize, seed: u64) -> Dataset {
        let classes = self.rows_by_class();
        let counts: Vec<usize> = classes.iter().map(Vec::len).collect();
        let quotas = proportional(&counts, rows.min(self.len()));
        let mut kept = Vec::with_capacity(rows.min(self.len()));
        for (class, (members, quota)) in classes.iter().zip(quotas).enumerate() {
            let order = permutation(seed, Purpose::Subset, class as u64, members.len());
            kept.extend(order.into_iter().take(quota).map(|place| members[place]));
        }
        kept.sort_unstable();
        Dataset {
            name: self.name.clone(),
            class_names: self.class_names.clone(),
            examples: kept
                .into_iter()
                .map(|row| self.examples[row].clone())
                .collect(),
        }
    }

    /// A hash of the class names and of all texts and labels in order, in hexadecimal: two data
    /// sets with one fingerprint have the same content, whatever file it came from.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        // Lengths go before what they count, so that no two contents give the same bytes.
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(b"finetune dataset 1");
        add(&(self.class_names.len() as u64).to_le_bytes());
        for name in &self.class_names {
            add(name.as_bytes());
        }
        for example in &self.examples {
            add(&(example.label as u64).to_le_bytes());
            add(example.text.as_bytes());
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn rows_by_class(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.class_names.len()];
        for (row, example) in self.examples.iter().enumerate() {
            rows[example.label].push(row);
        }
        rows
    }
}

/// Shares `total` out in proportion to `counts`: whole parts first, then one each to the largest
/// remainders (the first class on a tie).
fn proportional(counts: &[usize], total: usize) -> Vec<usize> {
    let all = counts.iter().sum::<usize>().max(1) as u128;
    let exact = |count: usize| count as u128 * total as u128;
    let mut quotas: Vec<usize> = counts
        .iter()
        .map(|&count| (exact(count) / all) as usize)
        .collect();
    let left = total - quotas.iter().sum::<usize>();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(exact(counts[class]) % all));
    for &class in by_remainder.iter().take(left) {
        quotas[class] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dataset(labels: &[usize]) -> Dataset {
        let text = |row: usize| format!("text {row}");
        let examples = labels.iter().enumerate();
        Dataset {
            name: "test".into(),
            class_names: vec!["a".into(), "b".into(), "c".into()],
            examples: examples
                .map(|(row, &label)| Example {
                    text: text(row),
                    label,
                })
                .collect(),
        }
    }

    /// A changed value here means that published fingerprints no longer match.
    #[test]
    fn fingerprints_never_change() {
        assert_eq!(
            dataset(&[0, 2]).fingerprint(),
            "b767840f900ecc012f31b772a29d94fe6eb2abc2324702f865cf4609c2c766bb"
        );
    }

    #[test]
    fn a_fingerprint_covers_texts_labels_order_and_class_names() {
        let original = dataset(&[0, 1, 2]);
        let mut others = vec![dataset(&[0, 1, 1]), dataset(&[0, 1])];
        others.push(Dataset {
            class_names: vec!["ab".into(), "".into(), "c".into()],
            ..original.clone()
        });
        let mut swapped = original.clone();
        swapped.examples.swap(0, 1);
        others.push(swapped);
        let mut moved = original.clone();
        moved.examples[0].text.push('t');
        others.push(moved);
        for other in others {
            assert_ne!(original.fingerprint(), other.fingerprint());
        }
        let renamed = Dataset {
            name: "other".into(),
            ..original.clone()
        };
        assert_eq!(original.fingerprint(), renamed.fingerprint());
    }

    #[test]
    fn remainders_go_to_the_largest() {
        assert_eq!(proportional(&[3, 3, 4], 5), [2, 1, 2]);
        assert_eq!(proportional(&[0, 1, 0], 1), [0, 1, 0]);
        assert_eq!(proportional(&[], 0), [0usize; 0]);
    }

    proptest! {
        #[test]
        fn a_subset_is_stratified_ordered_and_repeatable(
            labels in prop::collection::vec(0usize..3, 0..80),
            rows in 0usize..100,
            seed: u64,
        ) {
            let full = dataset(&labels);
            let subset = full.subset(rows, seed);
            prop_assert_eq!(&subset, &full.subset(rows, seed));
            prop_assert_eq!(subset.len(), rows.min(full.len()));
            let place = |example: &Example| full.examples.iter().position(|other| other == example);
            let places: Vec<_> = subset.examples.iter().map(|example| place(example).unwrap()).collect();
            prop_assert!(places.is_sorted_by(|a, b| a < b));
            for (kept, all) in subset.class_counts().into_iter().zip(full.class_counts()) {
                let exact = all as f64 * subset.len() as f64 / full.len().max(1) as f64;
                prop_assert!((kept as f64 - exact).abs() < 1.0);
            }
        }
    }
}
