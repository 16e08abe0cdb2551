//! Datasets from examples of your own.

use std::collections::BTreeSet;

use crate::dataset::{Dataset, Example, Label, Schema, Target, TextArity};
use crate::splits::Splits;

/// Name of a dataset that was collected.
const NAME: &str = "examples";

/// Examples with class indices become a dataset whose classes are called `0`, `1` and so on. The
/// kind of the first label decides on the target. The range of scores is that of the examples.
///
/// ```
/// use finetune_data::{Dataset, Example, Label};
///
/// let examples = vec![
///     Example::new("a fine day", Label::Class(1)),
///     Example::new("nothing but rain", Label::Class(0)),
/// ];
/// let dataset: Dataset = examples.into_iter().collect();
/// assert_eq!(dataset.class_names(), ["0", "1"]);
/// ```
impl FromIterator<Example> for Dataset {
    fn from_iter<I: IntoIterator<Item = Example>>(examples: I) -> Self {
        let examples: Vec<Example> = examples.into_iter().collect();
        let pairs = examples.iter().any(|example| example.text_pair.is_some());
        let target = target_of(&examples);
        Self {
            name: NAME.to_string(),
            schema: Schema {
                texts: if pairs {
                    TextArity::Pair
                } else {
                    TextArity::Single
                },
                target,
            },
            examples,
        }
    }
}

fn target_of(examples: &[Example]) -> Target {
    let mut labels = examples.iter().map(|example| &example.label);
    let classes = labels.clone().flat_map(Label::classes).max();
    let names = || (0..=*classes.unwrap_or(&0)).map(|name| name.to_string());
    match labels.find(|label| **label != Label::Unlabeled) {
        Some(Label::Class(_)) => Target::Classes(names().collect()),
        Some(Label::Classes(_)) => Target::MultiLabel(names().collect()),
        Some(Label::TokenClasses(_)) => Target::TokenClasses(names().collect()),
        Some(Label::Score(first)) => {
            let scores = examples.iter().filter_map(|example| match example.label {
                Label::Score(score) => Some(score),
                _ => None,
            });
            let (min, max) = scores.fold((*first, *first), |range, score| {
                (range.0.min(score), range.1.max(score))
            });
            Target::Score { min, max }
        }
        Some(Label::Unlabeled) | None => Target::Unlabeled,
    }
}

/// Texts with the names of their classes become a dataset; classes come in the order of their names.
///
/// ```
/// use finetune_data::Dataset;
///
/// let dataset: Dataset = [("a fine day", "good"), ("nothing but rain", "bad")].into_iter().collect();
/// assert_eq!(dataset.class_names(), ["bad", "good"]);
/// ```
impl<T: Into<String>, C: Into<String>> FromIterator<(T, C)> for Dataset {
    fn from_iter<I: IntoIterator<Item = (T, C)>>(rows: I) -> Self {
        let rows = rows
            .into_iter()
            .map(|(text, class)| (text.into(), class.into()));
        let rows: Vec<(String, String)> = rows.collect();
        let names: BTreeSet<&String> = rows.iter().map(|(_, class)| class).collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let examples = rows.into_iter().map(|(text, class)| {
            let class = names.partition_point(|name| *name < class);
            Example::new(text, Label::Class(class))
        });
        Self {
            name: NAME.to_string(),
            examples: examples.collect(),
            schema: Schema::classification(names),
        }
    }
}

impl Dataset {
    /// Texts with the names of any number of classes become a dataset for multi-label
    /// classification; classes come in the order of their names, and one that is listed twice counts
    /// once.
    ///
    /// ```
    /// use finetune_data::{Dataset, Label};
    ///
    /// let dataset = Dataset::multi_label([
    ///     ("a win for the senator's team", vec!["sports", "politics"]),
    ///     ("rain tomorrow", vec![]),
    /// ]);
    /// assert_eq!(dataset.class_names(), ["politics", "sports"]);
    /// assert_eq!(dataset.examples[0].label, Label::Classes(vec![0, 1]));
    /// ```
    pub fn multi_label<T: Into<String>, C: Into<String>>(
        rows: impl IntoIterator<Item = (T, Vec<C>)>,
    ) -> Self {
        let rows = rows.into_iter().map(|(text, classes)| {
            let classes: BTreeSet<String> = classes.into_iter().map(Into::into).collect();
            (text.into(), classes)
        });
        let rows: Vec<(String, BTreeSet<String>)> = rows.collect();
        let names: BTreeSet<&String> = rows.iter().flat_map(|(_, classes)| classes).collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let examples = rows.into_iter().map(|(text, classes)| {
            // Both are sorted, so the positions are ascending.
            let position = |class: &String| names.partition_point(|name| name < class);
            Example::new(text, Label::Classes(classes.iter().map(position).collect()))
        });
        Self {
            name: NAME.to_string(),
            examples: examples.collect(),
            schema: Schema::multi_label(names),
        }
    }
}

/// Rows to train on, without any to test on.
impl From<Dataset> for Splits {
    fn from(train: Dataset) -> Self {
        Self {
            train,
            validation: None,
            test: None,
            unlabeled: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_decide_on_the_target() {
        let target = |labels: &[Label]| {
            let examples = labels.iter().map(|label| Example::new("a", label.clone()));
            examples.collect::<Dataset>().schema.target
        };
        let scores = target(&[Label::Score(0.5), Label::Score(-1.0)]);
        let expected = Target::Score {
            min: -1.0,
            max: 0.5,
        };
        assert_eq!(scores, expected);
        let names = |count: usize| (0..count).map(|name| name.to_string()).collect();
        let several = target(&[Label::Classes(vec![]), Label::Classes(vec![0, 2])]);
        assert_eq!(several, Target::MultiLabel(names(3)));
        let words = target(&[Label::Unlabeled, Label::TokenClasses(vec![1, 0])]);
        assert_eq!(words, Target::TokenClasses(names(2)));
        assert_eq!(target(&[Label::Unlabeled]), Target::Unlabeled);
        assert_eq!(target(&[]), Target::Unlabeled);
        let pair = [Example::pair("a", "b", Label::Class(2))];
        let pair: Dataset = pair.into_iter().collect();
        assert_eq!(pair.schema.texts, TextArity::Pair);
        assert_eq!(pair.class_names().len(), 3);
    }
}
