//! Prediction of labels or scores for new texts.
//!
//! It corresponds to the
//! [text classification pipeline](https://huggingface.co/docs/transformers/main_classes/pipelines#transformers.TextClassificationPipeline)
//! of transformers, and uses the same prediction loop as validation and test.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{
    Dataset, EncodedDataset, EncodedTexts, EncodingConfig, Label, Labels, PairEncoding, Schema,
    Target, TextArity, TextTokenizer, Truncation,
};
use finetune_eval::{Evaluator, Metric, Predictions, Scores, Targets, Thresholds};
use finetune_model::{
    CheckpointConfig, CustomHead, Int8Config, ProblemType, SequenceClassifier,
    load_classifier_with, model_directory,
};

use crate::calibration::{Calibration, CalibrationReport};
use crate::compatibility::{check_length, check_vocabulary, load_tokenizer};
use crate::error::PredictError;
use crate::evaluator::evaluator;
use crate::finite_outputs;
use crate::int8::in_precision;
use crate::predict::predict;
use crate::prediction::Prediction;
use crate::predictor_config::PredictorConfig;
use crate::text_preprocessing::TextPreprocessing;

/// A fine-tuned model with its tokenizer and text preprocessing.
///
/// It is `Send` and `Sync`, so threads can share one.
///
/// ```
/// use burn::tensor::Device;
/// # use finetune_data::TextTokenizer;
/// # use finetune_model::{
/// #     CheckpointConfig, EncoderConfig, SequenceClassifierConfig, init_weights, save_classifier,
/// # };
/// use finetune_predict::Predictor;
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// # let tokenizer = TextTokenizer::train_wordpiece(["rain and wind and sun"], 60)?;
/// # tokenizer.save(directory)?;
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
/// # let model = init_weights(config.init(&Device::flex())?, 0.02, 1);
/// # save_classifier(directory, &model, &CheckpointConfig::new(encoder))?;
/// // `directory` is what a run left in RUN/model.
/// let predictor = Predictor::load(directory, &Device::flex())?;
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
    /// Texts per row in training, if known.
    texts: Option<TextArity>,
    cleaning: finetune_data::Cleaning,
    encoding: EncodingConfig,
    /// Threshold of each label.
    thresholds: Vec<f64>,
    calibration: Option<Calibration>,
    int8: Option<Int8Config>,
    config: PredictorConfig,
}

impl Predictor {
    /// Loads a model and its tokenizer from a directory: `model/` of a run directory, or a
    /// classifier in the Hugging Face layout, also by its name on the hub ([`model_directory`]).
    ///
    /// # Errors
    /// - Any error of [`Self::load_with`].
    pub fn load(directory: &Path, device: &Device) -> Result<Self, PredictError> {
        Self::load_with(directory, PredictorConfig::default(), device)
    }

    /// Loads a model and its tokenizer, with your own settings.
    ///
    /// Texts are cleaned and truncated, thresholds of labels are set and probabilities calibrated, as the
    /// [`TextPreprocessing`] in the directory says, unless `config` overrides it.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if a setting is out of range.
    /// - [`PredictError::Eval`] if a threshold is not in `[0, 1]`, or there is not one per label.
    /// - [`PredictError::Precision`] if the device does not support the precision.
    /// - [`PredictError::NotAClassifier`] if the directory has no trained head.
    /// - [`PredictError::VocabularyTooLarge`] or [`PredictError::LongerThanPositions`] if the tokenizer
    ///   or `max_length` does not fit the model.
    /// - [`PredictError::Io`], [`PredictError::Json`], [`PredictError::Data`] or [`PredictError::Model`] if
    ///   a file cannot be read or is invalid.
    pub fn load_with(
        directory: &Path,
        config: PredictorConfig,
        device: &Device,
    ) -> Result<Self, PredictError> {
        Self::load_custom(directory, config, None, device)
    }

