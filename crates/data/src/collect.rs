//! Datasets from examples of your own.

use std::collections::BTreeSet;

use crate::dataset::{Dataset, Example, Label, Target, Task, Texts};
use crate::splits::Splits;

/// Name of a dataset that was collected.
const NAME: &str = "examples";

/// Examples whose labels are positions become a dataset; the classes are called `0`, `1` and so on.
/// Scores have the range of those that are there.
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
        let labels = || examples.iter().map(|example| example.label);
        let classes = labels().filter_map(Label::class).max();
        let scores = labels().filter_map(|label| match label {
            Label::Score(score) => Some(score),
            _ => None,
        });
        let (min, max) = scores.fold((f64::INFINITY, f64::NEG_INFINITY), |range, score| {
            (range.0.min(score), range.1.max(score))
        });
        let target = match classes {
            Some(highest) => Target::Classes((0..=highest).map(|name| name.to_string()).collect()),
            None if min <= max => Target::Score { min, max },
            None => Target::Unlabeled,
        };
        Self {
            name: NAME.to_string(),
            task: Task {
                texts: if pairs { Texts::Pair } else { Texts::Single },
                target,
            },
            examples,
        }
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
            task: Task::classification(names),
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
            let examples = labels.iter().map(|label| Example::new("a", *label));
            examples.collect::<Dataset>().task.target
        };
        let scores = target(&[Label::Score(0.5), Label::Score(-1.0)]);
        let expected = Target::Score {
            min: -1.0,
            max: 0.5,
        };
        assert_eq!(scores, expected);
        assert_eq!(target(&[Label::Unlabeled]), Target::Unlabeled);
        assert_eq!(target(&[]), Target::Unlabeled);
        let pair = [Example::pair("a", "b", Label::Class(2))];
        let pair: Dataset = pair.into_iter().collect();
        assert_eq!(pair.task.texts, Texts::Pair);
        assert_eq!(pair.class_names().len(), 3);
    }
}
