//! A model of whole texts: encoder, pooling, head. It classifies or scores one text, or a pair of
//! texts that the encoder reads each by itself (bi-encoder) or as one sequence (cross-encoder).

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::cut::Activated;
use crate::encoder::{AttentionMask, Encoder, EncoderConfig, EncoderInput};
use crate::head::{AnyHead, CustomHead, HeadConfig, HeadInput, HeadSize, HiddenStates};
use crate::pooling::{Pooler, Pooling};
use crate::{Cut, DropoutStream, ModelError};

/// What a [`SequenceClassifier`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceClassifierConfig {
    /// The encoder below.
    pub encoder: EncoderConfig,
    /// From tokens to texts.
    pub pooling: Pooling,
    /// From texts to outputs.
    pub head: HeadConfig,
    /// What the outputs are.
    pub problem_type: ProblemType,
    /// A name for each output: the classes in the order of the logits, or the scores.
    pub class_names: Vec<String>,
}

/// What the outputs of a classifier are, under the names of `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// Logits of classes of which one is right.
    #[default]
    SingleLabelClassification,
    /// Logits of classes of which any number may be right.
    MultiLabelClassification,
    /// Numbers.
    Regression,
}

impl SequenceClassifierConfig {
    /// The sequence classifier of the encoder's family, with the family's dropout: what
    /// transformers calls `…ForSequenceClassification`.
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

    /// Whether transformers has a class for it: pooling and head are those of the family's own
    /// classifier, the dropout aside.
    pub(crate) fn is_of_the_family(&self) -> bool {
        let own = self
            .encoder
            .family
            .classification_head(self.encoder.hidden_size, self.head.dropout());
        own == (self.pooling, self.head.clone())
    }

    /// A classifier whose parameters are all zero until a checkpoint or
    /// [`initialize`](crate::initialize) fills them.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] if the encoder's configuration is invalid, pooling or head do
    /// not fit it, or the class names are too few or not different; [`ModelError::CustomHead`] if the
    /// head is a custom one.
    pub fn init(&self, device: &Device) -> Result<SequenceClassifier, ModelError> {
        self.init_with(None, device)
    }

    /// The same with a custom head, where the configuration names one.
    ///
    /// # Errors
    /// As [`Self::init`], and [`ModelError::OtherCustomHead`] if `custom` is not the head that the
    /// configuration names.
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

    /// The sizes that the head is made for.
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

/// The texts of a batch, on their way into a model.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    /// One text a row, or two that the tokenizer joined to one sequence.
    Single(&'a EncoderInput),
    /// Two texts a row, each in a batch of its own.
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

/// Encoder, pooling and head.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct SequenceClassifier {
    /// Shared with every other use of the encoder.
    pub encoder: Encoder,
    /// From tokens to texts.
    pub pooler: Pooler,
    /// From texts to outputs.
    pub head: AnyHead,
    #[module(skip)]
    pub(crate) config: SequenceClassifierConfig,
}

impl SequenceClassifier {
    /// Logits or scores, one per class name. Without `dropout` the result is deterministic.
    ///
    /// `texts` is an [`EncoderInput`] or, for a head on pairs, two, which go through the encoder as
    /// one batch of `2 B` rows.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// [`ModelError::TextCount`] if the head is for another number of texts,
    /// [`ModelError::PairShape`] if the batches of a pair differ in size, and
    /// [`ModelError::HeadOutput`] if a custom head returns another shape.
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
        // Before the encoder runs for nothing.
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

    /// The pooled vector of each row: what the head sees of a text.
    ///
    /// # Shapes
    /// - output: `[B, W]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn features(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        self.pooler.run(&self.encoder, input, dropout)
    }

    /// Whether the head computes what it should: it runs once, on a batch of zeros. A custom head
    /// whose code and sizes do not fit together is so found before training.
    ///
    /// # Errors
    /// - [`ModelError::HeadOutput`] if the output is not `[B, C]`.
    /// - [`ModelError::InvalidConfig`] if the head compares neither 1 nor 2 texts.
    ///
    /// # Panics
    /// If the head itself does.
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

    /// Number of texts that the head compares, 1 or 2.
    pub fn num_texts(&self) -> usize {
        self.head.num_texts()
    }

    /// Whether the head is for so many texts.
    pub(crate) fn check_text_count(&self, found: usize) -> Result<(), ModelError> {
        let expected = self.num_texts();
        match expected == found {
            true => Ok(()),
            false => Err(ModelError::TextCount { expected, found }),
        }
    }

    /// Whether there are as many second texts as first ones.
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

    /// What the model was made from.
    pub fn config(&self) -> &SequenceClassifierConfig {
        &self.config
    }

    /// Number of outputs, `C`.
    pub fn classes(&self) -> usize {
        self.config.class_names.len()
    }

    /// The device of the parameters.
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