    /// Loads a model that may have been trained with a custom head.
    ///
    /// # Errors
    /// - Any error of [`Self::load_with`].
    /// - [`PredictError::Model`] if the model has a head of another name, or the head's output is not
    ///   `[B, C]`.
    pub fn load_custom(
        directory: &Path,
        config: PredictorConfig,
        head: Option<&CustomHead>,
        device: &Device,
    ) -> Result<Self, PredictError> {
        config.validate()?;
        config.precision.check(device)?;
        let directory = &model_directory(directory)?;
        let tokenizer = load_tokenizer(directory)?;
        let prepared = TextPreprocessing::read(directory)?;
        let device = device.clone().without_autodiff();
        let model = trained_classifier(directory, head, &device)?;
        check_vocabulary(directory, &tokenizer, &model.config().encoder)?;
        let predictor = Self::new(model, tokenizer, prepared, config)?;
        let encoder = &predictor.model.config().encoder;
        check_length(directory, predictor.encoding.max_length, encoder)?;
        Ok(predictor)
    }

    /// Creates a predictor from a model in memory, without autodiff. Texts are cleaned and encoded
    /// as `prepared` says, unless `config` overrides it.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if a setting is out of range, or the model encodes the
    ///   texts of a pair separately and truncation uses sliding windows.
    /// - [`PredictError::Eval`] if a threshold is not in `[0, 1]`, or there is not one per label.
    /// - [`PredictError::Model`] if the model cannot be in 8-bit integers.
    pub fn new(
        model: SequenceClassifier,
        tokenizer: TextTokenizer,
        prepared: Option<TextPreprocessing>,
        config: PredictorConfig,
    ) -> Result<Self, PredictError> {
        config.validate()?;
        let int8 = prepared.as_ref().and_then(|prepared| prepared.int8.clone());
        let model = in_precision(model, config.precision, int8.as_ref())?;
        let encoding = encoding(&config, prepared.as_ref(), &tokenizer, &model)?;
        let texts = prepared.as_ref().map(|prepared| prepared.texts);
        let saved = prepared
            .as_ref()
            .and_then(|prepared| prepared.threshold.clone());
        let thresholds = config.threshold.clone().or(saved).unwrap_or_default();
        let calibration = prepared.as_ref().and_then(|prepared| prepared.calibration);
        let trained_on = prepared.map(|prepared| prepared.cleaning);
        let predictor = Self {
            thresholds: thresholds.per_class(model.config().class_names.len())?,
            cleaning: config.cleaning.clone().or(trained_on).unwrap_or_default(),
            texts,
            encoding,
            model,
            tokenizer,
            calibration: None,
            int8,
            config,
        };
        predictor.with_calibration(calibration)
    }

    /// Sets the calibration of the probabilities; `None` leaves them as the model computes them.
    ///
    /// # Errors
    /// - [`PredictError::Eval`] if a value is out of range.
    pub fn with_calibration(self, calibration: Option<Calibration>) -> Result<Self, PredictError> {
        if let Some(calibration) = &calibration {
            calibration.validate()?;
        }
        Ok(Self {
            calibration,
            ..self
        })
    }

    /// Returns the calibration of the probabilities, if any.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// Fits a calibration on labeled rows that the model was not trained on, with a rule for sets of
    /// classes if a `coverage` in `(0, 1)` is given, and scores it on the same rows.
    /// [`Self::with_calibration`] applies it, and [`Self::text_preprocessing`] saves it.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if the model does not predict one of several classes, or the
    ///   dataset has no classes, or one that the model lacks.
    /// - [`PredictError::Eval`] if there are no rows, or the coverage is out of range.
    /// - The errors of [`Self::evaluate`].
    pub fn fit_calibration(
        &self,
        dataset: &Dataset,
        coverage: Option<f64>,
    ) -> Result<CalibrationReport, PredictError> {
        let (outputs, found) = (self.class_names().len(), self.problem_type());
        if found != ProblemType::SingleLabelClassification || outputs < 2 {
            let found = format!("{found:?} with {outputs} outputs");
            let expected = "SingleLabelClassification with an output per class, for a calibration";
            return Err(PredictError::setting(
                "problem_type of the model",
                found,
                expected,
            ));
        }
        let targets = self.targets(dataset)?;
        let logits = self.outputs(&self.encoded(dataset)?)?.logits;
        let labels = targets.classes()?;
        Ok(Calibration::fit(&logits, labels, coverage)?.report(&logits, labels)?)
    }

