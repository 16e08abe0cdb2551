//! Labels of encoded texts.

use finetune_storage::Array;

use crate::dataset::{Example, Label, Schema, Target};
use crate::error::DataError;

/// Labels of the texts of an [`EncodedDataset`](crate::EncodedDataset), in memory or mapped.
#[derive(Debug, Clone)]
pub enum EncodedLabels {
    /// Class indices.
    Classes(Array<u32>),
    /// Sets of class indices.
    MultiLabel {
        /// Position of the first class of each text, and the number of all classes, `[texts + 1]`.
        starts: Array<u64>,
        /// Class indices of all texts, ascending for each.
        classes: Array<u32>,
    },
    /// Class indices of words.
    TokenClasses {
        /// Position of the first word of each text, and the number of all words, `[texts + 1]`.
        starts: Array<u64>,
        /// Class index of each word of all texts.
        classes: Array<u32>,
    },
    /// Scores.
    Scores(Array<f32>),
    /// No labels.
    Unlabeled,
}

/// Labels of the rows of a batch or of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// Class index of each row.
    Classes(Vec<usize>),
    /// Class indices of each row, ascending; none for a row without a class.
    MultiLabel(Vec<Vec<usize>>),
    /// Class index of each word of each row.
    TokenClasses(Vec<Vec<usize>>),
    /// Score of each row.
    Scores(Vec<f32>),
    /// No labels: unlabeled texts, or rows to predict.
    Unlabeled,
}

impl Labels {
    /// Returns the classes; `None` for other labels.
    pub fn classes(&self) -> Option<&[usize]> {
        match self {
            Self::Classes(classes) => Some(classes),
            _ => None,
        }
    }

    /// Returns the sets of classes; `None` for other labels.
    pub fn class_sets(&self) -> Option<&[Vec<usize>]> {
        match self {
            Self::MultiLabel(sets) => Some(sets),
            _ => None,
        }
    }

    /// Returns the scores; `None` for other labels.
    pub fn scores(&self) -> Option<&[f32]> {
        match self {
            Self::Scores(scores) => Some(scores),
            _ => None,
        }
    }
}

impl EncodedLabels {
    /// Returns the labels of examples.
    pub(crate) fn of(examples: &[Example], schema: &Schema) -> Result<Self, DataError> {
        let mut builder = LabelsBuilder::new(schema);
        builder.push_all(examples)?;
        Ok(builder.finish())
    }

    /// Returns the labels of the given texts.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if an index is out of range or the mapped file is corrupted.
    pub fn select(&self, texts: &[usize]) -> Result<Labels, DataError> {
        Ok(match self {
            Self::Classes(labels) => {
                let class = |&text: &usize| Ok(labels.get(text..text + 1)?[0] as usize);
                Labels::Classes(texts.iter().map(class).collect::<Result<_, DataError>>()?)
            }
            Self::MultiLabel { starts, classes } => {
                let set = |&text: &usize| classes_of(starts, classes, text);
                Labels::MultiLabel(texts.iter().map(set).collect::<Result<_, DataError>>()?)
            }
            Self::TokenClasses { starts, classes } => {
                let words = |&text: &usize| classes_of(starts, classes, text);
                Labels::TokenClasses(texts.iter().map(words).collect::<Result<_, DataError>>()?)
            }
            Self::Scores(labels) => {
                let score = |&text: &usize| Ok(labels.get(text..text + 1)?[0]);
                Labels::Scores(texts.iter().map(score).collect::<Result<_, DataError>>()?)
            }
            Self::Unlabeled => Labels::Unlabeled,
        })
    }

    /// Returns the labels of all texts.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if the mapped file is corrupted.
    pub fn all(&self) -> Result<Labels, DataError> {
        Ok(match self {
            Self::Classes(labels) => {
                Labels::Classes(labels.all()?.iter().map(|&class| class as usize).collect())
            }
            Self::MultiLabel { starts, classes } => {
                let sets = (0..starts.len().saturating_sub(1))
                    .map(|text| classes_of(starts, classes, text));
                Labels::MultiLabel(sets.collect::<Result<_, DataError>>()?)
            }
            Self::TokenClasses { starts, classes } => {
                let words = (0..starts.len().saturating_sub(1))
                    .map(|text| classes_of(starts, classes, text));
                Labels::TokenClasses(words.collect::<Result<_, DataError>>()?)
            }
            Self::Scores(labels) => Labels::Scores(labels.all()?.to_vec()),
            Self::Unlabeled => Labels::Unlabeled,
        })
    }

    /// Returns the number of labeled texts; `None` without labels.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Classes(classes) => Some(classes.len()),
            Self::MultiLabel { starts, .. } | Self::TokenClasses { starts, .. } => {
                Some(starts.len().saturating_sub(1))
            }
            Self::Scores(scores) => Some(scores.len()),
            Self::Unlabeled => None,
        }
    }
}

