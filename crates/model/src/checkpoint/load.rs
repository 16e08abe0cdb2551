//! Loading of models from checkpoints.

use std::path::Path;

use burn::tensor::Device;

use super::config_json::CheckpointConfig;
use super::load_tensors::{LoadReport, load_into};
use super::missing_tensors::Fresh;
use super::tensor_names::TensorNames;
use super::weights::{MODEL_FILES, Weights};
use crate::base_model::BaseModel;
use crate::classifier::{SequenceClassifier, SequenceClassifierConfig};
use crate::encoder::{Encoder, EncoderConfig};
use crate::error::ModelError;
use crate::head::CustomHead;
use crate::masked_lm::MaskedLm;
use crate::parameters::{Parameter, parameters};
use crate::pooling::Pooling;
use crate::token_classifier::{TokenClassifier, TokenClassifierConfig};

/// Loads a classifier for `class_names` from a checkpoint directory.
///
/// All encoder tensors are required. A missing pooler, and a classification layer that is missing
/// or for other classes, are newly initialized from the seed and listed in the report. It is an
/// error if only part of a layer is present, or if a layer has the wrong shape although the file
/// has the same class names.
///
/// # Errors
/// - The errors of [`CheckpointConfig::read`].
/// - [`ModelError::CustomHead`] if the checkpoint has a custom head; use [`load_classifier_with`].
/// - [`ModelError::InvalidWeights`] if
///   the weights are missing, corrupted or unsafe to unpickle, and the errors of a shard index.
/// - [`ModelError::InvalidTensor`] if a tensor is missing or invalid.
pub fn load_classifier(
    directory: &Path,
    class_names: &[String],
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, CheckpointConfig, LoadReport), ModelError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    let config = checkpoint.classifier(class_names);
    let model = config.init(device)?;
    let fresh = Fresh::for_classifier(&checkpoint, &config, seed);
    let (model, report) = classifier_from(directory, model, fresh)?;
    Ok((model, checkpoint, report))
}

/// Loads a classifier with the given pooling and head. [`CheckpointConfig::classifier`] returns the
/// configuration that [`load_classifier`] uses. If the checkpoint has a different non-standard
/// head, or a custom head for other classes, the whole head is newly initialized from the seed.
/// `custom` creates the head if `config` names a custom one.
///
/// # Errors
/// - The errors of [`load_classifier`].
/// - [`ModelError::InvalidConfig`] if `config` is invalid.
/// - [`ModelError::CustomHead`] if `config` names a custom head and `custom` is `None`.
/// - [`ModelError::OtherCustomHead`] if `config` names another head than `custom`.
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_model::{
///     CheckpointConfig, Pooling, SequenceClassifierConfig, load_classifier_with,
/// };
///
/// let directory = Path::new("my-bert");
/// let names = ["no", "yes"].map(String::from);
/// let config = SequenceClassifierConfig {
///     pooling: Pooling::mean(),
///     ..CheckpointConfig::read(directory)?.classifier(&names)
/// };
/// let (model, report) = load_classifier_with(directory, &config, None, 42, &Device::flex())?;
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
pub fn load_classifier_with(
    directory: &Path,
    config: &SequenceClassifierConfig,
    custom: Option<&CustomHead>,
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    let model = config.init_with(custom, device)?;
    let fresh = Fresh::for_classifier(&checkpoint, config, seed);
    classifier_from(directory, model, fresh)
}

/// Loads the encoder of a checkpoint under a new pooler and head, initialized from the seed even if
/// the checkpoint has ones that fit. Otherwise as [`load_classifier_with`].
///
/// # Errors
/// - The errors of [`load_classifier_with`].
pub fn load_encoder_with_new_head(
    directory: &Path,
    config: &SequenceClassifierConfig,
    custom: Option<&CustomHead>,
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    let model = config.init_with(custom, device)?;
    classifier_from(
        directory,
        model,
        Fresh::above_the_encoder(&checkpoint, seed),
    )
}

fn classifier_from(
    directory: &Path,
    model: SequenceClassifier,
    fresh: Fresh,
) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    let names = TensorNames::of_classifier(model.config());
    let weights = Weights::open(directory, &MODEL_FILES)?.without_wrapper(&names);
    load_into(model, weights, names, fresh)
}

/// Loads a token classifier. [`CheckpointConfig::token_classifier`] returns a configuration for
/// `config`.
///
/// All encoder tensors are required. A classification layer that is missing or for other classes, and
/// a missing conditional random field, are newly initialized from the seed and listed in the report.
/// So is a field whose classes are in another order.
///
/// # Errors
/// - The errors of [`load_classifier`].
/// - [`ModelError::InvalidConfig`] if `config` is invalid.
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_model::{CheckpointConfig, load_token_classifier};
///
/// let directory = Path::new("my-bert");
/// let names = ["B-PER", "I-PER", "O"].map(String::from);
/// let config = CheckpointConfig::read(directory)?.token_classifier(&names);
/// let (model, report) = load_token_classifier(directory, &config, 42, &Device::flex())?;
/// println!("{report}");
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
pub fn load_token_classifier(
    directory: &Path,
    config: &TokenClassifierConfig,
    seed: u64,
    device: &Device,
) -> Result<(TokenClassifier, LoadReport), ModelError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    let model = config.init(device)?;
    let names = TensorNames::of_token_classifier(config.encoder.family);
    let weights = Weights::open(directory, &MODEL_FILES)?.without_wrapper(&names);
    let fresh = Fresh::for_token_classifier(&checkpoint, &config.class_names, seed);
    load_into(model, weights, names, fresh)
}

