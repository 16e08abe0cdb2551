//! Audit of a dataset before training: duplicates, label conflicts and overlap between splits.
//!
//! A text that is in both the training and the test split inflates the test score. Equal texts with
//! different labels limit any score. Published datasets have both problems.

mod display;
mod lengths;
mod text_index;

use serde::{Deserialize, Serialize};

pub use lengths::{LengthBin, LengthStatistics, TruncationStatistics};
pub use text_index::text_hashes;

use crate::cleaning::Cleaning;
use crate::dataset::{Dataset, Label, Target};
use crate::splits::{Split, Splits};
use text_index::TextIndex;

/// Audit of the splits of a dataset. `Display` formats it as a table.
///
/// ```
/// use finetune_data::{Audit, Cleaning, CleaningStep, Dataset, Example, Label, Splits, Schema};
///
/// let dataset = |rows: &[(&str, usize)]| Dataset {
///     name: "tweets".into(),
///     schema: Schema::classification(["other", "disaster"]),
///     examples: rows.iter().map(|&(text, class)| Example::new(text, Label::Class(class))).collect(),
/// };
/// let train = dataset(&[("Fire!", 1), ("Fire!", 0), ("I'm on fire", 0)]);
/// let test = dataset(&[("fire!", 1), ("A flood", 1)]);
/// let splits = Splits::train_test(train, test);
///
/// let audit = Audit::new(&splits, &Cleaning::default());
/// assert_eq!(audit.splits[0].duplicates.redundant_rows, 1);
/// assert_eq!(audit.splits[0].conflicts.texts, 1);
/// assert_eq!(audit.shared[0].texts, 0);
///
/// let lower = Cleaning { steps: vec![CleaningStep::Lowercase] };
/// let audit = Audit::new(&splits, &lower);
/// assert_eq!(audit.shared[0].examples, [(0, 0)]); // the first row of both
/// println!("{audit}");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Cleaning steps applied before texts are compared.
    pub cleaning: Cleaning,
    /// Audit of each split.
    pub splits: Vec<SplitAudit>,
    /// Overlap of each pair of splits.
    pub shared: Vec<SplitOverlap>,
}

/// Audit of one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitAudit {
    /// The split.
    pub split: Split,
    /// Number of rows.
    pub rows: usize,
    /// Number of rows of each class, or of words; a row or word with several classes counts for each.
    pub classes: Vec<ClassCount>,
    /// Number of rows without a class: scores, unlabeled rows, and rows that have none of any number of
    /// classes.
    pub rows_without_class: usize,
    /// Number of rows with an empty or whitespace-only text (in pairs: either text).
    pub empty_texts: usize,
    /// Duplicate texts.
    pub duplicates: Duplicates,
    /// Equal texts with different labels.
    pub conflicts: Conflicts,
}

/// Number of rows of a class; of words for classes of words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// Name of the class.
    pub class: String,
    /// Number of rows or words.
    pub rows: usize,
}

/// Duplicate texts in a split. Pairs are duplicates if both texts are equal, in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Number of distinct texts that occur more than once.
    pub texts: usize,
    /// Number of rows that deduplication would remove.
    pub redundant_rows: usize,
    /// Row indices, from 0, of the first duplicate texts (at most [`Audit::EXAMPLES`]).
    pub examples: Vec<Vec<usize>>,
}

/// Equal texts with different labels; any two different scores conflict. Unlabeled rows conflict
/// with none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflicts {
    /// Number of distinct texts with conflicting labels.
    pub texts: usize,
    /// Number of rows of these texts.
    pub rows: usize,
    /// Minimum number of mislabeled rows: labeled rows that do not have the most frequent label of
    /// their text. No model that sees only the text can predict all of them correctly.
    pub min_label_errors: usize,
    /// Row indices, from 0, of the first conflicting texts (at most [`Audit::EXAMPLES`]).
    pub examples: Vec<Vec<usize>>,
}

/// Texts that two splits have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitOverlap {
    /// The first split.
    pub first: Split,
    /// The second split.
    pub second: Split,
    /// Number of distinct common texts.
    pub texts: usize,
    /// Number of rows of the first split with a common text.
    pub rows_of_first: usize,
    /// Number of rows of the second split with a common text.
    pub rows_of_second: usize,
    /// Number of common texts whose labels differ between the splits.
    pub conflicting_texts: usize,
    /// Row indices, from 0, in the first and the second split of the first common texts.
    pub examples: Vec<(usize, usize)>,
}

impl Audit {
    /// Maximum number of examples listed for each finding.
    pub const EXAMPLES: usize = 5;

    /// Audits all splits. Texts are compared after `cleaning`; the splits are not modified.
    ///
    /// Memory use is 24 bytes per row; texts are not copied.
    pub fn new(splits: &Splits, cleaning: &Cleaning) -> Self {
        Self::of_datasets(splits.iter(), cleaning)
    }

