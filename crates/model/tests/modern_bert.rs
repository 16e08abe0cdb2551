//! What ModernBERT's checkpoints have and those of older families have not: fused projections, the
//! prefix `model.`, and heads that share a layer.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_model::{
    CheckpointConfig, LoraConfig, LoraTarget, ModelError, Pooling, SequenceClassifier,
    load_adapter, load_classifier, load_encoder, load_masked_lm, save_adapter, save_classifier,
    save_encoder,
};

use crate::weights_file::{self, Tensors};

fn checkpoint(case: &str) -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    PathBuf::from(format!("{root}/tests/parity/families/{case}/checkpoint"))
}

/// A copy of a checkpoint with other tensors.
fn with_tensors(case: &str, edit: impl FnOnce(&mut Tensors)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let (from, to) = (checkpoint(case), copy.path());
    std::fs::copy(from.join("config.json"), to.join("config.json")).unwrap();
    let mut tensors = weights_file::read(&from.join("model.safetensors"));
    edit(&mut tensors);
    weights_file::write(&to.join("model.safetensors"), &tensors);
    copy
}

fn classifier(directory: &Path) -> Result<SequenceClassifier, ModelError> {
    let names = ["World", "Sports", "Business"].map(String::from);
    let (model, _, report) = load_classifier(directory, &names, 0, &Device::flex())?;
    assert!(report.newly_initialized.is_empty(), "{report}");
    Ok(model)
}

fn query(model: &SequenceClassifier) -> Vec<f32> {
    let query = model.encoder.layers[1].attention.query.weight.val();
    query.into_data().try_to_vec().unwrap()
}

fn renamed(tensors: &mut Tensors, name: impl Fn(&str) -> String) {
    let all = std::mem::take(tensors).into_iter();
    *tensors = all.map(|(old, tensor)| (name(&old), tensor)).collect();
}

#[test]
fn names_may_have_the_prefix_of_the_family_and_that_of_a_wrapper() {
    let expected = query(&classifier(&checkpoint("modernbert")).unwrap());
    for wrapper in ["", "module.", "model.", "_orig_mod."] {
        let wrapped = with_tensors("modernbert", |tensors| {
            renamed(tensors, |name| format!("{wrapper}{name}"));
        });
        assert_eq!(query(&classifier(wrapped.path()).unwrap()), expected);
    }
    let bare = with_tensors("modernbert", |tensors| {
        renamed(tensors, |name| {
            name.strip_prefix("model.").unwrap_or(name).to_string()
        });
    });
    assert_eq!(query(&classifier(bare.path()).unwrap()), expected);
}

#[test]
fn a_bare_encoder_has_bare_names_and_one_tensor_for_three_projections() {
    let device = Device::flex();
    let (encoder, config, report) = load_encoder(&checkpoint("modernbert"), &device).unwrap();
    let fused = |name: &&String| name.ends_with("attn.Wqkv.weight");
    assert_eq!(report.loaded.iter().filter(fused).count(), 5);
    let saved = tempfile::tempdir().unwrap();
    save_encoder(saved.path(), &encoder, &config).unwrap();
    let tensors = weights_file::read(&saved.path().join("model.safetensors"));
    let (shape, _) = &tensors["layers.4.attn.Wqkv.weight"];
    assert_eq!(shape[..], [72, 24]);
    // Embeddings and their norm; four matrices and two norms in each layer but one norm in the first;
    // the last norm.
    assert_eq!(tensors.len(), 2 + 5 * 6 - 1 + 1);
}

#[test]
fn a_fused_tensor_that_does_not_fit_is_named() {
    let name = "model.layers.2.attn.Wqkv.weight";
    let short = with_tensors("modernbert", |tensors| {
        let (shape, values) = tensors.get_mut(name).unwrap();
        shape[0] = 71;
        values.truncate(71 * 24);
    });
    let error = classifier(short.path()).unwrap_err().to_string();
    let expected = format!("tensor {name} has shape [71, 24], expected [72, 24]");
    assert!(error.ends_with(&expected), "{error}");
    let missing = with_tensors("modernbert", |tensors| drop(tensors.remove(name)));
    let error = classifier(missing.path()).unwrap_err().to_string();
    assert!(
        error.ends_with(&format!("tensor {name} is missing")),
        "{error}"
    );
}