/// Returns the classes of a text, or of its words.
fn classes_of(
    starts: &Array<u64>,
    classes: &Array<u32>,
    text: usize,
) -> Result<Vec<usize>, DataError> {
    let range = starts.get(text..text + 2)?;
    let classes = classes.get(range[0] as usize..range[1] as usize)?;
    Ok(classes.iter().map(|&class| class as usize).collect())
}

impl From<Labels> for EncodedLabels {
    fn from(labels: Labels) -> Self {
        match labels {
            Labels::Classes(classes) => {
                let classes: Vec<u32> = classes.into_iter().map(|class| class as u32).collect();
                Self::Classes(classes.into())
            }
            Labels::MultiLabel(sets) => {
                let (starts, classes) = ClassLists::of(&sets).arrays();
                Self::MultiLabel { starts, classes }
            }
            Labels::TokenClasses(words) => {
                let (starts, classes) = ClassLists::of(&words).arrays();
                Self::TokenClasses { starts, classes }
            }
            Labels::Scores(scores) => Self::Scores(scores.into()),
            Labels::Unlabeled => Self::Unlabeled,
        }
    }
}

/// Lists of classes as flat arrays.
#[derive(Debug)]
struct ClassLists {
    starts: Vec<u64>,
    classes: Vec<u32>,
}

impl Default for ClassLists {
    fn default() -> Self {
        Self {
            starts: vec![0],
            classes: Vec::new(),
        }
    }
}

impl ClassLists {
    fn of(lists: &[Vec<usize>]) -> Self {
        let mut arrays = Self::default();
        lists.iter().for_each(|list| arrays.push(list));
        arrays
    }

    fn arrays(self) -> (Array<u64>, Array<u32>) {
        (self.starts.into(), self.classes.into())
    }

    fn push(&mut self, set: &[usize]) {
        self.classes.extend(set.iter().map(|&class| class as u32));
        self.starts.push(self.classes.len() as u64);
    }
}

/// Compares the labels, in memory or mapped. A corrupted file equals nothing.
impl PartialEq for EncodedLabels {
    fn eq(&self, other: &Self) -> bool {
        matches!((self.all(), other.all()), (Ok(left), Ok(right)) if left == right)
    }
}

/// Builder of labels that checks them against the schema.
///
/// Examples of a labeled dataset may be unlabeled, such as a test split with unpublished labels, but
/// then all of them must be.
#[derive(Debug)]
pub(crate) struct LabelsBuilder<'a> {
    target: &'a Target,
    classes: Vec<u32>,
    /// Classes of each text, or of its words.
    class_lists: ClassLists,
    scores: Vec<f32>,
    /// Number of texts so far.
    texts: usize,
    /// Whether the schema has no target, or the first example is unlabeled.
    unlabeled: bool,
}

impl<'a> LabelsBuilder<'a> {
    pub(crate) fn new(schema: &'a Schema) -> Self {
        Self {
            target: &schema.target,
            classes: Vec::new(),
            class_lists: ClassLists::default(),
            scores: Vec::new(),
            texts: 0,
            unlabeled: schema.target == Target::Unlabeled,
        }
    }

    pub(crate) fn push_all(&mut self, examples: &[Example]) -> Result<(), DataError> {
        examples.iter().try_for_each(|example| self.push(example))
    }

    fn push(&mut self, example: &Example) -> Result<(), DataError> {
        let label = &example.label;
        self.unlabeled |= self.texts == 0 && *label == Label::Unlabeled;
        let expected = match (self.target, label) {
            (_, Label::Unlabeled) if self.unlabeled => None,
            _ if self.unlabeled => Some("no label, as before".to_owned()),
            (Target::Classes(names), Label::Class(class)) if *class < names.len() => {
                self.classes.push(*class as u32);
                None
            }
            (Target::Classes(names), _) => Some(format!("a class below {}", names.len())),
            (Target::MultiLabel(names), label) => match label {
                Label::Classes(classes) if label.is_class_set(names.len()) => {
                    self.class_lists.push(classes);
                    None
                }
                _ => {
                    let count = names.len();
                    Some(format!(
                        "any number of classes below {count}, ascending, each once"
                    ))
                }
            },
            (Target::TokenClasses(names), label) => match (label, example.words().count()) {
                (Label::TokenClasses(classes), words)
                    if classes.len() == words
                        && classes.iter().all(|class| *class < names.len()) =>
                {
                    self.class_lists.push(classes);
                    None
                }
                (_, words) => {
                    let count = names.len();
                    Some(format!("a class below {count} for each of {words} words"))
                }
            },
            (_, Label::Score(score)) if score.is_finite() => {
                self.scores.push(*score as f32);
                None
            }
            _ => Some("a finite score".to_owned()),
        };
        if let Some(expected) = expected {
            return Err(DataError::example(
                self.texts,
                expected,
                format!("{label:?}"),
            ));
        }
        self.texts += 1;
        Ok(())
    }

