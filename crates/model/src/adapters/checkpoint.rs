//! An adapter's own checkpoint, in the layout of
//! [PEFT](https://huggingface.co/docs/peft/developer_guides/checkpoint): `adapter_config.json` and
//! `adapter_model.safetensors` with what has been trained, the adapters and the head.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::TensorData;

use super::LoraTarget;
use super::config_json::{self, AdapterConfig};
use crate::checkpoint::{
    ADAPTER_FILES, TensorNames, Weights, in_file, in_memory, write_atomically, write_tensors,
};
use crate::parameters::{Parameter, for_each, parameters, replace};
use crate::{Encoder, LoadReport, ModelError, SequenceClassifier};

const ADAPTER_CONFIG_FILE: &str = "adapter_config.json";

/// Writes `adapter_config.json` and `adapter_model.safetensors` into `directory`, made if need be:
/// the adapters of the encoder, and everything above the encoder. For a model that transformers has
/// a class for, `PeftModel.from_pretrained` loads them.
///
/// `base_model` is what `adapter_config.json` says the encoder was loaded from.
///
/// # Errors
/// [`ModelError::InvalidConfig`] if the model has no adapters, [`ModelError::Io`] if a file cannot
/// be written.
pub fn save_adapter(
    directory: &Path,
    model: &SequenceClassifier,
    base_model: Option<&str>,
) -> Result<(), ModelError> {
    let Some(lora) = model.encoder.lora() else {
        return Err(ModelError::InvalidConfig {
            field: "lora",
            found: "a model without adapters".to_string(),
            expected: "adapters to save".to_string(),
        });
    };
    let names = AdapterNames(TensorNames::of_classifier(model.config()));
    let (mut tensors, mut adapted, mut saved) = (Vec::new(), Vec::new(), Vec::new());
    for_each(model, |parameter, data| {
        let modules = match parameter.kind.is_adapter() {
            true => &mut adapted,
            false => &mut saved,
        };
        if is_trained(&parameter) {
            modules.push(names.module(&parameter));
            tensors.push((names.tensor(&parameter), in_file(&parameter, data)));
        }
    });
    // A module has several tensors.
    for modules in [&mut adapted, &mut saved] {
        modules.dedup();
    }
    let task = Some("SEQ_CLS");
    let config = config_json::to_json(&lora, &adapted, &saved, task, base_model);
    write_tensors(&directory.join(ADAPTER_FILES[0].0), &tensors)?;
    write_atomically(&directory.join(ADAPTER_CONFIG_FILE), config.as_bytes())
}

/// Gives a model the adapters of a checkpoint that [`save_adapter`] or PEFT has written, and the
/// head that was trained with them. `model` is the one that they were trained on; the rest of its
/// encoder is frozen.
///
/// What the checkpoint lacks of the head stays as it is in `model`, and is `kept` in the report.
/// Everything in the checkpoint has to find its place.
///
/// # Errors
/// [`ModelError::Io`], [`ModelError::ConfigSyntax`], [`ModelError::NoWeights`],
/// [`ModelError::DamagedWeights`] and [`ModelError::PickledCall`] for files that are missing or not
/// what they should be; [`ModelError::UnsupportedAdapter`] for another kind of adapter;
/// [`ModelError::MissingTensor`], [`ModelError::UnknownTensor`], [`ModelError::TensorShape`],
/// [`ModelError::TensorType`] and [`ModelError::NotFinite`] for what is wrong with a tensor;
/// [`ModelError::InvalidConfig`] if the model has adapters already.
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_model::{load_adapter, load_classifier};
///
/// let names = ["no", "yes"].map(String::from);
/// let (base, ..) = load_classifier(Path::new("my-bert"), &names, 42, &Device::flex())?;
/// let (mut model, report) = load_adapter(Path::new("my-adapter"), base)?;
/// println!("{report}");
/// model.encoder = model.encoder.merge_lora();
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
pub fn load_adapter(
    directory: &Path,
    mut model: SequenceClassifier,
) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    let config = AdapterConfig::read(directory.join(ADAPTER_CONFIG_FILE))?;
    let mut weights = Weights::open(directory, &ADAPTER_FILES)?;
    let names = AdapterNames(TensorNames::of_classifier(model.config()));
    model.encoder = with_places(&model, &config, &weights, &names)?;
    let (mut values, report) = take(&model, &mut weights, &names)?;
    if let Some(unknown) = weights.unused().next() {
        return Err(ModelError::UnknownTensor {
            path: weights.path().to_path_buf(),
            tensor: unknown.clone(),
        });
    }
    let mut model = replace(model, |parameter| values.remove(&parameter.path));
    model.encoder = model.encoder.freeze_all_but_lora();
    Ok((model, report))
}

