//! Report of entity predictions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Entity, EntityMode, entities};
use crate::classification::{ClassScores, ScoreTable};
use crate::confusion_matrix::ConfusionMatrix;
use crate::error::EvalError;
use crate::multi_label::{LabelSetScores, SetCounts};
use crate::validate::{check_lengths, some_rows};

/// Name of no entity in the confusion matrix of types.
const NONE: &str = "O";

/// Scores of entity predictions per type and averaged, all in `[0, 1]`.
///
/// A predicted entity is right if its words and its type are those of a true one. As seqeval's
/// [`classification_report`] with `zero_division=0`: the precision of a type that is never predicted,
/// and the recall of a type without entities, are 0. The types are those of either side.
///
/// ```
/// use finetune_eval::{EntityMode, EntityReport};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let targets = [vec!["B-PER", "I-PER", "O", "B-LOC"], vec!["O", "B-LOC"]];
/// let predictions = [vec!["B-PER", "I-PER", "O", "O"], vec!["O", "B-PER"]];
/// let report = EntityReport::new(&targets, &predictions, EntityMode::Lenient)?;
/// assert_eq!(report.micro.precision, 0.5);
/// let confusions = report.confusion_matrix.as_ref().unwrap();
/// assert_eq!(confusions.count(0, 1), 1); // a place was taken for a person
/// assert_eq!(
///     report.to_string(),
/// "              precision    recall  f1-score   support
///
///          LOC     0.0000    0.0000    0.0000         2
///          PER     0.5000    1.0000    0.6667         1
///
///    micro avg     0.5000    0.3333    0.4000         3
///    macro avg     0.2500    0.5000    0.3333         3
/// weighted avg     0.1667    0.3333    0.2222         3
/// "
/// );
/// # Ok(())
/// # }
/// ```
///
/// [`classification_report`]: https://github.com/chakki-works/seqeval#usage
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntityReport {
    /// Number of sentences, at least 1.
    pub sentences: u64,
    /// Number of words.
    pub words: u64,
    /// Fraction of the words with the right tag.
    pub accuracy: f64,
    /// Scores over all entities.
    pub micro: LabelSetScores,
    /// Mean scores of the types.
    #[serde(rename = "macro")]
    pub macro_mean: LabelSetScores,
    /// Mean scores of the types, weighted by their entities.
    pub weighted: LabelSetScores,
    /// Scores per type, sorted by name.
    pub per_type: Vec<ClassScores>,
    /// Number of entities by true and predicted type, in the order of `per_type`; the last class,
    /// `O`, stands for no entity with the same words. `None` without entities.
    pub confusion_matrix: Option<ConfusionMatrix>,
}

impl EntityReport {
    /// Computes the report from the true and the predicted tags of each sentence.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if the numbers of sentences, or of the words of a sentence,
    ///   differ.
    /// - [`EvalError::NoRows`] if there are no words.
    /// - The errors of [`entities`].
    pub fn new<S: AsRef<str>, T: AsRef<str>>(
        targets: &[Vec<S>],
        predictions: &[Vec<T>],
        mode: EntityMode,
    ) -> Result<Self, EvalError> {
        check_lengths(targets.len(), predictions.len())?;
        let (mut words, mut correct) = (0, 0);
        let (mut counts, mut pairs) = (BTreeMap::<String, SetCounts>::new(), Vec::new());
        for (target, prediction) in targets.iter().zip(predictions) {
            check_lengths(target.len(), prediction.len())?;
            words += target.len() as u64;
            let tags = target.iter().zip(prediction);
            correct += tags.filter(|(a, b)| a.as_ref() == b.as_ref()).count() as u64;
            let (truth, found) = (entities(target, mode)?, entities(prediction, mode)?);
            count(&mut counts, &truth, &found);
            pairs.extend(paired(&truth, &found));
        }
        some_rows(words)?;
        let per_type = counts.iter().map(|(name, counts)| {
            let LabelSetScores {
                precision,
                recall,
                f1,
            } = counts.scores();
            let (name, support) = (name.clone(), counts.support);
            ClassScores {
                name,
                precision,
                recall,
                f1,
                support,
            }
        });
        let per_type: Vec<ClassScores> = per_type.collect();
        let all = counts
            .values()
            .fold(SetCounts::default(), |all, counts| all.and(*counts));
        Ok(Self {
            sentences: targets.len() as u64,
            words,
            accuracy: correct as f64 / words as f64,
            micro: all.scores(),
            macro_mean: mean(&per_type, |_| 1.0),
            weighted: mean(&per_type, |scores| scores.support as f64),
            confusion_matrix: confusions(counts.into_keys(), &pairs)?,
            per_type,
        })
    }

    /// Returns a metric by its name: `entity_precision`, `entity_recall` and `entity_f1` over all
    /// entities, `entity_macro_f1` and `entity_weighted_f1` over the types, or `accuracy`;
    /// `None` for another name.
    pub fn score(&self, metric: &str) -> Option<f64> {
        match metric {
            "entity_precision" => Some(self.micro.precision),
            "entity_recall" => Some(self.micro.recall),
            "entity_f1" => Some(self.micro.f1),
            "entity_macro_f1" => Some(self.macro_mean.f1),
            "entity_weighted_f1" => Some(self.weighted.f1),
            "accuracy" => Some(self.accuracy),
            _ => None,
        }
    }
}