    /// Sets which linear layers become 8-bit integers when the model is loaded in them; `None` for all.
    pub fn with_int8(self, int8: Option<Int8Config>) -> Self {
        Self { int8, ..self }
    }

    /// Returns what is applied to texts and outputs, to be saved beside the model.
    pub fn text_preprocessing(&self) -> TextPreprocessing {
        let is_multi_label = self.problem_type() == ProblemType::MultiLabelClassification;
        TextPreprocessing {
            texts: self.texts().unwrap_or(TextArity::Single),
            cleaning: self.cleaning.clone(),
            encoding: self.encoding,
            threshold: is_multi_label.then(|| Thresholds::PerClass(self.thresholds.clone())),
            tags: None,
            calibration: self.calibration,
            int8: self.int8.clone(),
        }
    }

    /// Predicts every text, in the given order. Empty texts are allowed.
    ///
    /// Texts are batched by length. Rounding on some devices depends on the batch, so the last
    /// digits of a probability can depend on the other texts.
    ///
    /// # Errors
    /// - [`PredictError::TextCount`] if the model is for pairs.
    /// - [`PredictError::NotFinite`] if outputs are not finite.
    /// - [`PredictError::Data`] if the tokenizer fails on a text.
    pub fn predict<S: AsRef<str>>(&self, texts: &[S]) -> Result<Vec<Prediction>, PredictError> {
        self.check_texts(TextArity::Single)?;
        let texts = self.cleaned(texts.iter().map(AsRef::as_ref));
        let encoded = self.tokenizer.encode(&texts, &self.encoding)?;
        self.predict_encoded(TextArity::Single, encoded, None)
    }

    /// Predicts every pair of texts, in the given order. The model's head determines whether the
    /// encoder reads a pair as one sequence (cross-encoder) or each text separately (bi-encoder).
    ///
    /// # Errors
    /// - [`PredictError::TextCount`] if the model was trained on single texts.
    /// - [`PredictError::NotFinite`] if outputs are not finite.
    /// - [`PredictError::Data`] if the tokenizer fails on a text or does not support pairs, or a pair
    ///   cannot be truncated as configured.
    pub fn predict_pairs<A: AsRef<str>, B: AsRef<str>>(
        &self,
        pairs: &[(A, B)],
    ) -> Result<Vec<Prediction>, PredictError> {
        self.check_texts(TextArity::Pair)?;
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
        self.predict_encoded(TextArity::Pair, encoded, second)
    }

    /// Evaluates the model on a dataset, with `metrics` and the default metrics of its targets
    /// except the loss.
    ///
    /// Classes are matched by name, so their order may differ from the model's. Scores of a calibrated model
    /// include those of its [`CalibrationScores`](finetune_eval::CalibrationScores).
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if the dataset has a class that the model lacks, or any
    ///   number of classes per row and the model predicts one.
    /// - [`PredictError::Eval`] if two metrics have the same name, or a metric fails.
    /// - [`PredictError::NotFinite`] if outputs are not finite.
    /// - [`PredictError::Data`] if the tokenizer fails on a text.
    /// - [`PredictError::Model`] if the model's head is for another number of texts per row.
    pub fn evaluate(
        &self,
        dataset: &Dataset,
        metrics: &[Arc<dyn Metric>],
    ) -> Result<Scores, PredictError> {
        self.evaluate_with(dataset, &evaluator(&dataset.schema.target, metrics, [])?)
    }

