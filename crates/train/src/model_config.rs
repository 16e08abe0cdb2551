//! Classifier settings: pooling, head and adapters.

use finetune_data::{PairEncoding, Schema, Target, TextArity};
use finetune_model::{
    CheckpointConfig, CustomHead, Encoder, Family, HeadConfig, LoraConfig, Pooling, ProblemType,
    SequenceClassifier, SequenceClassifierConfig,
};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::task::{describe_labels, head_name};

/// Output name of a regression model.
const SCORE: &str = "score";

/// Pooling, head and adapters on a checkpoint's encoder (default: those saved with the checkpoint,
/// or those of its model family if there are none or they are for other labels or another number of
/// texts).
///
/// ```
/// use finetune_train::ClassifierOverrides;
///
/// // A bi-encoder: the similarity of two texts from 0 to 5, by the angle of their mean vectors.
/// let config: ClassifierOverrides = serde_json::from_str(
///     r#"{
///         "pooling": { "tokens": "mean" },
///         "head": { "kind": "cosine", "range": { "min": 0.0, "max": 5.0 } }
///     }"#,
/// )?;
/// assert_eq!(config.head.and_then(|head| head.num_texts()), Some(2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassifierOverrides {
    /// Pooling of token vectors into a text vector (default: the checkpoint's, or the first token
    /// for a new custom head).
    pub pooling: Option<Pooling>,
    /// Head that maps text vectors to outputs (default: the checkpoint's, or its family's if that is
    /// not for the labels). A
    /// custom head is named here, and passed in [`Parts`](crate::Parts).
    pub head: Option<HeadConfig>,
    /// Whether two classes share one output, which is positive for the second class: for binary
    /// cross entropy and cosine losses (default: false).
    pub single_logit: bool,
    /// Whether only the encoder of the checkpoint is loaded (default: false): pooler and head are
    /// newly initialized from the seed, even if the checkpoint has ones that fit.
    pub new_head: bool,
    /// Layers of the checkpoint's encoder to keep, ascending from 0, for a smaller model (default:
    /// all).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<usize>>,
    /// LoRA adapters that are trained instead of the encoder (default: none).
    pub adapter: Option<LoraConfig>,
}

impl ClassifierOverrides {
    /// Adds a custom head, unless the settings name it already.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the settings name another head.
    pub(crate) fn with_head(mut self, head: Option<&CustomHead>) -> Result<Self, TrainError> {
        let Some(head) = head else {
            return Ok(self);
        };
        match self.head.replace(head.config()) {
            None => Ok(self),
            Some(named) if named == head.config() => Ok(self),
            Some(named) => {
                let expected = format!("no other head than {:?}, which was passed", head.name());
                Err(TrainError::setting(
                    "model.head",
                    head_name(&named),
                    expected,
                ))
            }
        }
    }

    /// Checks that every value is in its range, as far as possible without a model.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if the adapter configuration is invalid.
    pub fn validate(&self) -> Result<(), TrainError> {
        if let Some(adapter) = &self.adapter {
            adapter.validate()?;
        }
        Ok(())
    }

    /// Returns the configuration of the classifier for a task, on the encoder of a checkpoint.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the head is for another number of texts per row than the
    ///   task has, `single_logit` is set for other than two classes, or the task has no labels.
    pub fn classifier(
        &self,
        checkpoint: &CheckpointConfig,
        schema: &Schema,
        pairs: PairEncoding,
    ) -> Result<SequenceClassifierConfig, TrainError> {
        let (names, problem_type) = self.outputs(schema)?;
        let mut own = checkpoint.classifier(&names);
        if self.head.is_none() && !self.is_for(&own.head, schema, pairs)? {
            let mut of_family = checkpoint.clone();
            of_family.pooling_and_head = None;
            own = of_family.classifier(&names);
        }
        // A custom head may not use the pooled vectors; then a dense layer would never train.
        let custom = matches!(self.head, Some(HeadConfig::Custom { .. }));
        let pooling = match custom && checkpoint.pooling_and_head.is_none() {
            true => Pooling::cls(),
            false => own.pooling,
        };
        // A pooling is chosen to be used.
        let head = match self.pooling {
            Some(_) => own.head.of_pooled(),
            None => own.head,
        };
        let config = SequenceClassifierConfig {
            pooling: self.pooling.unwrap_or(pooling),
            head: self.head.clone().unwrap_or(head),
            problem_type,
            ..own
        };
        if let Some(found) = config.head.num_texts() {
            check_texts(found, schema.texts, pairs)?;
        }
        Ok(config)
    }

