//! Configuration of a sequence classifier.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::SequenceClassifier;
use crate::encoder::EncoderConfig;
use crate::error::ModelError;
use crate::head::{CustomHead, HeadConfig, HeadSize};
use crate::pooling::Pooling;

/// Configuration of a [`SequenceClassifier`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceClassifierConfig {
    /// Configuration of the encoder.
    pub encoder: EncoderConfig,
    /// Pooling of hidden states into one vector per text.
    pub pooling: Pooling,
    /// Head that computes the outputs from the pooled vectors.
    pub head: HeadConfig,
    /// Meaning of the outputs.
    pub problem_type: ProblemType,
    /// Name of each output: the class names in the order of the logits, or the names of the scores.
    /// A score in bins has one name and one output per bin.
    pub class_names: Vec<String>,
}

/// Meaning of a classifier's outputs, serialized as in `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ProblemType {
    /// Logits of mutually exclusive classes.
    #[default]
    SingleLabelClassification,
    /// Independent logits of classes, any number of which may apply.
    MultiLabelClassification,
    /// Regression scores.
    Regression,
}

impl SequenceClassifierConfig {
    /// Creates the configuration of the family's sequence classifier, with the family's dropout:
    /// `…ForSequenceClassification` in transformers.
    pub fn new(encoder: EncoderConfig, class_names: Vec<String>) -> Self {
        let family = encoder.family;
        let dropout = family.classifier_dropout(encoder.hidden_dropout_prob);
        let (pooling, head) = family.classification_head(&encoder, dropout);
        Self {
            encoder,
            pooling,
            head,
            problem_type: ProblemType::default(),
            class_names,
        }
    }

    /// Returns whether transformers has a class for this configuration: pooling and head are those
    /// of the family's classifier, apart from dropout.
    pub(crate) fn is_of_the_family(&self) -> bool {
        let family = self.encoder.family;
        let of_family = family.classification_head(&self.encoder, self.head.dropout());
        self.has(&of_family) || self.classifier_pooling_name().is_some()
    }

    /// Returns the `classifier_pooling` of pooling and head in `config.json`, if the family has a
    /// choice and they are among it.
    pub(crate) fn classifier_pooling_name(&self) -> Option<&'static str> {
        let family = self.encoder.family;
        let known = family.classifier_poolings(&self.encoder, self.head.dropout());
        let mut known = known.into_iter();
        known.find_map(|(name, choice)| self.has(&choice).then_some(name))
    }

    fn has(&self, (pooling, head): &(Pooling, HeadConfig)) -> bool {
        *pooling == self.pooling && *head == self.head
    }

    /// Creates a classifier whose parameters are all zero until they are loaded from a checkpoint
    /// or set by [`init_weights`](crate::init_weights).
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the encoder's configuration is invalid, pooling or head
    ///   do not fit it, or there are too few or duplicate class names.
    /// - [`ModelError::CustomHead`] if the head is a custom one.
    pub fn init(&self, device: &Device) -> Result<SequenceClassifier, ModelError> {
        self.init_with(None, device)
    }

    /// Creates a classifier like [`Self::init`], with the custom head if the configuration names
    /// one.
    ///
    /// # Errors
    /// - The errors of [`Self::init`].
    /// - [`ModelError::OtherCustomHead`] if `custom` is not the head named in the configuration.
    pub fn init_with(
        &self,
        custom: Option<&CustomHead>,
        device: &Device,
    ) -> Result<SequenceClassifier, ModelError> {
        self.check_names()?;
        self.check_bins()?;
        self.check_late_pooling()?;
        let encoder = self.encoder.init(device)?;
        let pooler = self.pooling.init(&self.encoder, device)?;
        Ok(SequenceClassifier {
            pooler,
            head: self.head.init_with(custom, self.head_size(), device)?,
            encoder,
            config: self.clone(),
        })
    }

    /// Returns the input and output sizes of the head.
    pub fn head_size(&self) -> HeadSize {
        HeadSize {
            hidden_size: self.pooling.width(self.encoder.hidden_size),
            num_labels: self.num_outputs(),
        }
    }

    /// Returns the number of outputs: one per class name, or per bin of a score in bins.
    pub fn num_outputs(&self) -> usize {
        match self.head.score_bins() {
            Ok(Some(bins)) => bins.count(),
            _ => self.class_names.len(),
        }
    }

    /// Checks that a head with bins is for one score.
    fn check_bins(&self) -> Result<(), ModelError> {
        let Some(bins) = self.head.score_bins()? else {
            return Ok(());
        };
        let is_one_score =
            self.problem_type == ProblemType::Regression && self.class_names.len() == 1;
        let found = format!("{} for {} names", bins.count(), self.class_names.len());
        let expected = "a head for the regression of one score";
        ModelError::check(is_one_score, "head.score_bins", found, expected)
    }

    /// Checks that a head of tokens is for hidden states of one layer.
    fn check_late_pooling(&self) -> Result<(), ModelError> {
        let late = matches!(&self.head, HeadConfig::Mlp(head) if head.late_pooling);
        let (width, hidden) = (self.head_size().hidden_size, self.encoder.hidden_size);
        let found = format!("true with vectors of width {width}");
        let expected = format!("vectors of the hidden size {hidden}");
        ModelError::check(
            !late || width == hidden,
            "head.late_pooling",
            found,
            expected,
        )
    }

    fn check_names(&self) -> Result<(), ModelError> {
        let least = match self.problem_type {
            ProblemType::SingleLabelClassification => 2,
            _ => 1,
        };
        check_class_names(&self.class_names, least)
    }
}

/// Checks that there are enough class names, each once.
pub(crate) fn check_class_names(names: &[String], least: usize) -> Result<(), ModelError> {
    let check = |valid, found, expected: String| {
        ModelError::check::<String, _>(valid, "class_names", found, expected)
    };
    let (count, expected) = (names.len(), format!("at least {least}"));
    check(count >= least, format!("{count} names"), expected)?;
    let mut seen = std::collections::HashSet::new();
    let mut names = names.iter();
    let twice = names
        .find(|name| !seen.insert(*name))
        .map(|name| format!("{name:?} twice"));
    check(
        twice.is_none(),
        twice.unwrap_or_default(),
        "different names".to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_make_no_classifier_are_refused() {
        let names = |names: &[&str], problem_type| {
            let names = names.iter().map(ToString::to_string).collect();
            let config = SequenceClassifierConfig {
                problem_type,
                ..SequenceClassifierConfig::new(EncoderConfig::default(), names)
            };
            config.check_names().map_err(|error| error.to_string())
        };
        assert!(names(&["score"], ProblemType::Regression).is_ok());
        for (wrong, problem_type, message) in [
            (
                &["a"][..],
                ProblemType::SingleLabelClassification,
                "1 names, expected at least 2",
            ),
            (
                &[],
                ProblemType::MultiLabelClassification,
                "0 names, expected at least 1",
            ),
            (
                &["a", "b", "a"],
                ProblemType::Regression,
                "\"a\" twice, expected different names",
            ),
        ] {
            let error = names(wrong, problem_type).unwrap_err();
            assert!(error.ends_with(message), "{error}");
        }
    }
}
