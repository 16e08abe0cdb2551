//! Sequence classifier: encoder, pooling and head. It classifies or scores single texts, or pairs
//! of texts encoded separately (bi-encoder) or as one sequence (cross-encoder).

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::cut::Activated;
use crate::encoder::{AttentionMask, Encoder, EncoderConfig, EncoderInput};
use crate::head::{AnyHead, CustomHead, HeadConfig, HeadInput, HeadSize, HiddenStates};
use crate::pooling::{Pooler, Pooling};
use crate::{Cut, DropoutStream, ModelError};

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
    pub class_names: Vec<String>,
}

/// Meaning of a classifier's outputs, serialized as in `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
        let (pooling, head) = family.classification_head(encoder.hidden_size, dropout);
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
        let own = self
            .encoder
            .family
            .classification_head(self.encoder.hidden_size, self.head.dropout());
        own == (self.pooling, self.head.clone())
    }

    /// Creates a classifier whose parameters are all zero until they are loaded from a checkpoint
    /// or set by [`initialize`](crate::initialize).
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
            num_labels: self.class_names.len(),
        }
    }

    fn check_names(&self) -> Result<(), ModelError> {
        let invalid = |found: String, expected: &str| {
            Err(ModelError::InvalidConfig {
                field: "class_names",
                found,
                expected: expected.to_string(),
            })
        };
        let count = self.class_names.len();
        let (least, expected) = match self.problem_type {
            ProblemType::SingleLabelClassification => (2, "at least 2"),
            _ => (1, "at least 1"),
        };
        if count < least {
            return invalid(format!("{count} names"), expected);
        }
        let mut seen = std::collections::HashSet::new();
        match self.class_names.iter().find(|name| !seen.insert(*name)) {
            Some(twice) => invalid(format!("{twice:?} twice"), "different names"),
            None => Ok(()),
        }
    }
}

/// Encoded texts of a batch, the input of a classifier.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    /// Single texts, or pairs encoded as one sequence.
    Single(&'a EncoderInput),
    /// Pairs of texts, encoded separately.
    Pair(&'a EncoderInput, &'a EncoderInput),
}

impl<'a> From<&'a EncoderInput> for Texts<'a> {
    fn from(input: &'a EncoderInput) -> Self {
        Self::Single(input)
    }
}

impl<'a> From<(&'a EncoderInput, &'a EncoderInput)> for Texts<'a> {
    fn from((first, second): (&'a EncoderInput, &'a EncoderInput)) -> Self {
        Self::Pair(first, second)
    }
}

/// Sequence classifier: encoder, pooling and head.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct SequenceClassifier {
    /// Encoder; the same type as in all other models.
    pub encoder: Encoder,
    /// Pooling of hidden states into one vector per text.
    pub pooler: Pooler,
    /// Head that computes the outputs from the pooled vectors.
    pub head: AnyHead,
    #[module(skip)]
    pub(crate) config: SequenceClassifierConfig,
}

