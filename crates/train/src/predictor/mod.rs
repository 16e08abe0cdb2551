//! Texts in, labels with probabilities out.
//!
//! What transformers calls the
//! [text classification pipeline](https://huggingface.co/docs/transformers/main_classes/pipelines#transformers.TextClassificationPipeline),
//! over the same prediction loop as validation and test.

mod config;
mod prediction;

pub use config::PredictorConfig;
pub use prediction::{LabelProbability, Prediction, Score};

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{
    Dataset, EncodedDataset, EncodedTexts, EncodingConfig, Label, Labels, PairEncoding, Target,
    Task, TextTokenizer, Texts, Truncation,
};
use finetune_eval::{Metric, Scores, Targets};
use finetune_model::{
    CheckpointConfig, CustomHead, EncoderModel, ProblemType, SequenceClassifier,
    load_classifier_with,
};

use crate::checkpoint_fit::{check_length, check_vocabulary};
use crate::predict::predict;
use crate::scoring::evaluator;
use crate::{Parts, TextPreprocessing, TrainError};

/// A fine-tuned model with all that it takes to ask it about texts.
///
/// It is `Send` and `Sync`: threads share one.
///
/// ```
/// use burn::tensor::Device;
/// # use finetune_data::TextTokenizer;
/// # use finetune_model::{
/// #     CheckpointConfig, EncoderConfig, SequenceClassifierConfig, initialize, save_classifier,
/// # };
/// use finetune_train::Predictor;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # let tokenizer = TextTokenizer::train_wordpiece(["rain and wind and sun"], 60)?;
/// # tokenizer.save(folder)?;
/// # let encoder = EncoderConfig {
/// #     vocab_size: tokenizer.vocab_size(),
/// #     hidden_size: 16,
/// #     num_hidden_layers: 1,
/// #     num_attention_heads: 2,
/// #     intermediate_size: 32,
/// #     ..Default::default()
/// # };
/// # let names = vec!["bad".to_string(), "good".to_string()];
/// # let config = SequenceClassifierConfig::new(encoder.clone(), names);
/// # let model = initialize(config.init(&Device::flex())?, 0.02, 1);
/// # save_classifier(folder, &model, &CheckpointConfig::new(encoder))?;
/// // `folder` is what a run left in RUN/model.
/// let predictor = Predictor::load(folder, &Device::flex())?;
/// for prediction in predictor.predict(&["sun", "wind and rain"])? {
///     assert!(["bad", "good"].contains(&prediction.label().unwrap_or_default()));
///     let sum: f64 = prediction.probabilities().iter().map(|label| label.probability).sum();
///     assert!((sum - 1.0).abs() < 1e-12);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Predictor {
    model: SequenceClassifier,
    tokenizer: TextTokenizer,
    /// As many texts a row as the model was trained on, where that is known.
    texts: Option<Texts>,
    cleaning: finetune_data::Cleaning,
    encoding: EncodingConfig,
    config: PredictorConfig,
}

impl Predictor {
    /// Loads a model and its tokenizer from a folder: `model/` of a run directory, or a classifier
    /// in the layout of Hugging Face.
    ///
    /// # Errors
    /// As [`Self::load_with`].
    pub fn load(directory: &Path, device: &Device) -> Result<Self, TrainError> {
        Self::load_with(directory, PredictorConfig::default(), device)
    }

    /// Loads a model and its tokenizer, with settings of one's own.
    ///
    /// Texts are cleaned and cut as [`TextPreprocessing`] in the folder says, unless `config` says
    /// otherwise.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] for a setting out of range; [`TrainError::Precision`] if the
    /// device lacks the one asked for;
    /// [`TrainError::NotAClassifier`] if the folder has no trained head;
    /// [`TrainError::VocabularyTooLarge`] and [`TrainError::LongerThanPositions`] if tokenizer and
    /// settings do not fit the model; whatever is wrong with the files.
    pub fn load_with(
        directory: &Path,
        config: PredictorConfig,
        device: &Device,
    ) -> Result<Self, TrainError> {
        Self::load_custom(directory, config, &Parts::default(), device)
    }

    /// The same for a model that was trained with parts of a program's own: its head.
    ///
    /// # Errors
    /// As [`Self::load_with`]; [`TrainError::Model`] if the model has a head of another name, or the
    /// head's output is not `[B, C]`.
    pub fn load_custom(
        directory: &Path,
        config: PredictorConfig,
        parts: &Parts,
        device: &Device,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        config.precision.check(device)?;
        // A wrong path is better called so than "no tokenizer found".
        std::fs::read_dir(directory).map_err(TrainError::io(directory))?;
        let tokenizer = TextTokenizer::from_pretrained(directory)?;
        let prepared = TextPreprocessing::read(directory)?;
        let model = trained_classifier(
            directory,
            parts.head.as_ref(),
            &device.clone().without_autodiff(),
        )?;
        check_vocabulary(directory, &tokenizer, &model.config().encoder)?;
        let predictor = Self::new(model, tokenizer, prepared, config)?;
        let encoder = &predictor.model.config().encoder;
        check_length(directory, predictor.encoding.max_length, encoder)?;
        Ok(predictor)
    }

