//! Loading of models from checkpoints.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, TensorData};

use super::fresh::{Fresh, layer_of};
use super::stored_tensor::StoredTensor;
use super::weights::{MODEL_FILES, Weights};
use super::{CheckpointConfig, LoadReport, TensorNames};
use crate::initialization;
use crate::parameters::{Parameter, parameters, replace};
use crate::{
    BaseModel, CustomHead, Encoder, MaskedLm, ModelError, Pooling, SequenceClassifier,
    SequenceClassifierConfig,
};

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
/// - [`ModelError::NoWeights`], [`ModelError::DamagedWeights`] or [`ModelError::PickledCall`] if
///   the weights are missing, corrupted or unsafe to unpickle, and the errors of a shard index.
/// - [`ModelError::MissingTensor`], [`ModelError::TensorShape`], [`ModelError::TensorType`] or
///   [`ModelError::NotFinite`] if a tensor is missing or invalid.
pub fn load_classifier(
    directory: &Path,
    class_names: &[String],
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, CheckpointConfig, LoadReport), ModelError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    let config = checkpoint.classifier(class_names);
    let model = config.init(device)?;
    let (model, report) = classifier_from(directory, &checkpoint, model, seed)?;
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
/// let folder = Path::new("my-bert");
/// let names = ["no", "yes"].map(String::from);
/// let config = SequenceClassifierConfig {
///     pooling: Pooling::mean(),
///     ..CheckpointConfig::read(folder)?.classifier(&names)
/// };
/// let (model, report) = load_classifier_with(folder, &config, None, 42, &Device::flex())?;
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
    classifier_from(directory, &checkpoint, model, seed)
}

fn classifier_from(
    directory: &Path,
    checkpoint: &CheckpointConfig,
    model: SequenceClassifier,
    seed: u64,
) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    let weights = Weights::open(directory, &MODEL_FILES)?;
    let fresh = Fresh::for_classifier(checkpoint, model.config(), seed);
    let names = TensorNames::of_classifier(model.config());
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
/// - [`ModelError::Unsupported`] if `tie_word_embeddings` is false.
pub fn load_masked_lm(
    directory: &Path,
    seed: u64,
    device: &Device,
) -> Result<(MaskedLm, CheckpointConfig, LoadReport), ModelError> {
    let config = CheckpointConfig::read(directory)?;
    if !config.tie_word_embeddings {
        return Err(ModelError::Unsupported {
            path: directory.join(super::CONFIG_FILE),
            field: "tie_word_embeddings",
            found: "false".to_string(),
            supported: "true",
        });
    }
    let model = config.encoder.init_masked_lm(device)?;
    let weights = Weights::open(directory, &MODEL_FILES)?;
    let fresh = Fresh::what_is_missing(&config, seed);
    let names = TensorNames::of_masked_lm(config.encoder.family);
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
    let weights = Weights::open(directory, &MODEL_FILES)?;
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
    let weights = Weights::open(directory, &MODEL_FILES)?;
    let names = TensorNames::of_encoder(family);
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

fn load_into<M: Module>(
    model: M,
    mut weights: Weights,
    names: TensorNames,
    fresh: Fresh,
) -> Result<(M, LoadReport), ModelError> {
    let mut report = LoadReport::default();
    let mut values = BTreeMap::new();
    let listed = parameters(&model);
    let new = fresh.layers(&listed, &weights, &names);
    for parameter in listed {
        let data = if new.contains(layer_of(&parameter)) {
            report.newly_initialized.push(names.name(&parameter));
            initialization::values(&parameter, fresh.standard_deviation, fresh.seed)
        } else {
            let (name, data) = take(&mut weights, &parameter, &names)?;
            report.loaded.push(name);
            data
        };
        values.insert(parameter.path, data);
    }
    let unexpected = weights.unused().filter(|name| {
        let repeats = |path| repeats(&weights, name, values.get(path));
        !names.is_constant(name) && !names.copied_path(name).is_some_and(repeats)
    });
    report.unexpected = unexpected.cloned().collect();
    Ok((
        replace(model, |parameter| values.remove(&parameter.path)),
        report,
    ))
}

/// Returns the values of a parameter in burn's layout, and its name in the checkpoint.
fn take(
    weights: &mut Weights,
    parameter: &Parameter,
    names: &TensorNames,
) -> Result<(String, TensorData), ModelError> {
    let candidates = names.candidates(parameter);
    let Some(stored) = weights.find(&candidates) else {
        return Err(ModelError::MissingTensor {
            path: weights.path().to_path_buf(),
            tensor: candidates.into_iter().next().unwrap_or_default(),
        });
    };
    let data = in_memory(parameter, stored)?;
    let name = stored.name.clone();
    weights.mark_taken(&name);
    Ok((name, data))
}

/// Returns whether a tensor of the file equals the values given to a parameter.
fn repeats(weights: &Weights, name: &str, given: Option<&TensorData>) -> bool {
    let (Some(stored), Some(given)) = (weights.find(&[name.to_string()]), given) else {
        return false;
    };
    let same = |values: Vec<f32>| given.as_slice::<f32>().is_ok_and(|given| given == values);
    stored.shape == given.shape().as_slice() && stored.values().is_ok_and(same)
}

/// Converts a stored tensor to burn's layout.
///
/// # Errors
/// [`ModelError::TensorShape`], [`ModelError::TensorType`] or [`ModelError::NotFinite`] if the
/// tensor is invalid.
pub(crate) fn in_memory(
    parameter: &Parameter,
    stored: &StoredTensor,
) -> Result<TensorData, ModelError> {
    let expected = shape_in_file(parameter);
    if stored.shape != expected {
        return Err(ModelError::TensorShape {
            path: stored.path.to_path_buf(),
            tensor: stored.name.clone(),
            expected,
            found: stored.shape.clone(),
        });
    }
    let values = stored.values()?;
    Ok(match parameter.output_major() {
        Some([input, output]) => {
            let values = transposed(&values, [output, input]);
            TensorData::new(values, [input, output])
        }
        None => TensorData::new(values, expected),
    })
}

pub(super) fn shape_in_file(parameter: &Parameter) -> Vec<usize> {
    match parameter.output_major() {
        Some([input, output]) => vec![output, input],
        None => parameter.shape.clone(),
    }
}

/// Transposes a row-major matrix.
pub(super) fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    assert_eq!(
        values.len(),
        rows * columns,
        "a matrix of {rows} x {columns}"
    );
    let mut transposed = Vec::with_capacity(values.len());
    for column in 0..columns {
        transposed.extend((0..rows).map(|row| values[row * columns + column]));
    }
    transposed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_turns_over() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(transposed(&values, [2, 3]), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(transposed(&transposed(&values, [2, 3]), [3, 2]), values);
    }

    #[test]
    #[should_panic(expected = "a matrix of 2 x 2")]
    fn what_is_no_such_matrix_is_not_let_through() {
        transposed(&[1.0, 2.0, 3.0], [2, 2]);
    }
}