/// Loads an encoder with its masked-LM head. Missing layers of the head are newly initialized from
/// the seed, and the report lists their tensors.
///
/// A separate decoder in the file is not loaded: the model decodes with its word embeddings. If the
/// two differ, the report lists the decoder as unused.
///
/// # Errors
/// - The errors of [`load_classifier`].
/// - [`ModelError::InvalidConfigFile`] if `tie_word_embeddings` is false, unless in EuroBERT.
pub fn load_masked_lm(
    directory: &Path,
    seed: u64,
    device: &Device,
) -> Result<(MaskedLm, CheckpointConfig, LoadReport), ModelError> {
    load_pre_trained(directory, seed, device, EncoderConfig::init_masked_lm)
}

/// Loads an encoder with masked LM head and next-sentence head, as [`load_masked_lm`]. A missing
/// pooler or next-sentence head is newly initialized from the seed, too.
///
/// # Errors
/// - The errors of [`load_masked_lm`].
/// - [`ModelError::InvalidConfig`] if the family is not BERT, or if there are fewer than two token
///   types.
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_model::{load_pre_training, save_masked_lm};
///
/// let (model, config, report) = load_pre_training(Path::new("my-bert"), 42, &Device::flex())?;
/// println!("{report}");
/// // With both heads, for `AutoModelForPreTraining`.
/// save_masked_lm(Path::new("copy"), &model, &config)?;
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
pub fn load_pre_training(
    directory: &Path,
    seed: u64,
    device: &Device,
) -> Result<(MaskedLm, CheckpointConfig, LoadReport), ModelError> {
    load_pre_trained(directory, seed, device, EncoderConfig::init_pre_training)
}

fn load_pre_trained(
    directory: &Path,
    seed: u64,
    device: &Device,
    init: fn(&EncoderConfig, &Device) -> Result<MaskedLm, ModelError>,
) -> Result<(MaskedLm, CheckpointConfig, LoadReport), ModelError> {
    let config = CheckpointConfig::read(directory)?;
    if config.encoder.tie_word_embeddings && !config.tie_word_embeddings {
        let (path, problem) = (
            directory.join(super::CONFIG_FILE),
            "is false, supported: true",
        );
        return Err(ModelError::config_file(
            &path,
            "tie_word_embeddings",
            problem,
        ));
    }
    let model = init(&config.encoder, device)?;
    let names = TensorNames::of_masked_lm(&config.encoder);
    let weights = Weights::open(directory, &MODEL_FILES)?.without_wrapper(&names);
    let fresh = Fresh::what_is_missing(&config, seed);
    let (model, report) = load_into(model, weights, names, fresh)?;
    Ok((model, config, report))
}

/// Loads the encoder of a checkpoint directory without its pooler; [`load_base_model`] loads both.
///
/// # Errors
/// See [`load_classifier`].
pub fn load_encoder(
    directory: &Path,
    device: &Device,
) -> Result<(Encoder, CheckpointConfig, LoadReport), ModelError> {
    let config = CheckpointConfig::read(directory)?;
    let alone = BaseModel {
        encoder: config.encoder.init(device)?,
        pooler: None,
    };
    let names = TensorNames::of_encoder(config.encoder.family);
    let weights = Weights::open(directory, &MODEL_FILES)?.without_wrapper(&names);
    let (alone, report) = load_base(alone, weights, &config)?;
    Ok((alone.encoder, config, report))
}

/// Loads the encoder of a checkpoint directory, and its pooler if the file has one.
///
/// # Errors
/// See [`load_classifier`].
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_model::{load_base_model, save_base_model};
///
/// let (model, config, _) = load_base_model(Path::new("my-bert"), &Device::flex())?;
/// // Tensor for tensor what was loaded.
/// save_base_model(Path::new("copy"), &model, &config)?;
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
pub fn load_base_model(
    directory: &Path,
    device: &Device,
) -> Result<(BaseModel, CheckpointConfig, LoadReport), ModelError> {
    let config = CheckpointConfig::read(directory)?;
    let family = config.encoder.family;
    let pooler = family
        .has_pooler()
        .then(|| Pooling::pooler().init(&config.encoder, device));
    let mut model = BaseModel {
        encoder: config.encoder.init(device)?,
        pooler: pooler.transpose()?,
    };
    let names = TensorNames::of_encoder(family);
    let weights = Weights::open(directory, &MODEL_FILES)?.without_wrapper(&names);
    let is_there = |parameter: &Parameter| {
        parameter.path.starts_with("pooler.")
            && weights.find(&names.candidates(parameter)).is_some()
    };
    if !parameters(&model).iter().any(is_there) {
        model.pooler = None;
    }
    let (model, report) = load_base(model, weights, &config)?;
    Ok((model, config, report))
}

fn load_base(
    model: BaseModel,
    weights: Weights,
    config: &CheckpointConfig,
) -> Result<(BaseModel, LoadReport), ModelError> {
    let names = TensorNames::of_encoder(config.encoder.family);
    load_into(model, weights, names, Fresh::what_is_missing(config, 0))
}