    /// Evaluates the model on a dataset with the metrics of an [`evaluator`].
    ///
    /// # Errors
    /// - The errors of [`Self::evaluate`].
    pub fn evaluate_with(
        &self,
        dataset: &Dataset,
        evaluator: &Evaluator,
    ) -> Result<Scores, PredictError> {
        let targets = self.targets(dataset)?;
        let thresholds = Thresholds::PerClass(self.thresholds.clone());
        let mut predictions = self
            .outputs(&self.encoded(dataset)?)?
            .with_thresholds(thresholds);
        let mut trust = Scores::new();
        if let Some(calibration) = &self.calibration {
            let rows = predictions.logits.iter_mut();
            rows.for_each(|logits| calibration.scale(logits));
            if let Targets::Classes(labels) = &targets {
                let scores = calibration.scores_of_scaled(&predictions.logits, labels)?;
                trust = scores.scores();
            }
        }
        let mut scores = evaluator.evaluate(&predictions, &targets)?;
        scores.extend(trust);
        Ok(scores)
    }

    /// Returns the outputs of the model, all finite, not calibrated.
    fn outputs(&self, data: &EncodedDataset) -> Result<Predictions, PredictError> {
        let predictions = predict(&self.model, data, self.config.batch_size)?.predictions;
        finite_outputs::check(&predictions.logits)?;
        Ok(predictions)
    }

    pub(crate) fn encoded(&self, dataset: &Dataset) -> Result<EncodedDataset, PredictError> {
        let cleaned = dataset.clone().clean(&self.cleaning);
        Ok(EncodedDataset::new(
            &cleaned,
            &self.tokenizer,
            &self.encoding,
        )?)
    }

    /// Maps the labels of a dataset to the model's classes.
    pub(crate) fn targets(&self, dataset: &Dataset) -> Result<Targets, PredictError> {
        let (names, found) = (self.class_names(), dataset.class_names());
        let place = |name: &String| match names {
            // The single output for two classes has the name of the second.
            [second] if name == second => Some(1),
            [second] if found.len() == 1 || found.len() == 2 && found.contains(second) => Some(0),
            names => names.iter().position(|own| own == name),
        };
        let classes = found.iter().map(|name| {
            let expected = format!("classes of the model, {}", names.join(", "));
            place(name).ok_or_else(|| PredictError::setting("class of the dataset", name, expected))
        });
        let classes: Vec<usize> = classes.collect::<Result<_, _>>()?;
        let labels = dataset.examples.iter().map(|example| &example.label);
        Ok(match &dataset.schema.target {
            Target::Classes(_) => {
                let labels = labels.filter_map(|label| classes.get(label.class()?).copied());
                Targets::Classes(labels.collect())
            }
            Target::MultiLabel(_) => {
                self.check_multi_label()?;
                let set = |label: &Label| {
                    let places = label.classes().iter();
                    places
                        .filter_map(|class| classes.get(*class).copied())
                        .collect()
                };
                Targets::MultiLabel(labels.map(set).collect())
            }
            Target::Score { .. } => {
                let score = |label: &Label| match label {
                    Label::Score(score) => *score as f32,
                    _ => f32::NAN,
                };
                Targets::Scores(labels.map(score).collect())
            }
            Target::TokenClasses(_) | Target::Unlabeled => Targets::Unlabeled(dataset.len()),
        })
    }

    /// Checks that the model predicts any number of classes.
    fn check_multi_label(&self) -> Result<(), PredictError> {
        match self.problem_type() {
            ProblemType::MultiLabelClassification => Ok(()),
            found => Err(PredictError::setting(
                "problem_type of the model",
                format!("{found:?}"),
                "MultiLabelClassification, for a dataset with any number of classes per row",
            )),
        }
    }

    /// Returns the minimum probability at which each label is predicted in multi-label
    /// classification, in the order of [`Self::class_names`].
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// Returns the names of the labels or scores, in the order of the model's outputs.
    pub fn class_names(&self) -> &[String] {
        &self.model.config().class_names
    }

    /// Returns the type of the outputs: one label, several labels or scores.
    pub fn problem_type(&self) -> ProblemType {
        self.model.config().problem_type
    }

    /// Returns whether the model is for single texts or pairs; `None` if its directory does not
    /// say, which allows both.
    pub fn texts(&self) -> Option<TextArity> {
        match self.encoding.pair_encoding {
            PairEncoding::BiEncoder => Some(TextArity::Pair),
            PairEncoding::CrossEncoder => self.texts,
        }
    }

    /// Returns the encoding settings: maximum length and truncation.
    pub fn encoding(&self) -> &EncodingConfig {
        &self.encoding
    }