    pub(crate) fn finish(self) -> EncodedLabels {
        match self.target {
            _ if self.unlabeled => EncodedLabels::Unlabeled,
            Target::Classes(_) => EncodedLabels::Classes(self.classes.into()),
            Target::MultiLabel(_) => {
                let (starts, classes) = self.class_lists.arrays();
                EncodedLabels::MultiLabel { starts, classes }
            }
            Target::TokenClasses(_) => {
                let (starts, classes) = self.class_lists.arrays();
                EncodedLabels::TokenClasses { starts, classes }
            }
            _ => EncodedLabels::Scores(self.scores.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::TextArity;

    fn labels(target: Target, labels: &[Label]) -> Result<Labels, DataError> {
        labels_of("", target, labels)
    }

    fn labels_of(text: &str, target: Target, labels: &[Label]) -> Result<Labels, DataError> {
        let schema = Schema {
            texts: TextArity::Single,
            target,
        };
        let examples: Vec<Example> = labels
            .iter()
            .map(|label| Example::new(text, label.clone()))
            .collect();
        EncodedLabels::of(&examples, &schema)?.all()
    }

    fn scale() -> Target {
        Target::Score { min: 0.0, max: 5.0 }
    }

    fn classes() -> Target {
        Target::Classes(vec!["a".into(), "b".into()])
    }

    fn several() -> Target {
        Target::MultiLabel(vec!["a".into(), "b".into()])
    }

    #[test]
    fn labels_are_of_the_kind_of_the_task() {
        let found = labels(classes(), &[Label::Class(1), Label::Class(0)]).unwrap();
        assert_eq!(found.classes(), Some(&[1, 0][..]));
        let found = labels(scale(), &[Label::Score(2.5)]).unwrap();
        assert_eq!(found.scores(), Some(&[2.5][..]));
        let sets = [vec![1], vec![], vec![0, 1]];
        let found = labels(several(), &sets.clone().map(Label::Classes)).unwrap();
        assert_eq!(found.class_sets(), Some(&sets[..]));
        let encoded = EncodedLabels::from(found);
        let selected = encoded.select(&[2, 1]).unwrap();
        assert_eq!(selected, Labels::MultiLabel(vec![vec![0, 1], vec![]]));
        assert!(encoded.select(&[3]).is_err());
        let secret = labels(scale(), &[Label::Unlabeled, Label::Unlabeled]).unwrap();
        assert_eq!(secret, Labels::Unlabeled);
    }

    #[test]
    fn each_word_has_a_class() {
        let target = || Target::TokenClasses(vec!["O".into(), "X".into()]);
        let two = Label::TokenClasses(vec![1, 0]);
        let found = labels_of("two words", target(), &[two.clone(), two.clone()]).unwrap();
        assert_eq!(found, Labels::TokenClasses(vec![vec![1, 0]; 2]));
        let encoded = EncodedLabels::from(found);
        assert_eq!(
            encoded.select(&[1]).unwrap(),
            Labels::TokenClasses(vec![vec![1, 0]])
        );
        for bad in [
            Label::TokenClasses(vec![0]),
            Label::TokenClasses(vec![0, 2]),
            Label::Classes(vec![0, 1]),
            Label::Unlabeled,
        ] {
            assert!(labels_of("two words", target(), &[two.clone(), bad]).is_err());
        }
    }

    #[test]
    fn labels_of_another_kind_and_out_of_range_are_refused() {
        for (target, bad) in [
            (classes(), vec![Label::Class(2)]),
            (classes(), vec![Label::Class(0), Label::Unlabeled]),
            (classes(), vec![Label::Unlabeled, Label::Class(0)]),
            (classes(), vec![Label::Score(1.0)]),
            (
                several(),
                vec![Label::Classes(vec![]), Label::Classes(vec![2])],
            ),
            (several(), vec![Label::Classes(vec![1, 1])]),
            (several(), vec![Label::Classes(vec![1, 0])]),
            (several(), vec![Label::Class(1)]),
            (several(), vec![Label::Classes(vec![0]), Label::Unlabeled]),
            (scale(), vec![Label::Class(1)]),
            (scale(), vec![Label::Score(f64::NAN)]),
            (Target::Unlabeled, vec![Label::Class(1)]),
        ] {
            let row = bad.len() - 1;
            let error = labels(target, &bad).unwrap_err();
            assert!(
                matches!(&error, DataError::InvalidExample { row: found, .. } if *found == row),
                "{error}"
            );
        }
    }
}