/// The encoder with adapters of zeros wherever the settings or the tensors name one.
fn with_places(
    model: &SequenceClassifier,
    config: &AdapterConfig,
    weights: &Weights,
    names: &AdapterNames,
) -> Result<Encoder, ModelError> {
    let listed = parameters(model).into_iter();
    let by_path: BTreeMap<_, _> = listed.map(|found| (found.path.clone(), found)).collect();
    let wanted = |layer, target: LoraTarget| {
        let weight = by_path.get(&format!("encoder.{}.weight", target.path(layer)));
        weight.is_some_and(|weight| {
            config.names(&names.module(weight)) || weights.find(&names.lora_a(weight)).is_some()
        })
    };
    model.encoder.clone().add_lora(&config.lora(), wanted)
}

/// The values of all that is trained, by path.
fn take(
    model: &SequenceClassifier,
    weights: &mut Weights,
    names: &AdapterNames,
) -> Result<(BTreeMap<String, TensorData>, LoadReport), ModelError> {
    let mut report = LoadReport::default();
    let mut values = BTreeMap::new();
    for parameter in parameters(model).into_iter().filter(is_trained) {
        let Some(stored) = weights.find(&names.candidates(&parameter)) else {
            let tensor = names.tensor(&parameter);
            if parameter.kind.is_adapter() {
                return Err(ModelError::MissingTensor {
                    path: weights.path().to_path_buf(),
                    tensor,
                });
            }
            report.kept.push(tensor);
            continue;
        };
        let name = stored.name.clone();
        values.insert(parameter.path.clone(), in_memory(&parameter, stored)?);
        weights.mark_taken(&name);
        report.loaded.push(name);
    }
    Ok((values, report))
}

/// The adapters, and everything above the encoder.
fn is_trained(parameter: &Parameter) -> bool {
    parameter.kind.is_adapter() || !parameter.path.starts_with("encoder.")
}

/// The names that PEFT gives to what is trained.
struct AdapterNames(TensorNames);

/// What PEFT puts before the names of the model within.
const PREFIX: &str = "base_model.model.";

/// Our ends of the two names of an adapter, and PEFT's.
const ENDS: [(&str, &str); 2] = [(".lora.a", ".lora_A.weight"), (".lora.b", ".lora_B.weight")];

impl AdapterNames {
    /// The name of a tensor in the file.
    fn tensor(&self, parameter: &Parameter) -> String {
        in_peft(&self.0.name(parameter))
    }

    /// Every name that it may have.
    fn candidates(&self, parameter: &Parameter) -> Vec<String> {
        let names = self.0.candidates(parameter);
        names.iter().map(|name| in_peft(name)).collect()
    }

    /// The name of the module of transformers that a parameter belongs to, or its adapter.
    fn module(&self, parameter: &Parameter) -> String {
        let name = self.0.name(parameter);
        let ends = ENDS
            .iter()
            .map(|(ours, _)| *ours)
            .chain([".weight", ".bias"]);
        let module = ends.filter_map(|end| name.strip_suffix(end)).next();
        module.unwrap_or(&name).to_string()
    }

    /// Every name that the first matrix beside a weight may have.
    fn lora_a(&self, weight: &Parameter) -> Vec<String> {
        let names = self.candidates(weight).into_iter();
        let modules = names.filter_map(|name| Some(name.strip_suffix(".weight")?.to_string()));
        modules
            .map(|module| format!("{module}{}", ENDS[0].1))
            .collect()
    }
}

fn in_peft(name: &str) -> String {
    let adapter = |(ours, theirs): &(&str, &str)| {
        let module = name.strip_suffix(ours)?;
        Some(format!("{PREFIX}{module}{theirs}"))
    };
    let adapter = ENDS.iter().find_map(adapter);
    adapter.unwrap_or_else(|| format!("{PREFIX}{name}"))
}
