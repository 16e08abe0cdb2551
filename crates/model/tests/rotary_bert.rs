//! What the checkpoints of NomicBERT, GTE and EuroBERT have and those of older families have not:
//! parameters of several tensors, in two orders and under two names, and late pooling.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, HeadConfig, LoadReport, LoraConfig, LoraTarget, ModelError, Pooling,
    SequenceClassifier, load_adapter, load_classifier, load_encoder, load_masked_lm, save_adapter,
    save_classifier,
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

fn classifier(directory: &Path) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    let names = ["World", "Sports", "Business"].map(String::from);
    let (model, _, report) = load_classifier(directory, &names, 0, &Device::flex())?;
    assert!(report.newly_initialized.is_empty(), "{report}");
    Ok((model, report))
}

/// All tensors of a classifier, as it is saved.
fn saved(model: &SequenceClassifier, case: &str) -> Tensors {
    let directory = tempfile::tempdir().unwrap();
    let config = CheckpointConfig::read(&checkpoint(case)).unwrap();
    save_classifier(directory.path(), model, &config).unwrap();
    weights_file::read(&directory.path().join("model.safetensors"))
}

/// Parts of names: those of files, and those of the modules in transformers. Several of the latter are
/// equal blocks of rows of the former.
type Names = [(&'static str, &'static [&'static str])];

const NOMIC_BERT: &Names = &[
    ("emb_ln", &["embeddings.LayerNorm"]),
    ("encoder.layers", &["layers"]),
    ("attn.out_proj", &["self_attn.o_proj"]),
    (
        "attn.Wqkv",
        &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    ),
    ("fc11", &["up_proj"]),
    ("fc12", &["gate_proj"]),
    ("fc2", &["down_proj"]),
    ("norm1", &["post_attention_layernorm"]),
    ("norm2", &["post_mlp_layernorm"]),
];

const GTE: &Names = &[
    ("encoder.layer", &["layers"]),
    ("attention.o_proj", &["self_attn.o_proj"]),
    (
        "attention.qkv_proj",
        &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    ),
    ("mlp.up_gate_proj", &["mlp.up_proj", "mlp.gate_proj"]),
    ("attn_ln", &["post_attention_layernorm"]),
    ("mlp_ln", &["post_mlp_layernorm"]),
    ("lm_head.norm", &["lm_head.layer_norm"]),
];

/// Gives all tensors the names of modules.
fn named_as_modules(tensors: &mut Tensors, names: &Names) {
    for (theirs, ours) in names {
        for (name, (shape, values)) in std::mem::take(tensors) {
            if !name.contains(theirs) {
                tensors.insert(name, (shape, values));
                continue;
            }
            let rows = values.len() / ours.len();
            let shape: Vec<usize> = [shape[0] / ours.len()]
                .into_iter()
                .chain(shape[1..].iter().copied())
                .collect();
            for (block, ours) in values.chunks_exact(rows).zip(*ours) {
                let name = name.replace(theirs, ours);
                tensors.insert(name, (shape.clone(), block.to_vec()));
            }
        }
    }
}

#[test]
fn files_may_have_the_names_of_the_modules_of_transformers() {
    for (case, names) in [("nomic_bert", NOMIC_BERT), ("gte", GTE)] {
        let (model, report) = classifier(&checkpoint(case)).unwrap();
        let expected = saved(&model, case);
        let other = with_tensors(case, |tensors| named_as_modules(tensors, names));
        let (model, other_report) = classifier(other.path()).unwrap();
        assert!(saved(&model, case) == expected, "{case}");
        assert!(
            other_report.loaded.len() > report.loaded.len(),
            "{other_report}"
        );
        let unused = |report: &LoadReport| report.unexpected.len();
        assert_eq!(unused(&report), unused(&other_report), "{other_report}");

        let device = Device::flex();
        let masked = |path: &Path| {
            let (model, _, report) = load_masked_lm(path, 0, &device).unwrap();
            assert!(report.newly_initialized.is_empty(), "{case}: {report}");
            let gamma = model.head.norm.unwrap().gamma.val();
            gamma.into_data().try_to_vec::<f32>().unwrap()
        };
        assert_eq!(masked(other.path()), masked(&checkpoint(case)), "{case}");
    }
}

#[test]
fn files_of_the_authors_have_prefixes_of_their_own() {
    let device = Device::flex();
    for (case, prefix, theirs) in [
        ("nomic_bert", "nomic_bert.", "bert."),
        ("gte", "gte.", "new."),
        ("gte_odd", "gte.", ""),
    ] {
        let (_, _, report) = load_encoder(&checkpoint(case), &device).unwrap();
        let copy = with_tensors(case, |tensors| {
            let all = std::mem::take(tensors).into_iter();
            let renamed = |name: String| match name.strip_prefix(prefix) {
                Some(rest) => format!("{theirs}{rest}"),
                None => name,
            };
            *tensors = all.map(|(name, tensor)| (renamed(name), tensor)).collect();
        });
        let (_, _, again) = load_encoder(copy.path(), &device).unwrap();
        assert_eq!(again.loaded.len(), report.loaded.len(), "{case}: {again}");
        assert!(again.loaded.iter().all(|name| name.starts_with(theirs)));
    }
}

#[test]
fn half_a_parameter_is_an_error() {
    let copy = with_tensors("eurobert", |tensors| {
        tensors.remove("model.layers.1.mlp.up_proj.weight");
    });
    let error = classifier(copy.path()).unwrap_err().to_string();
    assert!(
        error.contains("tensor model.layers.1.mlp.up_proj.weight is missing"),
        "{error}"
    );
    let copy = with_tensors("gte", |tensors| {
        let name = "gte.encoder.layer.0.mlp.up_gate_proj.weight";
        let (shape, values) = tensors.get_mut(name).unwrap();
        (shape[0], shape[1]) = (shape[1], shape[0]);
        assert_eq!(values.len(), 480);
    });
    let error = classifier(copy.path()).unwrap_err().to_string();
    assert!(
        error.contains("has shape [24, 20], expected [20, 24]"),
        "{error}"
    );
}

#[test]
fn the_pooling_of_eurobert_is_kept() {
    for (case, name, pooling, is_late) in [
        ("eurobert", "late", Pooling::cls(), true),
        ("eurobert_first", "bos", Pooling::cls(), false),
        ("eurobert_odd", "mean", Pooling::mean(), false),
    ] {
        let (model, _) = classifier(&checkpoint(case)).unwrap();
        assert_eq!(model.config().pooling, pooling);
        let HeadConfig::Mlp(head) = &model.config().head else {
            panic!("another head");
        };
        assert_eq!(head.late_pooling, is_late, "{case}");
        let directory = tempfile::tempdir().unwrap();
        let config = CheckpointConfig::read(&checkpoint(case)).unwrap();
        save_classifier(directory.path(), &model, &config).unwrap();
        let again = CheckpointConfig::read(directory.path()).unwrap();
        assert_eq!(again.pooling_and_head, None);
        assert_eq!(again.classifier_pooling, Some(name));
    }
}

/// PEFT names modules, not tensors of files.
#[test]
fn adapters_have_the_names_of_modules() {
    for (case, prefix) in [
        ("nomic_bert", "nomic_bert"),
        ("gte", "gte"),
        ("eurobert", "model"),
    ] {
        let lora = LoraConfig {
            rank: 2,
            target_modules: vec![LoraTarget::Query, LoraTarget::AttentionOutput],
            ..Default::default()
        };
        let (mut model, _) = classifier(&checkpoint(case)).unwrap();
        model.encoder = model.encoder.with_lora(&lora, 7).unwrap();
        let directory = tempfile::tempdir().unwrap();
        save_adapter(directory.path(), &model, None).unwrap();
        let file = Golden::read(&directory.path().join("adapter_model.safetensors"));
        for module in ["q_proj", "o_proj"] {
            let layer = format!("base_model.model.{prefix}.layers.1.self_attn.{module}");
            let name = format!("{layer}.lora_A.weight");
            assert!(file.names().contains(&name), "{name}");
        }
        let (base, _) = classifier(&checkpoint(case)).unwrap();
        let (loaded, report) = load_adapter(directory.path(), base).unwrap();
        assert!(report.unchanged.is_empty(), "{report}");
        assert_eq!(loaded.encoder.lora(), Some(lora));

        // Where transformers has two modules, PEFT has two adapters.
        let halves = LoraConfig {
            target_modules: vec![LoraTarget::Intermediate],
            ..Default::default()
        };
        let family = model.config().encoder.family;
        let error = halves.check_family(family).unwrap_err().to_string();
        assert!(error.contains("target_modules is Intermediate"), "{error}");
    }
}
