//! In-memory datasets of texts and labels.

use std::collections::BTreeMap;

use finetune_random::{Purpose, name_hash, permutation};
use serde::{Deserialize, Serialize};

use crate::content_hash::ContentHash;
use crate::random_rows::select_rows;

/// A text or a pair of texts, with its label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The text, as in the file.
    pub text: String,
    /// The second text of a pair; `None` for a single text.
    pub text_pair: Option<String>,
    /// The label.
    pub label: Label,
}

/// Label of an example; a class is an index into [`Dataset::class_names`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// A class.
    Class(usize),
    /// Any number of classes, in ascending order: multi-label classification.
    Classes(Vec<usize>),
    /// A class for each word of the text, which are separated by spaces: token classification.
    TokenClasses(Vec<usize>),
    /// A finite score.
    Score(f64),
    /// No label: the row is for prediction or masked language modeling.
    Unlabeled,
}

/// What the rows of a dataset are: the number of texts, and the kind of label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Number of texts per example.
    pub texts: TextArity,
    /// Kind of label to predict.
    pub target: Target,
}

/// Number of texts per example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextArity {
    /// One text.
    Single,
    /// Two texts, such as two questions.
    Pair,
}

/// Kind of label to predict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One of these classes; a label is an index into this list.
    Classes(Vec<String>),
    /// Any number of these classes.
    MultiLabel(Vec<String>),
    /// One of these classes for each word.
    TokenClasses(Vec<String>),
    /// A score in a range.
    Score {
        /// Minimum of the range.
        min: f64,
        /// Maximum of the range.
        max: f64,
    },
    /// No target: texts without labels.
    Unlabeled,
}

/// A dataset, or one split of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name used in reports, such as `ag_news/train`.
    pub name: String,
    /// Number of texts per example, and kind of label.
    pub schema: Schema,
    /// The rows, in file order.
    pub examples: Vec<Example>,
}

impl Example {
    /// Creates an example with one text.
    pub fn new(text: impl Into<String>, label: Label) -> Self {
        Self {
            text: text.into(),
            text_pair: None,
            label,
        }
    }

    /// Creates an example with a pair of texts.
    pub fn pair(text: impl Into<String>, text_pair: impl Into<String>, label: Label) -> Self {
        Self {
            text: text.into(),
            text_pair: Some(text_pair.into()),
            label,
        }
    }
}

impl Example {
    /// Returns the words of the text, which are separated by spaces.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split_whitespace()
    }
}

impl Label {
    /// Returns the class; `None` for any other label.
    pub fn class(&self) -> Option<usize> {
        match self {
            Self::Class(class) => Some(*class),
            _ => None,
        }
    }

    /// Returns whether the label is a set of classes below `count`: ascending, each at most once.
    pub fn is_class_set(&self, count: usize) -> bool {
        match self {
            Self::Classes(classes) => {
                classes.is_sorted_by(|a, b| a < b)
                    && classes.last().is_none_or(|last| *last < count)
            }
            _ => false,
        }
    }

    /// Returns all classes of the label.
    pub fn classes(&self) -> &[usize] {
        match self {
            Self::Class(class) => std::slice::from_ref(class),
            Self::Classes(classes) | Self::TokenClasses(classes) => classes,
            Self::Score(_) | Self::Unlabeled => &[],
        }
    }
}

impl Schema {
    /// Creates the schema of single texts with the given classes.
    pub fn classification<S: Into<String>>(class_names: impl IntoIterator<Item = S>) -> Self {
        Self {
            texts: TextArity::Single,
            target: Target::Classes(class_names.into_iter().map(Into::into).collect()),
        }
    }

    /// Creates the schema of single texts with any number of the given classes each.
    pub fn multi_label<S: Into<String>>(class_names: impl IntoIterator<Item = S>) -> Self {
        Self {
            texts: TextArity::Single,
            target: Target::MultiLabel(class_names.into_iter().map(Into::into).collect()),
        }
    }

    /// Creates the schema of single texts with one of the given classes for each word.
    pub fn token_classification<S: Into<String>>(class_names: impl IntoIterator<Item = S>) -> Self {
        Self {
            texts: TextArity::Single,
            target: Target::TokenClasses(class_names.into_iter().map(Into::into).collect()),
        }
    }

    /// Returns the class names; empty if the target is not a class.
    pub fn class_names(&self) -> &[String] {
        match &self.target {
            Target::Classes(names) | Target::MultiLabel(names) | Target::TokenClasses(names) => {
                names
            }
            Target::Score { .. } | Target::Unlabeled => &[],
        }
    }
}

impl Dataset {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Returns the class names; empty if the target is not a class.
    pub fn class_names(&self) -> &[String] {
        self.schema.class_names()
    }

    /// Returns the number of rows without a label, such as those of a test split whose labels are
    /// unpublished.
    pub fn num_unlabeled(&self) -> usize {
        let labels = self.examples.iter().map(|example| &example.label);
        labels.filter(|label| **label == Label::Unlabeled).count()
    }

