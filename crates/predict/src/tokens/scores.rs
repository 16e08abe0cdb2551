//! Scores of the tags of words.

use finetune_data::tagged::TagScheme;
use finetune_eval::{
    Better, ClassificationReport, ConfusionMatrix, EntityMode, EntityReport, EvalError, Scores,
};

/// True and predicted classes of the words of a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentenceTags {
    /// True class of each word.
    pub targets: Vec<usize>,
    /// Predicted class of each word.
    pub predictions: Vec<usize>,
}

/// Metrics of entities, the main one first.
const OF_ENTITIES: [&str; 6] = [
    "entity_f1",
    "entity_precision",
    "entity_recall",
    "entity_macro_f1",
    "entity_weighted_f1",
    "accuracy",
];

/// Metrics of tags without a scheme, the main one first.
const OF_TAGS: [&str; 3] = ["accuracy", "macro_f1", "weighted_f1"];

/// Returns the names and directions of the metrics of tags in a scheme: the loss, then those of
/// [`tag_scores`].
pub fn tag_metrics(scheme: TagScheme) -> Vec<(String, Better)> {
    let names = match scheme.has_entities() {
        true => &OF_ENTITIES[..],
        false => &OF_TAGS,
    };
    let names = names.iter().map(|name| (name.to_string(), Better::Higher));
    std::iter::once(("loss".to_string(), Better::Lower))
        .chain(names)
        .collect()
}

/// Returns the scores of tags: for a scheme, `entity_f1`, `entity_precision` and `entity_recall` over
/// all entities, `entity_macro_f1` and `entity_weighted_f1` over their types, and the `accuracy` of
/// the words; without one, `accuracy`, `macro_f1` and `weighted_f1` of the words.
///
/// # Errors
/// - The errors of [`EntityReport::new`] and [`ConfusionMatrix::from_slices`].
pub fn tag_scores(
    sentences: &[SentenceTags],
    class_names: &[String],
    scheme: TagScheme,
    mode: EntityMode,
) -> Result<Scores, EvalError> {
    let named = |pairs: [(&str, f64); 3]| {
        let pairs = pairs.into_iter();
        pairs
            .map(|(name, score)| (name.to_string(), score))
            .collect()
    };
    if scheme.has_entities() {
        let report = SentenceTags::entities(sentences, class_names, mode)?;
        let scores = OF_ENTITIES.iter();
        let scores = scores.filter_map(|name| Some((name.to_string(), report.score(name)?)));
        return Ok(scores.collect());
    }
    let matrix = SentenceTags::confusions(sentences, class_names)?;
    let report = ClassificationReport::from_confusion_matrix(&matrix)?;
    Ok(named([
        ("accuracy", report.accuracy),
        ("macro_f1", report.macro_f1),
        ("weighted_f1", report.weighted_f1),
    ]))
}

impl SentenceTags {
    /// Returns the report of the entities of all sentences.
    ///
    /// # Errors
    /// - The errors of [`EntityReport::new`].
    pub fn entities(
        sentences: &[Self],
        class_names: &[String],
        mode: EntityMode,
    ) -> Result<EntityReport, EvalError> {
        let tags = |classes: &[usize]| -> Vec<&str> {
            classes
                .iter()
                .map(|class| &class_names[*class][..])
                .collect()
        };
        let targets: Vec<_> = sentences.iter().map(|one| tags(&one.targets)).collect();
        let predictions: Vec<_> = sentences.iter().map(|one| tags(&one.predictions)).collect();
        EntityReport::new(&targets, &predictions, mode)
    }

    /// Returns the number of words by true and predicted class.
    ///
    /// # Errors
    /// - The errors of [`ConfusionMatrix::from_slices`].
    pub fn confusions(
        sentences: &[Self],
        class_names: &[String],
    ) -> Result<ConfusionMatrix, EvalError> {
        let all = |classes: fn(&Self) -> &Vec<usize>| -> Vec<usize> {
            sentences.iter().flat_map(classes).copied().collect()
        };
        let (targets, predictions) = (all(|one| &one.targets), all(|one| &one.predictions));
        ConfusionMatrix::from_slices(&targets, &predictions, class_names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_on_the_metrics() {
        let sentences = [SentenceTags {
            targets: vec![0, 1, 2],
            predictions: vec![0, 2, 2],
        }];
        let names = ["B-X", "I-X", "O"].map(String::from);
        for (scheme, first) in [
            (TagScheme::Bio, "entity_f1"),
            (TagScheme::Plain, "accuracy"),
        ] {
            let scores = tag_scores(&sentences, &names, scheme, EntityMode::Lenient).unwrap();
            let metrics: Vec<String> = tag_metrics(scheme)
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            assert_eq!(metrics[1..], scores.keys().cloned().collect::<Vec<_>>());
            assert_eq!((&metrics[0][..], &metrics[1][..]), ("loss", first));
            assert_eq!(scores["accuracy"], 2.0 / 3.0);
        }
    }
}