    /// Creates a predictor from a model in memory, without autodiff. Texts are cleaned and encoded
    /// as `prepared` says, unless `config` says otherwise.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] for a setting out of range.
    /// - [`TrainError::Data`] if the tokenizer cannot encode so.
    pub fn new(
        model: SequenceClassifier,
        tokenizer: TextTokenizer,
        prepared: Option<TextPreprocessing>,
        config: PredictorConfig,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        let model = model.with_precision(config.precision);
        let encoding = encoding(&config, prepared.as_ref(), &tokenizer, &model)?;
        let texts = prepared.as_ref().map(|prepared| prepared.texts);
        let trained_on = prepared.map(|prepared| prepared.cleaning);
        Ok(Self {
            cleaning: config.cleaning.clone().or(trained_on).unwrap_or_default(),
            texts,
            encoding,
            model,
            tokenizer,
            config,
        })
    }

    /// What the model says of each text, in the order given. An empty text is one as any other.
    ///
    /// Texts go through the model in batches of about one length. Devices may round differently for
    /// other batches: the last digits of a probability can depend on the other texts.
    ///
    /// # Errors
    /// [`TrainError::TextCount`] if the model is for pairs; [`TrainError::Data`] if the tokenizer
    /// fails on a text.
    pub fn predict<S: AsRef<str>>(&self, texts: &[S]) -> Result<Vec<Prediction>, TrainError> {
        self.check_texts(Texts::Single)?;
        let texts = self.cleaned(texts.iter().map(AsRef::as_ref));
        let encoded = self.tokenizer.encode(&texts, &self.encoding)?;
        self.predict_encoded(Texts::Single, encoded, None)
    }

    /// What the model says of each pair of texts, in the order given. Whether the encoder reads
    /// both as one sequence or each by itself is up to the model's head.
    ///
    /// # Errors
    /// [`TrainError::TextCount`] if the model was trained on single texts; [`TrainError::Data`]
    /// if the tokenizer fails on a text or has no rule for pairs, or a pair cannot be cut as it
    /// shall be.
    pub fn predict_pairs<A: AsRef<str>, B: AsRef<str>>(
        &self,
        pairs: &[(A, B)],
    ) -> Result<Vec<Prediction>, TrainError> {
        self.check_texts(Texts::Pair)?;
        let firsts = self.cleaned(pairs.iter().map(|(first, _)| first.as_ref()));
        let seconds = self.cleaned(pairs.iter().map(|(_, second)| second.as_ref()));
        let (encoded, second) = match self.encoding.pair_encoding {
            PairEncoding::CrossEncoder => {
                let pairs: Vec<_> = firsts.into_iter().zip(seconds).collect();
                (self.tokenizer.encode_pairs(&pairs, &self.encoding)?, None)
            }
            PairEncoding::BiEncoder => (
                self.tokenizer.encode(&firsts, &self.encoding)?,
                Some(self.tokenizer.encode(&seconds, &self.encoding)?),
            ),
        };
        self.predict_encoded(Texts::Pair, encoded, second)
    }

    /// Evaluates the model on a dataset: the default metrics of its targets but for the loss, and
    /// `metrics`.
    ///
    /// Classes are matched by name, in whatever order the dataset has them.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the dataset has a class that the model does not have.
    /// - [`TrainError::Eval`] for two metrics of one name, and any error of a metric.
    /// - As [`Self::predict`].
    pub fn evaluate(
        &self,
        dataset: &Dataset,
        metrics: &[Arc<dyn Metric>],
    ) -> Result<Scores, TrainError> {
        let evaluator = evaluator(&dataset.task.target, metrics, [])?;
        let targets = self.targets(dataset)?;
        let cleaned = dataset.clone().clean(&self.cleaning);
        let data = EncodedDataset::new(&cleaned, &self.tokenizer, &self.encoding)?;
        let pad = self.tokenizer.pad_token_id();
        let output = predict(&self.model, &data, pad, self.config.batch_size, &mut ())?;
        Ok(evaluator.evaluate(&output.predictions, &targets)?)
    }

    /// The labels of a dataset as the model's classes.
    fn targets(&self, dataset: &Dataset) -> Result<Targets, TrainError> {
        let names = self.class_names();
        let place = |name: &String| match names {
            // One output for two classes is named after the second.
            [second] => Some(usize::from(name == second)),
            names => names.iter().position(|own| own == name),
        };
        let classes = dataset.class_names().iter().map(|name| {
            let expected = format!("classes of the model, {}", names.join(", "));
            place(name).ok_or_else(|| TrainError::setting("class of the dataset", name, expected))
        });
        let classes: Vec<usize> = classes.collect::<Result<_, _>>()?;
        let labels = dataset.examples.iter().map(|example| example.label);
        Ok(match &dataset.task.target {
            Target::Classes(_) => {
                let labels = labels.filter_map(|label| classes.get(label.class()?).copied());
                Targets::Classes(labels.collect())
            }
            Target::Score { .. } => {
                let score = |label| match label {
                    Label::Score(score) => score as f32,
                    _ => f32::NAN,
                };
                Targets::Scores(labels.map(score).collect())
            }
            Target::Unlabeled => Targets::Unlabeled(dataset.len()),
        })
    }