    /// Returns whether the head that a checkpoint was saved with can be trained on the rows of a
    /// task: it was perhaps saved for pairs, or for scores.
    fn is_for(
        &self,
        head: &HeadConfig,
        schema: &Schema,
        pairs: PairEncoding,
    ) -> Result<bool, TrainError> {
        let is_cosine = matches!(head, HeadConfig::Cosine(_));
        let is_for_labels = match schema.target {
            Target::Score { .. } => true,
            _ => {
                let is_for_scores = head.range().is_some() || head.score_bins()?.is_some();
                !is_for_scores && (!is_cosine || self.single_logit)
            }
        };
        let texts = head.num_texts();
        Ok(is_for_labels
            && texts.is_none_or(|found| check_texts(found, schema.texts, pairs).is_ok()))
    }

    /// Checks that a model's head takes as many texts as a row of the task has, and returns one
    /// output per label. For a custom head, this is known only once it is built.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the head is for another number of texts per row.
    /// - [`TrainError::Model`] if the output of the head is not `[B, C]`.
    pub fn check_head(
        model: &SequenceClassifier,
        schema: &Schema,
        pairs: PairEncoding,
    ) -> Result<(), TrainError> {
        check_texts(model.num_texts(), schema.texts, pairs)?;
        Ok(model.check_head()?)
    }

    /// Adds the adapters, if any.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if the encoder already has adapters, lacks the layers for them, or is
    ///   of a family in whose checkpoints they have no place.
    pub fn adapt(
        &self,
        mut model: SequenceClassifier,
        seed: u64,
    ) -> Result<SequenceClassifier, TrainError> {
        let family = model.config().encoder.family;
        model.encoder = with_adapter(model.encoder, family, self.adapter.as_ref(), seed)?;
        Ok(model)
    }

    /// Returns the names of the outputs and their type. The type of the checkpoint does not matter: it
    /// may have been trained for something else.
    fn outputs(&self, schema: &Schema) -> Result<(Vec<String>, ProblemType), TrainError> {
        match (&schema.target, self.single_logit) {
            (Target::Classes(names), false) => {
                Ok((names.clone(), ProblemType::SingleLabelClassification))
            }
            (Target::Classes(names), true) => match &names[..] {
                [_, yes] => Ok((vec![yes.clone()], ProblemType::MultiLabelClassification)),
                _ => {
                    let found = format!("true for {} classes", names.len());
                    Err(TrainError::setting(
                        "model.single_logit",
                        found,
                        "false, or two classes",
                    ))
                }
            },
            (Target::Score { .. }, false) => Ok((vec![SCORE.to_string()], ProblemType::Regression)),
            (Target::Score { .. }, true) => {
                let head = self.head.as_ref().map_or("of the checkpoint", head_name);
                let found = format!(
                    "true for {}, by head {head}",
                    describe_labels(&schema.target)
                );
                let expected = "false: a score is one output already";
                Err(TrainError::setting("model.single_logit", found, expected))
            }
            (Target::MultiLabel(names), false) => {
                Ok((names.clone(), ProblemType::MultiLabelClassification))
            }
            (Target::MultiLabel(_), true) => Err(TrainError::setting(
                "model.single_logit",
                format!("true for {}", describe_labels(&schema.target)),
                "false: each class is one output already",
            )),
            (Target::TokenClasses(_), _) => Err(TrainError::setting(
                "target of the data",
                "a class for each word",
                "classes or a score for each text",
            )),
            (Target::Unlabeled, _) => Err(TrainError::setting(
                "target of the data",
                "nothing",
                "a class or a score",
            )),
        }
    }
}

/// Checks that a head for `found` texts fits the number of texts that the encoder reads separately.
fn check_texts(found: usize, texts: TextArity, pairs: PairEncoding) -> Result<(), TrainError> {
    let (apart, expected) = match (texts, pairs) {
        (TextArity::Single, _) => (1, "one for single texts, as the data has"),
        (TextArity::Pair, PairEncoding::CrossEncoder) => {
            (1, "one for single texts, since encoding.pairs is joint")
        }
        (TextArity::Pair, PairEncoding::BiEncoder) => (
            2,
            "one for pairs (a cosine, or with `pair`), since encoding.pairs is separate",
        ),
    };
    match found {
        found if found == apart => Ok(()),
        1 => Err(TrainError::setting(
            "model.head",
            "one for single texts",
            expected,
        )),
        _ => Err(TrainError::setting("model.head", "one for pairs", expected)),
    }
}

