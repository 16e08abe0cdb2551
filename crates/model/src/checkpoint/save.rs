//! Writing checkpoints that transformers loads.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::module::Module;
use burn::tensor::{DType, Device, TensorData};
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};

use super::dtype::CheckpointDtype;
use super::load_tensors::transposed;
use super::row_block::JoinedTensors;
use super::{CONFIG_FILE, CheckpointConfig, TensorNames, WEIGHTS_FILE};
use crate::base_model::BaseModel;
use crate::classifier::SequenceClassifier;
use crate::encoder::Encoder;
use crate::error::ModelError;
use crate::masked_lm::MaskedLm;
use crate::parameters::{Parameter, for_each, parameters};
use crate::pooling::Pooling;
use crate::token_classifier::TokenClassifier;

/// Writes `config.json` and `model.safetensors` into `directory`, which is created if it does not
/// exist. `AutoModelForSequenceClassification.from_pretrained` loads the same model. If
/// transformers has no class for the pooling or head, `AutoModel.from_pretrained` loads the
/// encoder, and [`load_classifier`](crate::load_classifier) loads the whole model.
///
/// Adapters are merged; [`save_adapter`](crate::save_adapter) saves them separately. All other keys
/// of `config.json` are taken from `checkpoint`. Each file is written atomically.
///
/// # Errors
/// - [`ModelError::Io`] if a file cannot be written.
pub fn save_classifier(
    directory: &Path,
    model: &SequenceClassifier,
    checkpoint: &CheckpointConfig,
) -> Result<(), ModelError> {
    let config = model.config();
    let names = TensorNames::of_classifier(config);
    let mut merged = model.clone();
    merged.encoder = merged.encoder.merge_lora();
    write(
        directory,
        &merged,
        names,
        (&checkpoint.to_classifier_json(config), checkpoint.dtype),
    )
}

/// Writes a token classifier, which `AutoModelForTokenClassification.from_pretrained` loads. It
/// ignores the tensors of a conditional random field, `crf.*`, and with them what they add.
///
/// Adapters are merged. All other keys of `config.json` are taken from `checkpoint`.
///
/// # Errors
/// - The errors of [`save_classifier`].
pub fn save_token_classifier(
    directory: &Path,
    model: &TokenClassifier,
    checkpoint: &CheckpointConfig,
) -> Result<(), ModelError> {
    let config = model.config();
    let names = TensorNames::of_token_classifier(config.encoder.family);
    let mut merged = model.clone();
    merged.encoder = merged.encoder.merge_lora();
    let json = checkpoint.to_token_classifier_json(config);
    write(directory, &merged, names, (&json, checkpoint.dtype))
}

/// Writes a masked language model, which `AutoModelForMaskedLM.from_pretrained` loads. With a
/// next-sentence head, `AutoModelForPreTraining` and `AutoModelForNextSentencePrediction` load it,
/// too. `checkpoint` describes its encoder.
///
/// # Errors
/// - The errors of [`save_classifier`].
/// - [`ModelError::InvalidConfig`] if `checkpoint` describes an encoder with other parameters.
pub fn save_masked_lm(
    directory: &Path,
    model: &MaskedLm,
    checkpoint: &CheckpointConfig,
) -> Result<(), ModelError> {
    let names = TensorNames::of_masked_lm(&checkpoint.encoder);
    let mut merged = model.clone();
    merged.encoder = merged.encoder.merge_lora();
    let (config, device) = (&checkpoint.encoder, device_of(&merged.encoder));
    let (described, class) = match merged.next_sentence {
        None => (config.init_masked_lm(&device)?, "ForMaskedLM"),
        Some(_) => (config.init_pre_training(&device)?, "ForPreTraining"),
    };
    check_described(&merged, &described)?;
    let config = checkpoint.to_masked_lm_json(class);
    write(directory, &merged, names, (&config, checkpoint.dtype))
}

/// Writes an encoder, which `AutoModel.from_pretrained` loads with a newly initialized pooler.
/// `checkpoint` describes the encoder.
///
/// # Errors
/// - The errors of [`save_masked_lm`].
pub fn save_encoder(
    directory: &Path,
    encoder: &Encoder,
    checkpoint: &CheckpointConfig,
) -> Result<(), ModelError> {
    let alone = BaseModel {
        encoder: encoder.clone(),
        pooler: None,
    };
    save_base_model(directory, &alone, checkpoint)
}

/// Writes an encoder and its pooler, which `AutoModel.from_pretrained` loads, of NomicBERT and GTE
/// with `add_pooling_layer=True`. `checkpoint` describes the encoder.
///
/// # Errors
/// - The errors of [`save_masked_lm`].
pub fn save_base_model(
    directory: &Path,
    model: &BaseModel,
    checkpoint: &CheckpointConfig,
) -> Result<(), ModelError> {
    let config = &checkpoint.encoder;
    let device = device_of(&model.encoder);
    let mut merged = model.clone();
    merged.encoder = merged.encoder.merge_lora();
    let pooler = merged.pooler.as_ref();
    let pooler = pooler.map(|_| Pooling::pooler().init(config, &device));
    let described = BaseModel {
        encoder: config.init(&device)?,
        pooler: pooler.transpose()?,
    };
    check_described(&merged, &described)?;
    let names = TensorNames::of_encoder(config.family);
    let json = checkpoint.to_encoder_json();
    write(directory, &merged, names, (&json, checkpoint.dtype))
}

fn device_of(encoder: &Encoder) -> Device {
    encoder.embeddings.word_embeddings.weight.lazy_device()
}

