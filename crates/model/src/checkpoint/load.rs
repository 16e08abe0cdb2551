//! From a checkpoint's files to a model.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, TensorData};

use super::stored_tensor::StoredTensor;
use super::weights::{MODEL_FILES, Weights};
use super::{CheckpointConfig, EncoderAlone, LoadReport, TensorNames};
use crate::initialisation;
use crate::parameters::{Parameter, parameters, replace};
use crate::{Encoder, MaskedLm, ModelError, SequenceClassifier, SequenceClassifierConfig};

/// Loads a classifier for `class_names` from a checkpoint folder.
///
/// The encoder must be there whole. A pooler that is not there, and a classification layer that is
/// not there or is for other classes, are initialised from the seed, and the report names them.
///
/// # Errors
/// As [`CheckpointConfig::read`]; for what is wrong with the weights [`ModelError::NoWeights`],
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
    let (model, report) = classifier_from(directory, &checkpoint, &config, seed, device)?;
    Ok((model, checkpoint, report))
}

/// Loads a classifier with pooling and head of one's choice; what [`load_classifier`] would choose
/// is [`CheckpointConfig::classifier`].
///
/// # Errors
/// As [`load_classifier`], and [`ModelError::InvalidConfig`] if `config` makes no model.
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_model::{
///     CheckpointConfig, Pooling, SequenceClassifierConfig, load_classifier_as,
/// };
///
/// let folder = Path::new("my-bert");
/// let names = ["no", "yes"].map(String::from);
/// let config = SequenceClassifierConfig {
///     pooling: Pooling::mean(),
///     ..CheckpointConfig::read(folder)?.classifier(&names)
/// };
/// let (model, report) = load_classifier_as(folder, &config, 42, &Device::flex())?;
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
pub fn load_classifier_as(
    directory: &Path,
    config: &SequenceClassifierConfig,
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    classifier_from(directory, &checkpoint, config, seed, device)
}

fn classifier_from(
    directory: &Path,
    checkpoint: &CheckpointConfig,
    config: &SequenceClassifierConfig,
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    let model = config.init(device)?;
    let fresh = Fresh {
        standard_deviation: config.encoder.initializer_range,
        seed,
        output_layer: !checkpoint.is_for(&config.class_names),
    };
    load_into(model, directory, TensorNames::of_classifier(config), fresh)
}

/// Loads an encoder with its head for masked language modelling. A head that is not there is
/// initialised from the seed, and the report names its tensors.
///
/// # Errors
/// As [`load_classifier`], and [`ModelError::Unsupported`] for a model whose decoder is not the
/// table of word embeddings.
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
    let fresh = Fresh::below_the_task(&config, seed);
    let names = TensorNames::of_masked_lm(config.encoder.family);
    let (model, report) = load_into(model, directory, names, fresh)?;
    Ok((model, config, report))
}

/// Loads the encoder of a checkpoint folder alone.
///
/// # Errors
/// As [`load_classifier`].
pub fn load_encoder(
    directory: &Path,
    device: &Device,
) -> Result<(Encoder, CheckpointConfig, LoadReport), ModelError> {
    let config = CheckpointConfig::read(directory)?;
    let alone = EncoderAlone {
        encoder: config.encoder.init(device)?,
    };
    let fresh = Fresh::below_the_task(&config, 0);
    let names = TensorNames::of_encoder(config.encoder.family);
    let (alone, report) = load_into(alone, directory, names, fresh)?;
    Ok((alone.encoder, config, report))
}

/// How what the checkpoint lacks is filled.
#[derive(Clone, Copy)]
struct Fresh {
    standard_deviation: f64,
    seed: u64,
    /// Whether the last layer of the head is new even if the file has one.
    output_layer: bool,
}

impl Fresh {
    fn below_the_task(config: &CheckpointConfig, seed: u64) -> Self {
        Self {
            standard_deviation: config.encoder.initializer_range,
            seed,
            output_layer: false,
        }
    }
}

fn load_into<M: Module>(
    model: M,
    directory: &Path,
    names: TensorNames,
    fresh: Fresh,
) -> Result<(M, LoadReport), ModelError> {
    let mut weights = Weights::open(directory, &MODEL_FILES)?;
    let mut report = LoadReport::default();
    let mut values = BTreeMap::new();
    for parameter in parameters(&model) {
        let stored = match fresh.output_layer && is_output_layer(&parameter) {
            true => None,
            false => take(&mut weights, &parameter, &names)?,
        };
        let data = match stored {
            Some((name, data)) => {
                report.loaded.push(name);
                data
            }
            None => {
                report.initialised.push(names.name(&parameter));
                initialisation::values(&parameter, fresh.standard_deviation, fresh.seed)
            }
        };
        values.insert(parameter.path, data);
    }
    let unused = weights.unused();
    report.unused = unused
        .filter(|name| !names.is_redundant(name))
        .cloned()
        .collect();
    Ok((
        replace(model, |parameter| values.remove(&parameter.path)),
        report,
    ))
}

/// The values of a parameter as burn holds them, and the name under which the checkpoint has them;
/// nothing if the parameter is to be initialised.
fn take(
    weights: &mut Weights,
    parameter: &Parameter,
    names: &TensorNames,
) -> Result<Option<(String, TensorData)>, ModelError> {
    let candidates = names.candidates(parameter);
    let Some(stored) = weights.find(&candidates) else {
        if is_optional(parameter) {
            return Ok(None);
        }
        return Err(ModelError::MissingTensor {
            path: weights.path().to_path_buf(),
            tensor: candidates.into_iter().next().unwrap_or_default(),
        });
    };
    if is_output_layer(parameter) && stored.shape != shape_in_file(parameter) {
        return Ok(None);
    }
    let data = in_memory(parameter, stored)?;
    let name = stored.name.clone();
    weights.mark_taken(&name);
    Ok(Some((name, data)))
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
    let data = TensorData::new(stored.values()?, expected);
    Ok(match parameter.kind.is_output_major_in_files() {
        true => transposed(data),
        false => data,
    })
}

/// What stands above the encoder may be missing: it is what fine-tuning trains anew.
fn is_optional(parameter: &Parameter) -> bool {
    !parameter.path.starts_with("encoder.")
}

/// The one layer whose shape depends on the classes.
fn is_output_layer(parameter: &Parameter) -> bool {
    parameter.path.starts_with("head.output.")
}

fn shape_in_file(parameter: &Parameter) -> Vec<usize> {
    let mut shape = parameter.shape.clone();
    if parameter.kind.is_output_major_in_files() {
        shape.reverse();
    }
    shape
}

/// The transpose of a matrix of 32-bit floats, as data; other data comes back as it is.
pub(super) fn transposed(data: TensorData) -> TensorData {
    let [rows, columns] = match data.shape().as_slice() {
        [rows, columns] => [*rows, *columns],
        _ => return data,
    };
    let Ok(values) = data.as_slice::<f32>() else {
        return data;
    };
    let mut transposed = Vec::with_capacity(values.len());
    for column in 0..columns {
        transposed.extend((0..rows).map(|row| values[row * columns + column]));
    }
    TensorData::new(transposed, [columns, rows])
}
