//! Adapter checkpoints in the layout of
//! [PEFT](https://huggingface.co/docs/peft/developer_guides/checkpoint): `adapter_config.json`, and
//! `adapter_model.safetensors` with the trained tensors (adapters, pooler and head).

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::TensorData;
use serde_json::json;

use super::LoraTarget;
use super::config_json::{self, AdapterConfig};
use crate::checkpoint::{
    ADAPTER_FILES, LoadReport, OUTPUT_LAYER, OutputRows, TensorNames, TensorPart, Weights, in_file,
    in_memory, layer_of, read_json, write_atomically, write_tensors,
};
use crate::classifier::SequenceClassifier;
use crate::encoder::Encoder;
use crate::error::ModelError;
use crate::parameters::{Parameter, for_each, parameters, replace};

const ADAPTER_CONFIG_FILE: &str = "adapter_config.json";

/// File with the class names of the saved head, in the order of its rows: PEFT has no place for
/// them.
const CLASS_NAMES_FILE: &str = "class_names.json";

/// Writes `adapter_config.json` and `adapter_model.safetensors` into `directory`, which is created
/// if it does not exist: the encoder's adapters, and all parameters above the encoder. If
/// transformers has a class for the model, `PeftModel.from_pretrained` loads them. The class names
/// are written into `class_names.json`, so that the head is loaded by name.
///
/// `base_model` is the base model's name or path in `adapter_config.json`.
///
/// # Errors
/// - [`ModelError::InvalidConfig`] if the model has no adapters, or the error of
///   [`LoraConfig::check_family`](crate::LoraConfig::check_family).
/// - [`ModelError::Io`] if a file cannot be written.
pub fn save_adapter(
    directory: &Path,
    model: &SequenceClassifier,
    base_model: Option<&str>,
) -> Result<(), ModelError> {
    let Some(lora) = model.encoder.lora() else {
        let found = "a model without adapters";
        return Err(ModelError::config("lora", found, "adapters to save"));
    };
    lora.check_family(model.config().encoder.family)?;
    let names = AdapterNames::of(model);
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
    write_atomically(&directory.join(ADAPTER_CONFIG_FILE), config.as_bytes())?;
    let class_names = json!(model.config().class_names).to_string();
    write_atomically(&directory.join(CLASS_NAMES_FILE), class_names.as_bytes())
}

/// Loads the adapters and the head of a checkpoint written by [`save_adapter`] or PEFT into
/// `model`, the model they were trained on. The rest of its encoder is frozen.
///
/// Head tensors missing from the checkpoint, or saved for other classes, stay as they are in `model`
/// and are listed as `unchanged` in the report. Every tensor of the checkpoint must belong to the
/// model.
///
/// # Errors
/// - [`ModelError::Io`] if a file cannot be read.
/// - [`ModelError::Json`], [`ModelError::InvalidConfigFile`] if `adapter_config.json` is invalid or
///   describes another kind of adapter, or one of a layer that the family fuses with others.
/// - [`ModelError::InvalidWeights`] if the weights file is missing or corrupted, or calls more than
///   tensors need.
/// - [`ModelError::InvalidTensor`] if a tensor is missing, unexpected or invalid.
/// - [`ModelError::InvalidConfig`] if the model already has adapters.
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
    let names = AdapterNames::of(&model);
    model.encoder = with_places(&model, &config, &weights, &names)?;
    if let Some(lora) = model.encoder.lora() {
        let path = directory.join(ADAPTER_CONFIG_FILE);
        let in_file = |error: ModelError| error.in_file(&path, |field| field);
        let family = model.config().encoder.family;
        lora.check_family(family).map_err(in_file)?;
    }
    let class_names = class_names(&directory.join(CLASS_NAMES_FILE))?;
    let rows = OutputRows::of(class_names.as_deref(), &model.config().class_names);
    let (mut values, report) = take(&model, &mut weights, &names, &rows)?;
    if let Some(unknown) = weights.unused().next() {
        let problem = "has no place in the model";
        return Err(ModelError::tensor(weights.path(), unknown, problem));
    }
    let mut model = replace(model, |parameter| values.remove(&parameter.path));
    model.encoder = model.encoder.freeze_all_but_lora();
    Ok((model, report))
}