/// Checks that a model has the parameters that its configuration describes. Otherwise the
/// checkpoint would not load, or load as another model.
fn check_described<M: Module>(model: &M, described: &M) -> Result<(), ModelError> {
    let listed = |model| -> BTreeMap<String, Vec<usize>> {
        let parameters = parameters(model).into_iter();
        parameters.map(|found| (found.path, found.shape)).collect()
    };
    let (model, described) = (listed(model), listed(described));
    let paths = model.keys().chain(described.keys());
    let mut differing = paths.filter(|path| model.get(*path) != described.get(*path));
    let Some(path) = differing.next() else {
        return Ok(());
    };
    let with = |shapes: &BTreeMap<_, _>| match shapes.get(path) {
        Some(shape) => format!("{path} of shape {shape:?}"),
        None => format!("no {path}"),
    };
    Err(ModelError::config(
        "the encoder of the checkpoint",
        format!("one with {}", with(&described)),
        format!("the model's, with {}", with(&model)),
    ))
}

/// Writes the weights, in an element type, and the configuration.
fn write<M: Module>(
    directory: &Path,
    model: &M,
    names: TensorNames,
    (config, dtype): (&str, CheckpointDtype),
) -> Result<(), ModelError> {
    let mut tensors = JoinedTensors::default();
    for_each(model, |parameter, data| {
        let data = in_file(&parameter, data);
        for part in names.parts(&parameter) {
            tensors.add(part.name, part.block, part.rows.of_data(&data));
        }
    });
    let path = directory.join(WEIGHTS_FILE);
    let mut tensors = tensors.tensors();
    for (name, data) in &mut tensors {
        *data = rounded(data.clone(), dtype)
            .ok_or_else(|| ModelError::tensor(&path, name, format!("has values beyond {dtype}")))?;
    }
    write_tensors(&path, &tensors)?;
    write_atomically(&directory.join(CONFIG_FILE), config.as_bytes())
}

/// Converts the values of a parameter to the layout of checkpoints: f32, linear weights
/// output-major.
///
/// # Panics
/// If `data` does not belong to the parameter.
pub(crate) fn in_file(parameter: &Parameter, data: TensorData) -> TensorData {
    let data = data.convert_dtype(DType::F32);
    let Some([input, output]) = parameter.output_major() else {
        return data;
    };
    match data.as_slice() {
        Ok(values) => TensorData::new(transposed(values, [input, output]), [output, input]),
        Err(error) => panic!("{} as 32-bit floats: {error}", parameter.path),
    }
}

/// Returns f32 values in another element type; `None` if one is beyond its range.
fn rounded(data: TensorData, dtype: CheckpointDtype) -> Option<TensorData> {
    let fits = |value: &f32| value.abs() <= dtype.largest() || !value.is_finite();
    let all = data.as_slice::<f32>().ok()?.iter().all(fits);
    all.then(|| data.convert_dtype(dtype.into()))
}

/// Writes tensors by name; creates the directory if it does not exist.
pub(crate) fn write_tensors(
    path: &Path,
    tensors: &[(String, TensorData)],
) -> Result<(), ModelError> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(ModelError::io(path))?;
    }
    let bytes = serialize(tensors).map_err(std::io::Error::other);
    let bytes = bytes.map_err(ModelError::io(path))?;
    write_atomically(path, &bytes)
}

fn serialize(tensors: &[(String, TensorData)]) -> Result<Vec<u8>, SafeTensorError> {
    let views = tensors.iter().map(|(name, data)| {
        let shape = data.shape().as_slice().to_vec();
        Ok((
            name.as_str(),
            TensorView::new(dtype_in_file(data.dtype()), shape, data.as_bytes())?,
        ))
    });
    // transformers rejects files without the framework in their metadata.
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::serialize(
        views.collect::<Result<Vec<_>, SafeTensorError>>()?,
        Some(metadata),
    )
}

fn dtype_in_file(dtype: DType) -> Dtype {
    match dtype {
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        _ => Dtype::F32,
    }
}

/// Writes a file atomically: readers see the old or the new content.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    finetune_storage::write_atomically(path, bytes).map_err(ModelError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::load_encoder;
    use crate::{EncoderConfig, init_weights};

    #[test]
    fn weights_in_half_precision_are_half_the_size_and_nearly_the_same() {
        let config = EncoderConfig {
            vocab_size: 60,
            hidden_size: 16,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            intermediate_size: 32,
            ..Default::default()
        };
        let device = Device::flex();
        let encoder = init_weights(config.init(&device).unwrap(), 0.2, 3);
        let mut checkpoint = CheckpointConfig::new(config);
        let mut sizes = Vec::new();
        for (dtype, digits) in [
            (CheckpointDtype::F32, 0.0),
            (CheckpointDtype::F16, 1.0 / 2048.0),
            (CheckpointDtype::Bf16, 1.0 / 256.0),
        ] {
            let place = tempfile::tempdir().unwrap();
            checkpoint.dtype = dtype;
            save_encoder(place.path(), &encoder, &checkpoint).unwrap();
            let size = std::fs::metadata(place.path().join(WEIGHTS_FILE)).unwrap();
            sizes.push(size.len());
            let (back, read, _) = load_encoder(place.path(), &device).unwrap();
            assert_eq!(read.dtype, CheckpointDtype::F32);
            let values = |encoder: &Encoder| {
                let weight = encoder.layers[0].attention.query.weight.val();
                weight.into_data().try_to_vec::<f32>().unwrap()
            };
            for (back, given) in values(&back).iter().zip(values(&encoder)) {
                assert!((back - given).abs() <= digits * given.abs(), "{dtype}");
            }
        }
        // The rest is the header.
        assert!(
            sizes[1..].iter().all(|size| size * 5 < sizes[0] * 3),
            "{sizes:?}"
        );
        assert!(rounded(TensorData::from([7e4f32]), CheckpointDtype::F16).is_none());
    }
}