    /// Returns the number of rows of each class, in the order of the class names. A row counts for
    /// each of its classes; the words of token classification are not counted.
    pub fn class_counts(&self) -> Vec<usize> {
        self.counts_of(|label| !matches!(label, Label::TokenClasses(_)))
    }

    /// Returns the number of words of each class, in the order of the class names, for token
    /// classification.
    pub(crate) fn word_counts(&self) -> Vec<usize> {
        self.counts_of(|label| matches!(label, Label::TokenClasses(_)))
    }

    fn counts_of(&self, counted: impl Fn(&Label) -> bool) -> Vec<usize> {
        let mut counts = vec![0; self.class_names().len()];
        let labels = self.examples.iter().map(|row| &row.label);
        let labels = labels.filter(|label| counted(label));
        for class in labels.flat_map(Label::classes) {
            // A dataset built by hand may contain invalid labels; encoding reports them.
            if let Some(count) = counts.get_mut(*class) {
                *count += 1;
            }
        }
        counts
    }

    /// Returns a dataset of the given rows, in the given order.
    ///
    /// # Panics
    /// If a row index is out of range.
    pub fn select(&self, rows: &[usize]) -> Dataset {
        Dataset {
            name: self.name.clone(),
            schema: self.schema.clone(),
            examples: select_rows(&self.examples, rows),
        }
    }

    /// Returns a dataset of the given rows with a name of its own.
    pub(crate) fn part(&self, name: &str, rows: &[usize]) -> Dataset {
        Dataset {
            name: format!("{}/{name}", self.name),
            ..self.select(rows)
        }
    }

    /// Returns a stratified random subset of at most `rows` rows.
    ///
    /// Class proportions are preserved. The selection depends only on `seed`, and rows keep their
    /// order. With the same seed, the rows of a class in a smaller subset are also in a larger one.
    /// Rows without a class are treated as one class. In multi-label data, each set of classes is
    /// treated as one class, so that classes occur together as often as in the whole.
    ///
    /// ```
    /// use finetune_data::{Dataset, Example, Label, Schema};
    ///
    /// let examples = (0..100).map(|row| Example::new(row.to_string(), Label::Class(row % 4 / 3)));
    /// let dataset = Dataset {
    ///     name: "numbers".into(),
    ///     schema: Schema::classification(["most", "every fourth"]),
    ///     examples: examples.collect(),
    /// };
    /// let subset = dataset.subset(20, 7);
    /// assert_eq!(subset.class_counts(), [15, 5]);
    /// assert_eq!(subset, dataset.subset(20, 7));
    /// ```
    pub fn subset(&self, rows: usize, seed: u64) -> Dataset {
        let strata = self.rows_by_label();
        let counts: Vec<usize> = strata.iter().map(|(_, rows)| rows.len()).collect();
        let quotas = proportional(&counts, rows.min(self.len()));
        self.draw(strata.into_iter().zip(quotas), seed)
    }

    /// Returns random rows of groups, each with the key of its draw and at most as many as it gives.
    pub(crate) fn draw(
        &self,
        groups: impl IntoIterator<Item = ((u64, Vec<usize>), usize)>,
        seed: u64,
    ) -> Dataset {
        let mut kept = Vec::new();
        for ((address, members), quota) in groups {
            let order = permutation(seed, Purpose::Subset, address, members.len());
            kept.extend(order.into_iter().take(quota).map(|place| members[place]));
        }
        kept.sort_unstable();
        self.select(&kept)
    }

    /// Returns a hexadecimal SHA-256 hash of the schema and of all texts and labels in order.
    /// Datasets with the same content have the same fingerprint, regardless of the file format.
    pub fn fingerprint(&self) -> String {
        let mut hash = schema_hash(&self.schema);
        for example in &self.examples {
            add_example(&mut hash, example);
        }
        hash.finish()
    }

    /// Returns the rows of each class with the class as the key of random draws; rows without a
    /// class come last. Rows of several classes are grouped by the set of their classes.
    pub(crate) fn rows_by_label(&self) -> Vec<(u64, Vec<usize>)> {
        let mut rows: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (row, example) in self.examples.iter().enumerate() {
            let address = match &example.label {
                Label::Class(class) => *class as u64,
                Label::Classes(classes) => name_hash(&format!("{classes:?}")),
                _ => u64::MAX,
            };
            rows.entry(address).or_default().push(row);
        }
        rows.into_iter().collect()
    }
}

/// Begins the hash of a dataset with its schema.
fn schema_hash(schema: &Schema) -> ContentHash {
    let mut hash = ContentHash::new(b"finetune dataset 1");
    // Single-text classification adds no marker: its fingerprints predate the others.
    if schema.texts == TextArity::Pair {
        hash.add(b"pair");
    }
    match schema.target {
        Target::Score { .. } => hash.add(b"score"),
        Target::MultiLabel(_) => hash.add(b"multi-label"),
        Target::TokenClasses(_) => hash.add(b"token classes"),
        Target::Classes(_) | Target::Unlabeled => {}
    }
    let names = schema.class_names();
    hash.add(&(names.len() as u64).to_le_bytes());
    for name in names {
        hash.add(name.as_bytes());
    }
    hash
}

