//! From a checkpoint's files to a model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::burn_pack::Tensor as StoredTensor;
use burn::store::{ModuleStore, SafetensorsStore, bridge};
use burn::tensor::{DType, Device, TensorData};

use super::{CheckpointConfig, EncoderAlone, LoadReport, WEIGHTS_FILE, names};
use crate::initialisation;
use crate::parameters::{Parameter, ParameterKind, parameters, replace};
use crate::{Encoder, ModelError, SequenceClassifier, SequenceClassifierConfig};

/// Loads a classifier for `class_names` from a checkpoint folder.
///
/// The encoder must be there whole. A pooler that is not there, and a classification layer that is
/// not there or is for other classes, are initialised from the seed, and the report names them.
///
/// # Errors
/// As [`CheckpointConfig::read`]; [`ModelError::DamagedWeights`], [`ModelError::MissingTensor`],
/// [`ModelError::TensorShape`] and [`ModelError::TensorType`] for what is wrong with
/// `model.safetensors`.
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
    let mut weights = Weights::open(directory.join(WEIGHTS_FILE))?;
    let mut report = LoadReport::default();
    let mut values = BTreeMap::new();
    for parameter in parameters(&model) {
        let stored = match fresh.head && is_head(&parameter) {
            true => None,
            false => weights.take(&parameter)?,
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
    report.unused = weights.unused();
    Ok((
        replace(model, |parameter| values.remove(&parameter.path)),
        report,
    ))
}

/// The tensors of a file, read one by one when they are taken.
struct Weights {
    path: PathBuf,
    tensors: BTreeMap<String, StoredTensor>,
    taken: BTreeSet<String>,
}

impl Weights {
    fn open(path: PathBuf) -> Result<Self, ModelError> {
        // The store reports a missing file as a failed read of an empty one.
        std::fs::File::open(&path).map_err(|source| ModelError::Io {
            path: path.clone(),
            source,
        })?;
        let mut store = SafetensorsStore::from_file(&path);
        let tensors =
            store
                .get_all_tensors()
                .cloned()
                .map_err(|error| ModelError::DamagedWeights {
                    path: path.clone(),
                    reason: error.to_string(),
                })?;
        Ok(Self {
            path,
            tensors,
            taken: BTreeSet::new(),
        })
    }

    /// The values of a parameter as burn holds them, and the name under which the file has them;
    /// nothing if the parameter is to be initialised.
    fn take(&mut self, parameter: &Parameter) -> Result<Option<(String, TensorData)>, ModelError> {
        let candidates = names::candidates(parameter);
        let found = candidates
            .iter()
            .find_map(|name| self.tensors.get_key_value(name));
        let Some((name, stored)) = found else {
            if is_optional(parameter) {
                return Ok(None);
            }
            let tensor = candidates.into_iter().next().unwrap_or_default();
            return Err(ModelError::MissingTensor {
                path: self.path.clone(),
                tensor,
            });
        };
        let expected = stored_shape(parameter);
        if stored.shape.as_slice() != expected {
            if is_head(parameter) {
                return Ok(None);
            }
            return Err(ModelError::TensorShape {
                path: self.path.clone(),
                tensor: name.clone(),
                expected,
                found: stored.shape.as_slice().to_vec(),
            });
        }
        let (name, data) = (name.clone(), self.read(name, stored)?);
        self.taken.insert(name.clone());
        let data = match parameter.kind {
            ParameterKind::LinearWeight => transposed(data),
            _ => data,
        };
        Ok(Some((name, data)))
    }

    fn read(&self, name: &str, stored: &StoredTensor) -> Result<TensorData, ModelError> {
        if !matches!(stored.dtype, DType::F32 | DType::F16 | DType::BF16) {
            return Err(ModelError::TensorType {
                path: self.path.clone(),
                tensor: name.to_string(),
                found: format!("{:?}", stored.dtype),
            });
        }
        let data = bridge::to_data(stored).map_err(|error| ModelError::DamagedWeights {
            path: self.path.clone(),
            reason: format!("tensor {name}: {error}"),
        })?;
        Ok(data.convert_dtype(DType::F32))
    }

    fn unused(self) -> Vec<String> {
        let names = self.tensors.into_keys();
        names
            .filter(|name| !self.taken.contains(name) && !names::is_constant_buffer(name))
            .collect()
    }
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