fn count(counts: &mut BTreeMap<String, SetCounts>, truth: &[Entity], found: &[Entity]) {
    let predicted: BTreeSet<&Entity> = found.iter().collect();
    for entity in found {
        counts.entry(entity.label.clone()).or_default().predicted += 1;
    }
    for entity in truth {
        let counts = counts.entry(entity.label.clone()).or_default();
        counts.support += 1;
        counts.hits += u64::from(predicted.contains(entity));
    }
}

/// Returns the true and the predicted type of all words ranges that are an entity on either side.
fn paired(truth: &[Entity], found: &[Entity]) -> Vec<[Option<String>; 2]> {
    let mut types: BTreeMap<(usize, usize), [Option<String>; 2]> = BTreeMap::new();
    for (side, entities) in [truth, found].into_iter().enumerate() {
        for entity in entities {
            let words = (entity.start, entity.end);
            types.entry(words).or_default()[side] = Some(entity.label.clone());
        }
    }
    types.into_values().collect()
}

fn confusions(
    types: impl Iterator<Item = String>,
    pairs: &[[Option<String>; 2]],
) -> Result<Option<ConfusionMatrix>, EvalError> {
    let names: Vec<String> = types.chain([NONE.to_string()]).collect();
    let class = |side: &Option<String>| {
        let class = names.iter().position(|name| Some(name) == side.as_ref());
        class.unwrap_or(names.len() - 1)
    };
    if pairs.is_empty() {
        return Ok(None);
    }
    let mut matrix = ConfusionMatrix::new(&names)?;
    for [truth, found] in pairs {
        matrix.add(class(truth), class(found))?;
    }
    Ok(Some(matrix))
}

fn mean(per_type: &[ClassScores], weight: impl Fn(&ClassScores) -> f64) -> LabelSetScores {
    let all: f64 = per_type.iter().map(&weight).sum();
    let mean = |score: fn(&ClassScores) -> f64| match all > 0.0 {
        true => {
            per_type
                .iter()
                .map(|one| score(one) * weight(one))
                .sum::<f64>()
                / all
        }
        false => 0.0,
    };
    LabelSetScores {
        precision: mean(|scores| scores.precision),
        recall: mean(|scores| scores.recall),
        f1: mean(|scores| scores.f1),
    }
}

/// Writes a table that is identical to seqeval's [`classification_report`] with `zero_division=0`.
/// The precision of the format is seqeval's `digits` (default: 4).
///
/// [`classification_report`]: https://github.com/chakki-works/seqeval#usage
impl fmt::Display for EntityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.per_type.iter().map(|scores| &scores.name[..]);
        let table = ScoreTable::new(f.precision(), names);
        let mut text = table.head();
        for one in &self.per_type {
            text += &table.line(&one.name, [one.precision, one.recall, one.f1], one.support);
        }
        text += "\n";
        let support = self.per_type.iter().map(|scores| scores.support).sum();
        for (name, scores) in [
            ("micro avg", &self.micro),
            ("macro avg", &self.macro_mean),
            ("weighted avg", &self.weighted),
        ] {
            let scores = [scores.precision, scores.recall, scores.f1];
            text += &table.line(name, scores, support);
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_are_of_entities_with_the_same_words() {
        let targets = [vec!["B-X", "I-X", "O", "B-Y"]];
        let predictions = [vec!["B-Y", "I-Y", "O", "O"]];
        let report = EntityReport::new(&targets, &predictions, EntityMode::Lenient).unwrap();
        let matrix = report.confusion_matrix.as_ref().unwrap();
        assert_eq!(matrix.class_names(), ["X", "Y", "O"]);
        assert_eq!(
            (matrix.count(0, 1), matrix.count(1, 2), matrix.total()),
            (1, 1, 2)
        );
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<EntityReport>(&json).unwrap(), report);
    }

    #[test]
    fn sentences_without_entities_have_an_accuracy() {
        let tags = [vec!["O", "O"]];
        let report = EntityReport::new(&tags, &tags, EntityMode::Lenient).unwrap();
        assert_eq!(report.score("accuracy"), Some(1.0));
        assert_eq!(report.score("entity_f1"), Some(0.0));
        assert_eq!(report.score("f1"), None);
    }

    #[test]
    fn sentences_have_to_match() {
        let mode = EntityMode::Lenient;
        let error = EntityReport::new(&[vec!["O"]], &[vec!["O", "O"]], mode).unwrap_err();
        assert_eq!(
            error,
            EvalError::LengthMismatch {
                first: 1,
                second: 2
            }
        );
        let none: [Vec<&str>; 0] = [];
        assert_eq!(
            EntityReport::new(&none, &none, mode),
            Err(EvalError::NoRows)
        );
    }
}
