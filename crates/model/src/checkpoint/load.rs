//! From a checkpoint's files to a model.

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

/// Loads a classifier for `class_names` from a checkpoint folder.
///
/// The encoder must be there whole. A pooler that is not there, and a classification layer that is
/// not there or is for other classes, are initialized from the seed, and the report names them. A
/// layer is taken whole or not at all: half of one is an error, and so is one that does not fit
/// although the file names these classes.
///
/// # Errors
/// As [`CheckpointConfig::read`]; [`ModelError::CustomHead`] if the checkpoint has a custom head,
/// which [`load_classifier_with`] takes; for what is wrong with the weights [`ModelError::NoWeights`],
/// [`ModelError::DamagedWeights`], [`ModelError::PickledCall`] and the errors of an index of
/// shards; for what is wrong with a tensor [`ModelError::MissingTensor`],
/// [`ModelError::TensorShape`], [`ModelError::TensorType`] and [`ModelError::NotFinite`].
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

/// Loads a classifier with pooling and head of one's choice; what [`load_classifier`] would choose
/// is [`CheckpointConfig::classifier`]. Of a checkpoint with a head of its own that computes
/// something else, the whole head is initialized from the seed. A head that `config` names as a
/// custom one is made by `custom`.
///
/// # Errors
/// As [`load_classifier`], [`ModelError::InvalidConfig`] if `config` makes no model,
/// [`ModelError::CustomHead`] if it names a custom head and there is none, and
/// [`ModelError::OtherCustomHead`] if it names another head than `custom`.
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

/// Loads an encoder with its head for masked language modeling. A layer of the head that is not
/// there is initialized from the seed, and the report names its tensors.
///
/// A decoder of the file's own is not loaded: the model decodes with its word embeddings. If the
/// two differ, the report has the decoder among what is unused.
///
/// # Errors
/// As [`load_classifier`], and [`ModelError::Unsupported`] for a model that says that its decoder
/// is not the table of word embeddings.
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

/// Loads the encoder of a checkpoint folder alone. A pooler in it is not used:
/// [`load_base_model`] takes that, too.
///
/// # Errors
/// As [`load_classifier`].
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

/// Loads the encoder of a checkpoint folder, and its pooler if the file has one.
///
/// # Errors
/// As [`load_classifier`].
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
            report.initialized.push(names.name(&parameter));
            initialization::values(&parameter, fresh.standard_deviation, fresh.seed)
        } else {
            let (name, data) = take(&mut weights, &parameter, &names)?;
            report.loaded.push(name);
            data
        };
        values.insert(parameter.path, data);
    }
    let unused = weights.unused().filter(|name| {
        let repeats = |path| repeats(&weights, name, values.get(path));
        !names.is_constant(name) && !names.copied_path(name).is_some_and(repeats)
    });
    report.unused = unused.cloned().collect();
    Ok((
        replace(model, |parameter| values.remove(&parameter.path)),
        report,
    ))
}

/// The values of a parameter as burn holds them, and the name under which the checkpoint has them.
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

/// Whether a tensor of the file holds what a parameter has been given.
fn repeats(weights: &Weights, name: &str, given: Option<&TensorData>) -> bool {
    let (Some(stored), Some(given)) = (weights.find(&[name.to_string()]), given) else {
        return false;
    };
    let same = |values: Vec<f32>| given.as_slice::<f32>().is_ok_and(|given| given == values);
    stored.shape == given.shape().as_slice() && stored.values().is_ok_and(same)
}

/// The values of a parameter as burn holds them.
///
/// # Errors
/// [`ModelError::TensorShape`], [`ModelError::TensorType`] and [`ModelError::NotFinite`] for what
/// is wrong with the tensor.
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

/// The transpose of a matrix, both of them row by row.
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