    /// The labels, or names of the scores, in the order of the model's outputs.
    pub fn class_names(&self) -> &[String] {
        &self.model.config().class_names
    }

    /// What the outputs are.
    pub fn problem_type(&self) -> ProblemType {
        self.model.config().problem_type
    }

    /// What the model is asked about; `None` where its folder does not say, and both can be tried.
    pub fn texts(&self) -> Option<Texts> {
        match self.encoding.pair_encoding {
            PairEncoding::BiEncoder => Some(Texts::Pair),
            PairEncoding::CrossEncoder => self.texts,
        }
    }

    /// How texts are cut.
    pub fn encoding(&self) -> &EncodingConfig {
        &self.encoding
    }

    /// The model.
    pub fn model(&self) -> &SequenceClassifier {
        &self.model
    }

    fn cleaned<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Vec<Cow<'a, str>> {
        texts.map(|text| self.cleaning.apply(text)).collect()
    }

    fn check_texts(&self, found: Texts) -> Result<(), TrainError> {
        let count = |texts: Texts| match texts {
            Texts::Single => 1,
            Texts::Pair => 2,
        };
        let expected = self.texts().unwrap_or(found);
        if expected == found {
            return Ok(());
        }
        Err(TrainError::TextCount {
            expected: count(expected),
            found: count(found),
        })
    }

    fn predict_encoded(
        &self,
        texts_per_row: Texts,
        texts: EncodedTexts,
        second_texts: Option<EncodedTexts>,
    ) -> Result<Vec<Prediction>, TrainError> {
        let data = EncodedDataset {
            texts,
            second_texts,
            labels: Labels::Unlabeled.into(),
            task: Task {
                texts: texts_per_row,
                target: Target::Unlabeled,
            },
        };
        let pad = self.tokenizer.pad_token_id();
        let output = predict(&self.model, &data, pad, self.config.batch_size, &mut ())?;
        let prediction = |outputs: &Vec<f32>| {
            let (names, problem_type) = (self.class_names(), self.problem_type());
            Prediction::new(outputs, names, problem_type, &self.config)
        };
        Ok(output.predictions.logits.iter().map(prediction).collect())
    }
}

/// The classifier of a folder, for its own labels.
fn trained_classifier(
    directory: &Path,
    head: Option<&CustomHead>,
    device: &Device,
) -> Result<SequenceClassifier, TrainError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    // Without names transformers has two labels.
    let names = checkpoint.class_names.clone();
    let names = names.unwrap_or_else(|| vec!["LABEL_0".into(), "LABEL_1".into()]);
    let config = checkpoint.classifier(&names);
    let (model, report) = load_classifier_with(directory, &config, head, 0, device)?;
    if !report.initialized.is_empty() {
        return Err(TrainError::NotAClassifier {
            path: directory.to_path_buf(),
            tensors: report.initialized,
        });
    }
    model.check_head()?;
    Ok(model.valid())
}

/// What is asked for, before what the model was trained with, before what both parts allow.
fn encoding(
    config: &PredictorConfig,
    prepared: Option<&TextPreprocessing>,
    tokenizer: &TextTokenizer,
    model: &SequenceClassifier,
) -> Result<EncodingConfig, TrainError> {
    let longest = model.config().encoder.longest_sequence();
    let own_length = tokenizer.model_max_length().unwrap_or(longest);
    let trained_with = match prepared {
        Some(prepared) => prepared.encoding,
        None => EncodingConfig::new(own_length.min(longest)),
    };
    let encoding = EncodingConfig {
        max_length: config.max_length.unwrap_or(trained_with.max_length),
        truncation: config.truncation.unwrap_or(trained_with.truncation),
        pair_truncation: config
            .pair_truncation
            .unwrap_or(trained_with.pair_truncation),
        pair_encoding: match model.num_texts() {
            1 => PairEncoding::CrossEncoder,
            _ => PairEncoding::BiEncoder,
        },
        offsets: finetune_data::Offsets::None,
    };
    match (encoding.pair_encoding, encoding.truncation) {
        // The windows of one text have no partners among those of the other.
        (PairEncoding::BiEncoder, Truncation::SlidingWindow { .. }) => Err(TrainError::setting(
            "truncation",
            encoding.truncation,
            "head, tail or head-tail-N for a model that reads the texts of a pair each by itself",
        )),
        _ => Ok(encoding),
    }
}