impl SequenceClassifier {
    /// Returns logits or scores, one per class name. Without `dropout` the result is deterministic.
    ///
    /// `texts` is an [`EncoderInput`] or, for a head for pairs, two, which go through the encoder
    /// as one batch of `2 B` rows.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// - [`ModelError::TextCount`] if the head is for another number of texts.
    /// - [`ModelError::PairShape`] if the batches of a pair differ in size.
    /// - [`ModelError::HeadOutput`] if a custom head returns another shape.
    ///
    /// # Panics
    /// If an [`EncoderInput`] was made for an encoder with other embedding tables.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{
    ///     CosineSimilarityHeadConfig, EncoderConfig, EncoderInput, HeadConfig, Pooling, ProblemType,
    ///     SequenceClassifierConfig, initialize,
    /// };
    ///
    /// let encoder = EncoderConfig {
    ///     vocab_size: 100,
    ///     hidden_size: 16,
    ///     num_hidden_layers: 1,
    ///     num_attention_heads: 2,
    ///     intermediate_size: 32,
    ///     ..Default::default()
    /// };
    /// // How alike are two texts?
    /// let config = SequenceClassifierConfig {
    ///     encoder,
    ///     pooling: Pooling::mean(),
    ///     head: HeadConfig::Cosine(CosineSimilarityHeadConfig::default()),
    ///     problem_type: ProblemType::Regression,
    ///     class_names: vec!["similarity".into()],
    /// };
    /// let model = initialize(config.init(&Device::flex())?, 0.02, 42);
    /// let input = |ids: &[u32]| {
    ///     EncoderInput::new(&model.encoder, ids, &[0; 4], &[true; 4], [1, 4])
    /// };
    /// let (first, second) = (input(&[2, 7, 8, 3])?, input(&[2, 7, 8, 3])?);
    /// let score = model.forward((&first, &second), None)?.into_scalar::<f32>();
    /// assert!((score - 1.0).abs() < 1e-5);
    /// assert!(model.forward(&first, None).is_err());
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn forward<'a>(
        &self,
        texts: impl Into<Texts<'a>>,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let texts = texts.into();
        // Checked before the encoder runs.
        self.check_text_count(texts.count())?;
        let bottom = Cut::HiddenStates(0);
        match texts {
            Texts::Single(input) => {
                let embedded = self.lower(input, bottom, dropout)?;
                self.above(Activated::Single(embedded), dropout)
            }
            Texts::Pair(first, second) => {
                self.check_batches(first.batch(), second.batch())?;
                let embedded = self.lower(&first.stack(second)?, bottom, dropout)?;
                self.above(Activated::Stack(embedded), dropout)
            }
        }
    }

    /// Returns the pooled vector of each row, the input of the head.
    ///
    /// # Shapes
    /// - output: `[B, W]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn features(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        self.pooler.run(&self.encoder, input, dropout)
    }

    /// Checks the head by running it once on a batch of zeros. This detects, before training, a
    /// custom head whose code does not fit its sizes.
    ///
    /// # Errors
    /// - [`ModelError::HeadOutput`] if the output is not `[B, C]`.
    /// - [`ModelError::InvalidConfig`] if the head compares neither 1 nor 2 texts.
    ///
    /// # Panics
    /// If the head panics.
    pub fn check_head(&self) -> Result<(), ModelError> {
        const ROWS: usize = 2;
        const TOKENS: usize = 3;
        let texts = self.num_texts();
        if !(1..=2).contains(&texts) {
            return Err(ModelError::InvalidConfig {
                field: "number of texts of the head",
                found: texts.to_string(),
                expected: "1 or 2".to_string(),
            });
        }
        let device = self.device();
        let pooled = Tensor::zeros([ROWS, self.width_at(Cut::Pooled)], &device);
        let hidden = || {
            let rows = Tensor::zeros([ROWS * TOKENS, self.config.encoder.hidden_size], &device);
            let mask = AttentionMask::new(&[true; ROWS * TOKENS], [ROWS, TOKENS], &device)?;
            HiddenStates::new(rows, mask)
        };
        let reads = self.head.reads_hidden_states();
        let input = HeadInput {
            second: (texts == 2).then(|| pooled.clone()),
            hidden: reads.then(hidden).transpose()?,
            second_hidden: (reads && texts == 2).then(hidden).transpose()?,
            ..HeadInput::new(pooled)
        };
        self.run_head(input).map(|_| ())
    }

    /// # Shapes
    /// - output: `[B, C]`
    pub(crate) fn run_head(&self, input: HeadInput) -> Result<Tensor<2>, ModelError> {
        let expected = [input.pooled.dims()[0], self.classes()];
        let output = self.head.forward(input)?;
        let found = output.dims();
        match expected == found {
            true => Ok(output),
            false => Err(ModelError::HeadOutput {
                head: self.head.type_name(),
                expected,
                found,
            }),
        }
    }

    /// Returns the number of texts that the head compares, 1 or 2.
    pub fn num_texts(&self) -> usize {
        self.head.num_texts()
    }

    /// Checks that the head is for `found` texts.
    pub(crate) fn check_text_count(&self, found: usize) -> Result<(), ModelError> {
        let expected = self.num_texts();
        match expected == found {
            true => Ok(()),
            false => Err(ModelError::TextCount { expected, found }),
        }
    }

    /// Checks that the numbers of first and second texts are equal.
    pub(crate) fn check_batches(&self, first: usize, second: usize) -> Result<(), ModelError> {
        let width = self.width_at(Cut::Pooled);
        match first == second {
            true => Ok(()),
            false => Err(ModelError::PairShape {
                first: [first, width],
                second: [second, width],
            }),
        }
    }

    /// Returns the configuration of the model.
    pub fn config(&self) -> &SequenceClassifierConfig {
        &self.config
    }

    /// Returns the number of outputs, `C`.
    pub fn classes(&self) -> usize {
        self.config.class_names.len()
    }

    /// Returns the device of the parameters.
    pub fn device(&self) -> Device {
        self.encoder.embeddings.word_embeddings.weight.lazy_device()
    }
}

impl Texts<'_> {
    fn count(self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Pair(..) => 2,
        }
    }
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