/// Adds the adapters to an encoder, if any.
///
/// # Errors
/// - [`TrainError::Model`] if the encoder already has adapters, lacks the layers for them, or is of a
///   family in whose checkpoints they have no place.
pub(crate) fn with_adapter(
    encoder: Encoder,
    family: Family,
    adapter: Option<&LoraConfig>,
    seed: u64,
) -> Result<Encoder, TrainError> {
    let Some(adapter) = adapter else {
        return Ok(encoder);
    };
    adapter.check_family(family)?;
    Ok(encoder.with_lora(adapter, seed)?)
}

#[cfg(test)]
mod tests {
    use finetune_model::{CosineSimilarityHeadConfig, EncoderConfig};

    use super::*;

    fn schema(texts: TextArity, target: Target) -> Schema {
        Schema { texts, target }
    }

    fn scores() -> Target {
        Target::Score { min: 0.0, max: 5.0 }
    }

    fn two() -> Target {
        Target::Classes(vec!["no".into(), "yes".into()])
    }

    fn any() -> Target {
        Target::MultiLabel(["a", "b", "c"].map(String::from).into())
    }

    #[test]
    fn the_task_decides_on_the_outputs() {
        let checkpoint = CheckpointConfig::new(EncoderConfig::default());
        let names = |config: &ClassifierOverrides, target| {
            let schema = schema(TextArity::Single, target);
            let made = config.classifier(&checkpoint, &schema, PairEncoding::CrossEncoder);
            made.map(|made| (made.class_names.join(" "), made.problem_type))
        };
        let plain = ClassifierOverrides::default();
        let one = ClassifierOverrides {
            single_logit: true,
            ..Default::default()
        };
        for (config, target, name, problem_type) in [
            (
                &plain,
                two(),
                "no yes",
                ProblemType::SingleLabelClassification,
            ),
            (&one, two(), "yes", ProblemType::MultiLabelClassification),
            (
                &plain,
                any(),
                "a b c",
                ProblemType::MultiLabelClassification,
            ),
            (&plain, scores(), "score", ProblemType::Regression),
        ] {
            let found = names(config, target).unwrap();
            assert_eq!(found, (name.to_string(), problem_type));
        }
        let three = Target::Classes(["a", "b", "c"].map(String::from).into());
        for (config, target) in [
            (&one, three),
            (&one, any()),
            (&one, scores()),
            (&plain, Target::Unlabeled),
        ] {
            assert!(names(config, target).is_err());
        }
    }

    #[test]
    fn a_head_is_for_the_texts_that_are_read_apart() {
        let checkpoint = CheckpointConfig::new(EncoderConfig::default());
        let cosine = ClassifierOverrides {
            head: Some(HeadConfig::Cosine(CosineSimilarityHeadConfig::default())),
            ..Default::default()
        };
        let plain = ClassifierOverrides::default();
        let message = |config: &ClassifierOverrides, texts, pairs| {
            let made = config.classifier(&checkpoint, &schema(texts, scores()), pairs);
            made.err().map(|error| error.to_string())
        };
        use PairEncoding::{BiEncoder, CrossEncoder};
        assert_eq!(message(&plain, TextArity::Single, BiEncoder), None);
        assert_eq!(message(&plain, TextArity::Pair, CrossEncoder), None);
        assert_eq!(message(&cosine, TextArity::Pair, BiEncoder), None);
        for (config, texts, pairs, expected) in [
            (
                &cosine,
                TextArity::Single,
                CrossEncoder,
                "model.head is one for pairs, expected one for single texts, as",
            ),
            (
                &cosine,
                TextArity::Pair,
                CrossEncoder,
                "model.head is one for pairs, expected one for single texts, since",
            ),
            (
                &plain,
                TextArity::Pair,
                BiEncoder,
                "model.head is one for single texts, expected one for pairs",
            ),
        ] {
            let message = message(config, texts, pairs).unwrap();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
