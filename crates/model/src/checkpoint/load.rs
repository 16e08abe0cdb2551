//! From a checkpoint's files to a model.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, TensorData};

use super::weights::Weights;
use super::{CheckpointConfig, EncoderAlone, LoadReport, names};
use crate::initialisation;
use crate::parameters::{Parameter, ParameterKind, parameters, replace};
use crate::{Encoder, ModelError, SequenceClassifier, SequenceClassifierConfig};

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
    let config = CheckpointConfig::read(directory)?;
    let model = SequenceClassifierConfig {
        encoder: config.encoder.clone(),
        class_names: class_names.to_vec(),
        classifier_dropout: config.classifier_dropout,
    }
    .init(device)?;
    let fresh = Fresh {
        standard_deviation: config.encoder.initializer_range,
        seed,
        head: !config.is_for(class_names),
    };
    let (model, report) = load_into(model, directory, fresh)?;
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
    let standard_deviation = config.encoder.initializer_range;
    let fresh = Fresh {
        standard_deviation,
        seed: 0,
        head: false,
    };
    let (alone, report) = load_into(alone, directory, fresh)?;
    Ok((alone.encoder, config, report))
}

/// How what the checkpoint lacks is filled.
#[derive(Clone, Copy)]
struct Fresh {
    standard_deviation: f64,
    seed: u64,
    /// Whether the classification layer is new even if the file has one.
    head: bool,
}

fn load_into<M: Module>(
    model: M,
    directory: &Path,
    fresh: Fresh,
) -> Result<(M, LoadReport), ModelError> {
    let mut weights = Weights::open(directory)?;
    let mut report = LoadReport::default();
    let mut values = BTreeMap::new();
    for parameter in parameters(&model) {
        let stored = match fresh.head && is_head(&parameter) {
            true => None,
            false => take(&mut weights, &parameter)?,
        };
        let data = match stored {
            Some((name, data)) => {
                report.loaded.push(name);
                data
            }
            None => {
                report.initialised.push(names::tensor_name(&parameter));
                initialisation::values(&parameter, fresh.standard_deviation, fresh.seed)
            }
        };
        values.insert(parameter.path, data);
    }
    let unused = weights.unused();
    report.unused = unused
        .filter(|name| !names::is_constant_buffer(name))
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
) -> Result<Option<(String, TensorData)>, ModelError> {
    let candidates = names::candidates(parameter);
    let Some(stored) = weights.find(&candidates) else {
        if is_optional(parameter) {
            return Ok(None);
        }
        return Err(ModelError::MissingTensor {
            path: weights.path().to_path_buf(),
            tensor: candidates.into_iter().next().unwrap_or_default(),
        });
    };
    let expected = stored_shape(parameter);
    if stored.shape != expected {
        if is_head(parameter) {
            return Ok(None);
        }
        return Err(ModelError::TensorShape {
            path: stored.path.to_path_buf(),
            tensor: stored.name.clone(),
            expected,
            found: stored.shape.clone(),
        });
    }
    let data = TensorData::new(stored.values()?, expected);
    let name = stored.name.clone();
    weights.mark_taken(&name);
    let data = match parameter.kind {
        ParameterKind::LinearWeight => transposed(data),
        _ => data,
    };
    Ok(Some((name, data)))
}

/// What stands above the encoder may be missing: it is what fine-tuning trains anew.
fn is_optional(parameter: &Parameter) -> bool {
    !parameter.path.starts_with("encoder.")
}

/// The one layer whose shape depends on the task.
fn is_head(parameter: &Parameter) -> bool {
    parameter.path.starts_with("classifier.")
}

/// PyTorch keeps the matrix of a linear layer output-major, burn input-major.
fn stored_shape(parameter: &Parameter) -> Vec<usize> {
    let mut shape = parameter.shape.clone();
    if parameter.kind == ParameterKind::LinearWeight {
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