/// Returns the class names of a saved head, if known.
fn class_names(path: &Path) -> Result<Option<Vec<String>>, ModelError> {
    path.exists().then(|| read_json(path)).transpose()
}

/// Adds zero adapters to all linear layers that the configuration or the tensors name.
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

/// Returns the values of all trained parameters by path.
fn take(
    model: &SequenceClassifier,
    weights: &mut Weights,
    names: &AdapterNames,
    rows: &OutputRows,
) -> Result<(BTreeMap<String, TensorData>, LoadReport), ModelError> {
    let mut report = LoadReport::default();
    let mut values = BTreeMap::new();
    for parameter in parameters(model).into_iter().filter(is_trained) {
        let rows = (layer_of(&parameter) == OUTPUT_LAYER).then_some(rows);
        let stored = weights.find(&names.candidates(&parameter));
        let data = match (stored, rows) {
            (Some(_), Some(OutputRows::None)) => None,
            (Some(stored), rows) => {
                let whole = TensorPart::whole(stored.name.clone());
                Some(in_memory(&parameter, &[(&whole, stored)], rows)?)
            }
            (None, _) if parameter.kind.is_adapter() => {
                let tensor = names.tensor(&parameter);
                return Err(ModelError::tensor(weights.path(), &tensor, "is missing"));
            }
            (None, _) => None,
        };
        let in_file = stored.map(|stored| stored.name.clone());
        let name = in_file.clone().unwrap_or_else(|| names.tensor(&parameter));
        if let Some(name) = in_file {
            weights.mark_taken(&name);
        }
        let Some(data) = data else {
            report.unchanged.push(name);
            continue;
        };
        if rows.is_some_and(OutputRows::is_reordered) {
            report.reordered.push(name.clone());
        }
        values.insert(parameter.path, data);
        report.loaded.push(name);
    }
    Ok((values, report))
}

/// Returns whether a parameter is saved with adapters: adapters, and all above the encoder.
fn is_trained(parameter: &Parameter) -> bool {
    parameter.kind.is_adapter() || !parameter.path.starts_with("encoder.")
}

/// PEFT's names of the trained tensors.
struct AdapterNames(TensorNames);

/// Prefix of PEFT before the names of the wrapped model.
const PREFIX: &str = "base_model.model.";

/// Suffixes of the two adapter matrices: in this crate and in PEFT.
const ENDS: [(&str, &str); 2] = [(".lora.a", ".lora_A.weight"), (".lora.b", ".lora_B.weight")];

impl AdapterNames {
    fn of(model: &SequenceClassifier) -> Self {
        Self(TensorNames::of_classifier(model.config()).of_modules())
    }

    /// Returns the name of a tensor in the file.
    fn tensor(&self, parameter: &Parameter) -> String {
        in_peft(&self.0.name(parameter))
    }

    /// Returns all names that a tensor may have in the file.
    fn candidates(&self, parameter: &Parameter) -> Vec<String> {
        let names = self.0.candidates(parameter);
        names.iter().map(|name| in_peft(name)).collect()
    }

    /// Returns transformers' name of the module of a parameter, or of its adapter.
    fn module(&self, parameter: &Parameter) -> String {
        let name = self.0.name(parameter);
        let ends = ENDS
            .iter()
            .map(|(ours, _)| *ours)
            .chain([".weight", ".bias"]);
        let module = ends.filter_map(|end| name.strip_suffix(end)).next();
        module.unwrap_or(&name).to_string()
    }

    /// Returns all names that the `lora_A` matrix of a weight may have.
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