    /// Audits datasets with their splits, as [`Self::new`].
    pub fn of_datasets<'a>(
        datasets: impl IntoIterator<Item = (Split, &'a Dataset)>,
        cleaning: &Cleaning,
    ) -> Self {
        let indexed: Vec<(Split, &Dataset, TextIndex)> = datasets
            .into_iter()
            .map(|(split, dataset)| (split, dataset, TextIndex::new(dataset, cleaning)))
            .collect();
        let audits = indexed
            .iter()
            .map(|(split, dataset, index)| split_audit(*split, dataset, index));
        let pairs = indexed.iter().enumerate().flat_map(|(place, first)| {
            indexed[place + 1..]
                .iter()
                .map(move |second| (first, second))
        });
        Self {
            cleaning: cleaning.clone(),
            splits: audits.collect(),
            shared: pairs
                .map(|(first, second)| shared_texts(first, second))
                .collect(),
        }
    }
}

fn split_audit(split: Split, dataset: &Dataset, index: &TextIndex) -> SplitAudit {
    let (mut duplicates, mut conflicts) = (Vec::new(), Vec::new());
    let (mut redundant_rows, mut rows, mut min_label_errors) = (0, 0, 0);
    for group in index.groups().filter(|group| group.len() > 1) {
        duplicates.push(group[0].row);
        redundant_rows += group.len() - 1;
        let labels = group.iter().map(|text| &dataset.examples[text.row].label);
        let wrong = rows_wrong_at_least_of(labels);
        if wrong > 0 {
            conflicts.push(group[0].row);
            rows += group.len();
            min_label_errors += wrong;
        }
    }
    let counts = match dataset.schema.target {
        Target::TokenClasses(_) => dataset.word_counts(),
        _ => dataset.class_counts(),
    };
    let classes = dataset.class_names().iter().zip(counts);
    let labels = dataset.examples.iter().map(|example| &example.label);
    SplitAudit {
        split,
        rows: dataset.len(),
        rows_without_class: labels.filter(|label| label.classes().is_empty()).count(),
        classes: classes
            .map(|(class, rows)| ClassCount {
                class: class.clone(),
                rows,
            })
            .collect(),
        empty_texts: index.empty_texts,
        duplicates: Duplicates {
            texts: duplicates.len(),
            redundant_rows,
            examples: index.first_groups(duplicates),
        },
        conflicts: Conflicts {
            texts: conflicts.len(),
            rows,
            min_label_errors,
            examples: index.first_groups(conflicts),
        },
    }
}

/// Returns the number of labeled rows that do not have the most frequent label.
fn rows_wrong_at_least_of<'a>(labels: impl Iterator<Item = &'a Label>) -> usize {
    let mut counts: Vec<(&Label, usize)> = Vec::new();
    for label in labels.filter(|label| **label != Label::Unlabeled) {
        match counts.iter_mut().find(|(known, _)| *known == label) {
            Some((_, count)) => *count += 1,
            None => counts.push((label, 1)),
        }
    }
    let labeled: usize = counts.iter().map(|(_, count)| count).sum();
    labeled - counts.iter().map(|(_, count)| *count).max().unwrap_or(0)
}