    /// Returns the settings.
    pub fn config(&self) -> &PredictorConfig {
        &self.config
    }

    /// Returns the model.
    pub fn model(&self) -> &SequenceClassifier {
        &self.model
    }

    fn cleaned<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Vec<Cow<'a, str>> {
        texts.map(|text| self.cleaning.apply(text)).collect()
    }

    fn check_texts(&self, found: TextArity) -> Result<(), PredictError> {
        let count = |texts: TextArity| match texts {
            TextArity::Single => 1,
            TextArity::Pair => 2,
        };
        let expected = self.texts().unwrap_or(found);
        if expected == found {
            return Ok(());
        }
        Err(PredictError::TextCount {
            expected: count(expected),
            found: count(found),
        })
    }

    fn predict_encoded(
        &self,
        texts_per_row: TextArity,
        texts: EncodedTexts,
        second_texts: Option<EncodedTexts>,
    ) -> Result<Vec<Prediction>, PredictError> {
        let data = EncodedDataset {
            texts,
            second_texts,
            labels: Labels::Unlabeled.into(),
            schema: Schema {
                texts: texts_per_row,
                target: Target::Unlabeled,
            },
        };
        let predictions = self.outputs(&data)?;
        let rule = self
            .calibration
            .and_then(|calibration| calibration.prediction_set);
        let prediction = |mut outputs: Vec<f32>| {
            if let Some(calibration) = &self.calibration {
                calibration.scale(&mut outputs);
            }
            let (names, problem_type) = (self.class_names(), self.problem_type());
            let (thresholds, top_k) = (&self.thresholds, self.config.top_k);
            Prediction::new(&outputs, names, problem_type, thresholds, top_k, rule)
        };
        let outputs: Vec<Vec<f32>> = match predictions.bin_scores {
            Some(_) => predictions.scores().into_iter().map(|s| vec![s]).collect(),
            None => predictions.logits,
        };
        Ok(outputs.into_iter().map(prediction).collect())
    }
}

/// Loads the classifier in a directory with its own labels.
fn trained_classifier(
    directory: &Path,
    head: Option<&CustomHead>,
    device: &Device,
) -> Result<SequenceClassifier, PredictError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    // Without names, transformers defaults to two labels.
    let names = checkpoint.class_names.clone();
    let names = names.unwrap_or_else(|| vec!["LABEL_0".into(), "LABEL_1".into()]);
    let mut config = checkpoint.classifier(&names);
    // As transformers' pipeline: the sigmoid of a single output, unless it is said to be a score.
    if names.len() == 1 && checkpoint.problem_type != Some(ProblemType::Regression) {
        config.problem_type = ProblemType::MultiLabelClassification;
    }
    let (model, report) = load_classifier_with(directory, &config, head, 0, device)?;
    if !report.newly_initialized.is_empty() {
        return Err(PredictError::NotAClassifier {
            path: directory.to_path_buf(),
            tensors: report.newly_initialized,
        });
    }
    model.check_head()?;
    Ok(model.valid())
}

/// Returns the encoding: from `config`, else as in training, else the maximum of tokenizer and
/// encoder.
fn encoding(
    config: &PredictorConfig,
    prepared: Option<&TextPreprocessing>,
    tokenizer: &TextTokenizer,
    model: &SequenceClassifier,
) -> Result<EncodingConfig, PredictError> {
    let longest = model.config().encoder.max_sequence_length();
    let own_length = tokenizer.model_max_length().unwrap_or(longest);
    let trained_with = match prepared {
        Some(prepared) => prepared.encoding,
        None => EncodingConfig {
            truncation: tokenizer.default_truncation(),
            ..EncodingConfig::new(own_length.min(longest))
        },
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
        // The windows of one text have no counterparts in the other.
        (PairEncoding::BiEncoder, Truncation::SlidingWindow { .. }) => Err(PredictError::setting(
            "truncation",
            encoding.truncation,
            "head, tail or head-tail-N for a model that reads the texts of a pair each by itself",
        )),
        _ => Ok(encoding),
    }
}