fn add_example(hash: &mut ContentHash, example: &Example) {
    match &example.label {
        Label::Class(class) => hash.add(&(*class as u64).to_le_bytes()),
        Label::Classes(classes) | Label::TokenClasses(classes) => {
            hash.add(&(classes.len() as u64).to_le_bytes());
            for class in classes {
                hash.add(&(*class as u64).to_le_bytes());
            }
        }
        Label::Score(score) => {
            // Nine bytes, because a class has eight: a score never collides with a class.
            let mut bytes = [b's'; 9];
            bytes[..8].copy_from_slice(&score.to_le_bytes());
            hash.add(&bytes);
        }
        Label::Unlabeled => hash.add(b""),
    }
    hash.add(example.text.as_bytes());
    if let Some(text_pair) = &example.text_pair {
        hash.add(text_pair.as_bytes());
    }
}

/// Distributes `total` in proportion to `counts`: integer parts first, then one each to the largest
/// remainders (ties go to the first).
pub(crate) fn proportional(counts: &[usize], total: usize) -> Vec<usize> {
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
        let examples = labels.iter().enumerate();
        Dataset {
            name: "test".into(),
            schema: Schema::classification(["a", "b", "c"]),
            examples: examples
                .map(|(row, &label)| Example::new(format!("text {row}"), Label::Class(label)))
                .collect(),
        }
    }

    /// A changed value here invalidates published fingerprints.
    #[test]
    fn fingerprints_never_change() {
        assert_eq!(
            dataset(&[0, 2]).fingerprint(),
            "b767840f900ecc012f31b772a29d94fe6eb2abc2324702f865cf4609c2c766bb"
        );
    }

    #[test]
    fn a_fingerprint_covers_texts_labels_order_and_task() {
        let original = dataset(&[0, 1, 2]);
        let mut others = vec![original.clone(), dataset(&[0, 1, 1]), dataset(&[0, 1])];
        others.push(Dataset {
            schema: Schema::classification(["ab", "", "c"]),
            ..original.clone()
        });
        let change = |change: &dyn Fn(&mut Dataset)| {
            let mut changed = original.clone();
            change(&mut changed);
            changed
        };
        others.push(change(&|data| data.examples.swap(0, 1)));
        others.push(change(&|data| data.examples[0].text.push('t')));
        others.push(change(&|data| {
            data.examples[0].text_pair = Some(String::new())
        }));
        others.push(change(&|data| data.examples[0].label = Label::Unlabeled));
        others.push(change(&|data| data.examples[0].label = Label::Score(0.0)));
        others.push(change(&|data| data.schema.texts = TextArity::Pair));
        others.push(change(&|data| {
            data.schema.target = Target::Score { min: 0.0, max: 5.0 };
        }));
        let distinct: std::collections::BTreeSet<String> =
            others.iter().map(Dataset::fingerprint).collect();
        assert_eq!(distinct.len(), others.len());
        let renamed = Dataset {
            name: "other".into(),
            ..original.clone()
        };
        assert_eq!(original.fingerprint(), renamed.fingerprint());
    }

    #[test]
    fn sets_of_classes_are_strata_and_count_for_each_class() {
        let sets = [vec![], vec![0], vec![0, 2], vec![1]];
        let examples = (0..80).map(|row| {
            let label = Label::Classes(sets[row % 4].clone());
            Example::new(row.to_string(), label)
        });
        let full: Dataset = examples.collect();
        assert_eq!(full.class_counts(), [40, 20, 20]);
        let subset = full.subset(20, 3);
        assert_eq!(subset.class_counts(), [10, 5, 5]);
        let without = |data: &Dataset| {
            let rows = data.examples.iter();
            rows.filter(|row| row.label.classes().is_empty()).count()
        };
        assert_eq!(without(&subset), 5);
        let parts = full.split(&[0.5, 0.5], 3).unwrap();
        assert_eq!(full.select(&parts[0]).class_counts(), [20, 10, 10]);
    }

    #[test]
    fn a_set_of_classes_is_ascending_and_below_the_count() {
        let is_set = |classes: &[usize]| Label::Classes(classes.to_vec()).is_class_set(3);
        assert!(is_set(&[]) && is_set(&[0, 2]));
        assert!(!is_set(&[2, 0]) && !is_set(&[1, 1]) && !is_set(&[3]));
        assert!(!Label::Class(0).is_class_set(3));
    }

    #[test]
    fn remainders_go_to_the_largest() {
        assert_eq!(proportional(&[3, 3, 4], 5), [2, 1, 2]);
        assert_eq!(proportional(&[0, 1, 0], 1), [0, 1, 0]);
        assert_eq!(proportional(&[], 0), [0usize; 0]);
    }

    #[test]
    fn rows_without_a_class_are_drawn_too() {
        let mut data = dataset(&[0; 40]);
        for (row, example) in data.examples.iter_mut().enumerate() {
            example.label = Label::Score(row as f64);
        }
        let subset = data.subset(10, 3);
        assert_eq!(subset.len(), 10);
        assert!(subset.class_counts().iter().all(|&count| count == 0));
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