/// The dense layer of both heads has one name, so a classifier begins with that of pre-training.
#[test]
fn heads_share_their_dense_layer() {
    let pre_trained = with_tensors("modernbert", |tensors| {
        tensors.retain(|name, _| !name.starts_with("classifier."));
    });
    let names = ["World", "Sports", "Business"].map(String::from);
    let loaded = load_classifier(pre_trained.path(), &names, 0, &Device::flex());
    let (_, _, report) = loaded.unwrap();
    assert_eq!(
        report.newly_initialized,
        ["classifier.weight", "classifier.bias"]
    );
    assert!(report.loaded.contains(&"head.dense.weight".to_string()));
    assert_eq!(report.unexpected, ["decoder.bias"]);

    let without_bias = with_tensors("modernbert", |tensors| {
        drop(tensors.remove("decoder.bias"));
    });
    let path = without_bias.path().join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("\"decoder_bias\": true", "\"decoder_bias\": false");
    std::fs::write(path, text).unwrap();
    let loaded = load_masked_lm(without_bias.path(), 0, &Device::flex());
    let (model, _, report) = loaded.unwrap();
    assert!(model.head.bias.is_none() && report.newly_initialized.is_empty());
}

/// transformers has a class for both poolings of the family's classifier.
#[test]
fn the_pooling_of_a_classifier_is_kept() {
    for (case, name, pooling) in [
        ("modernbert", "cls", Pooling::cls()),
        ("modernbert_odd", "mean", Pooling::mean()),
    ] {
        let model = classifier(&checkpoint(case)).unwrap();
        assert_eq!(model.config().pooling, pooling);
        let config = CheckpointConfig::read(&checkpoint(case)).unwrap();
        let saved = tempfile::tempdir().unwrap();
        save_classifier(saved.path(), &model, &config).unwrap();
        let again = CheckpointConfig::read(saved.path()).unwrap();
        assert_eq!(again.pooling_and_head, None);
        assert_eq!(again.classifier_pooling, Some(name));
    }
}

fn adapted(targets: &[LoraTarget]) -> SequenceClassifier {
    let mut model = classifier(&checkpoint("modernbert")).unwrap();
    let lora = LoraConfig {
        rank: 2,
        target_modules: targets.to_vec(),
        ..Default::default()
    };
    model.encoder = model.encoder.with_lora(&lora, 7).unwrap();
    model
}

#[test]
fn adapters_of_layers_of_their_own_are_saved_as_peft_names_them() {
    let targets = [
        LoraTarget::AttentionOutput,
        LoraTarget::Intermediate,
        LoraTarget::Output,
    ];
    let model = adapted(&targets);
    let saved = tempfile::tempdir().unwrap();
    save_adapter(saved.path(), &model, None).unwrap();
    let tensors = weights_file::read(&saved.path().join("adapter_model.safetensors"));
    for layer in ["attn.Wo", "mlp.Wi", "mlp.Wo"] {
        let name = format!("base_model.model.model.layers.4.{layer}.lora_A.weight");
        assert!(tensors.contains_key(&name), "{name}");
    }
    let base = classifier(&checkpoint("modernbert")).unwrap();
    let (loaded, report) = load_adapter(saved.path(), base).unwrap();
    assert!(report.unchanged.is_empty(), "{report}");
    assert_eq!(loaded.encoder.lora().unwrap().target_modules, targets);
}

#[test]
fn adapters_of_fused_layers_are_refused() {
    let saved = tempfile::tempdir().unwrap();
    let error = save_adapter(saved.path(), &adapted(&[LoraTarget::Value]), None);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("target_modules is Value, expected of "),
        "{error}"
    );
    assert!(!saved.path().join("adapter_config.json").exists());

    // What PEFT makes for the fused layer.
    save_adapter(saved.path(), &adapted(&[LoraTarget::Output]), None).unwrap();
    let path = saved.path().join("adapter_config.json");
    let mut config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["target_modules"] = serde_json::json!(["Wqkv", "Wo"]);
    std::fs::write(&path, config.to_string()).unwrap();
    let base = classifier(&checkpoint("modernbert")).unwrap();
    let error = load_adapter(saved.path(), base).unwrap_err().to_string();
    assert!(
        error.contains("adapter_config.json: target_modules is Query, expected of "),
        "{error}"
    );
}