fn shared_texts(
    (first, first_data, first_index): &(Split, &Dataset, TextIndex),
    (second, second_data, second_index): &(Split, &Dataset, TextIndex),
) -> SplitOverlap {
    let mut found = SplitOverlap {
        first: *first,
        second: *second,
        texts: 0,
        rows_of_first: 0,
        rows_of_second: 0,
        conflicting_texts: 0,
        examples: Vec::new(),
    };
    for (ones, others) in first_index.shared_groups(second_index) {
        found.texts += 1;
        found.rows_of_first += ones.len();
        found.rows_of_second += others.len();
        let ones_labels = || ones.iter().map(|text| &first_data.examples[text.row].label);
        let mut others_labels = others
            .iter()
            .map(|text| &second_data.examples[text.row].label);
        let labeled = |label: &Label| *label != Label::Unlabeled;
        let differs = |one: &Label, other: &Label| one != other && labeled(one) && labeled(other);
        if others_labels.any(|other| ones_labels().any(|one| differs(one, other))) {
            found.conflicting_texts += 1;
        }
        found.examples.push((ones[0].row, others[0].row));
    }
    found.examples.sort_unstable();
    found.examples.truncate(Audit::EXAMPLES);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cleaning::CleaningStep;
    use crate::dataset::{Example, Schema, TextArity};

    fn dataset(rows: &[(&str, Label)]) -> Dataset {
        Dataset {
            name: "texts".into(),
            schema: Schema::classification(["a", "b", "c"]),
            examples: rows
                .iter()
                .map(|(text, label)| Example::new(*text, label.clone()))
                .collect(),
        }
    }

    const A: Label = Label::Class(0);
    const B: Label = Label::Class(1);
    const NONE: Label = Label::Unlabeled;

    #[test]
    fn a_split_is_counted_by_its_texts() {
        let rows = [
            ("x", A),
            ("y", B),
            ("x", B),
            ("z", A),
            ("x", A),
            ("y", B),
            (" ", NONE),
        ];
        let audit = Audit::new(
            &Splits::train_test(dataset(&rows), dataset(&[("w", A)])),
            &Cleaning::default(),
        );
        let train = &audit.splits[0];
        let counts: Vec<usize> = train.classes.iter().map(|class| class.rows).collect();
        assert_eq!(
            (counts, train.rows_without_class, train.empty_texts),
            (vec![3, 3, 0], 1, 1)
        );
        assert_eq!(
            train.duplicates,
            Duplicates {
                texts: 2,
                redundant_rows: 3,
                examples: vec![vec![0, 2, 4], vec![1, 5]],
            }
        );
        assert_eq!(
            train.conflicts,
            Conflicts {
                texts: 1,
                rows: 3,
                min_label_errors: 1,
                examples: vec![vec![0, 2, 4]],
            }
        );
        assert_eq!((audit.shared.len(), audit.shared[0].texts), (1, 0));
    }

    #[test]
    fn rows_and_words_with_several_classes_are_counted_for_each() {
        let names = || vec!["a".to_string(), "b".to_string()];
        let audit = |target: Target, labels: [Label; 3]| {
            let rows = ["x", "y", "z"].into_iter().zip(labels);
            let dataset = Dataset {
                name: "texts".into(),
                schema: Schema {
                    texts: TextArity::Single,
                    target,
                },
                examples: rows
                    .map(|(text, label)| Example::new(text, label))
                    .collect(),
            };
            let audit = Audit::of_datasets([(Split::Test, &dataset)], &Cleaning::default());
            let split = &audit.splits[0];
            let counts = split.classes.iter().map(|class| class.rows);
            (counts.collect::<Vec<_>>(), split.rows_without_class)
        };
        let sets = [vec![0, 1], vec![0, 1], vec![]].map(Label::Classes);
        assert_eq!(audit(Target::MultiLabel(names()), sets), (vec![2, 2], 1));
        let words = [vec![0, 1, 1], vec![1], vec![1]].map(Label::TokenClasses);
        assert_eq!(audit(Target::TokenClasses(names()), words), (vec![1, 4], 0));
    }

    #[test]
    fn every_two_splits_are_compared() {
        let splits = Splits {
            train: dataset(&[("x", A), ("y", B), ("x", A)]),
            validation: Some(dataset(&[("y", A), ("v", A), ("y", B)])),
            test: Some(dataset(&[("w", NONE), ("x", NONE), ("y", NONE)])),
            unlabeled: None,
        };
        let audit = Audit::new(&splits, &Cleaning::default());
        let found: Vec<_> = audit
            .shared
            .iter()
            .map(|pair| {
                (
                    pair.texts,
                    pair.rows_of_first,
                    pair.rows_of_second,
                    pair.conflicting_texts,
                )
            })
            .collect();
        assert_eq!(found, [(1, 1, 2, 1), (2, 3, 2, 0), (1, 2, 1, 0)]);
        assert_eq!(audit.shared[1].examples, [(0, 1), (1, 2)]);
        let text = serde_json::to_string(&audit).unwrap();
        assert_eq!(serde_json::from_str::<Audit>(&text).unwrap(), audit);
    }

    #[test]
    fn of_a_pair_both_texts_count() {
        let mut data = dataset(&[]);
        data.schema.texts = TextArity::Pair;
        data.examples = [("a", "b"), ("b", "a"), ("ab", ""), ("a", "b"), ("A", "B")]
            .map(|(text, pair)| Example::pair(text, pair, A))
            .to_vec();
        let of = |cleaning: &Cleaning| {
            let splits = Splits {
                train: data.clone(),
                validation: None,
                test: None,
                unlabeled: None,
            };
            Audit::new(&splits, cleaning).splits.remove(0)
        };
        let split = of(&Cleaning::default());
        assert_eq!(split.duplicates.examples, [[0, 3]]);
        assert_eq!(split.empty_texts, 1);
        let lower = Cleaning {
            steps: vec![CleaningStep::Lowercase],
        };
        assert_eq!(of(&lower).duplicates.examples, [[0, 3, 4]]);
    }

    #[test]
    fn the_table_has_what_was_found() {
        let splits = Splits::train_test(dataset(&[("x", A), ("x", B)]), dataset(&[("x", A)]));
        let table = Audit::new(&splits, &Cleaning::default()).to_string();
        for line in [
            "train                2          1         1            1          2            1",
            "in train and test: 1 texts (2 and 1 rows), 1 with different labels; rows 0/0",
            "train, equal texts, different labels, the first rows: 0, 1",
            "          1  50.00 %  a",
        ] {
            assert!(table.contains(line), "{line}\n{table}");
        }
    }
}
