//! Checkpoints that must be refused, each with an error that names the file and the place.

use std::path::Path;

use burn::tensor::Device;
use finetune_model::{
    CheckpointConfig, EncoderConfig, EncoderInput, Family, LoraConfig, ModelError,
    SequenceClassifierConfig, init_weights, load_classifier, load_masked_lm,
};
use serde_json::json;

use crate::weights_file::{self, Tensors};

const CHECKPOINT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/parity/tiny_bert/checkpoint"
);

/// Loads a copy of the tiny checkpoint after `damage` has been at it.
fn load(damage: impl FnOnce(&Path)) -> ModelError {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(Path::new(CHECKPOINT).join(file), folder.path().join(file)).unwrap();
    }
    damage(folder.path());
    let names = ["a", "b", "c"].map(String::from);
    load_classifier(folder.path(), &names, 0, &Device::flex()).unwrap_err()
}

fn edit_config(folder: &Path, from: &str, to: &str) {
    let path = folder.join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_missing_config() {
    let error = load(|folder| std::fs::remove_file(folder.join("config.json")).unwrap());
    assert!(matches!(&error, ModelError::Io { path, .. } if path.ends_with("config.json")));
}

#[test]
fn config_that_is_not_json() {
    let error = load(|folder| std::fs::write(folder.join("config.json"), "{\"a\": ").unwrap());
    assert!(matches!(&error, ModelError::Json { .. }), "{error:?}");
    let error = load(|folder| edit_config(folder, "\"hidden_size\": 32", "\"hidden_size\": -1"));
    assert!(error.to_string().contains("config.json"), "{error}");
}

#[test]
fn another_architecture() {
    let error = load(|folder| {
        edit_config(
            folder,
            "\"model_type\": \"bert\"",
            "\"model_type\": \"gpt2\"",
        )
    });
    let message = error.to_string();
    assert!(
        message.contains("model_type is gpt2, supported: bert, distilbert"),
        "{message}"
    );
    let error = load(|folder| {
        edit_config(
            folder,
            "\"hidden_act\": \"gelu\"",
            "\"hidden_act\": \"mish\"",
        )
    });
    let message = error.to_string();
    assert!(
        message.contains("hidden_act is mish, supported: "),
        "{message}"
    );
}

#[test]
fn sizes_that_make_no_model() {
    let error = load(|folder| {
        edit_config(
            folder,
            "\"num_attention_heads\": 4",
            "\"num_attention_heads\": 5",
        );
    });
    let message = error.to_string();
    assert!(
        message.ends_with(
            "config.json: hidden_size is 32, expected a multiple of num_attention_heads 5"
        ),
        "{message}"
    );
}

#[test]
fn a_tensor_of_the_wrong_shape() {
    let error = load(|folder| {
        edit_config(
            folder,
            "\"intermediate_size\": 64",
            "\"intermediate_size\": 60",
        );
    });
    let message = error.to_string();
    assert!(
        message.contains("bert.encoder.layer.0.intermediate.dense.weight"),
        "{message}"
    );
    assert!(message.contains("[64, 32], expected [60, 32]"), "{message}");
}

#[test]
fn a_missing_tensor() {
    let error = load(|folder| {
        edit_config(
            folder,
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 3",
        );
    });
    let expected = "tensor bert.encoder.layer.2.attention.self.query.weight is missing";
    assert!(error.to_string().ends_with(expected), "{error}");
}

/// A classification layer that the file names these very classes for is there and fits, or it is
/// an error: it is not made anew without a word, nor half of it.
#[test]
fn a_corrupted_classification_layer() {
    type Edit = fn(&mut Tensors);
    let damages: [(Edit, &str); 4] = [
        (
            |tensors| reshape(tensors, "classifier.weight", [4, 24]),
            "tensor classifier.weight has shape [4, 24], expected [3, 32]",
        ),
        (
            |tensors| {
                reshape(tensors, "classifier.weight", [2, 32]);
                reshape(tensors, "classifier.bias", [2]);
            },
            "tensor classifier.weight has shape [2, 32], expected [3, 32]",
        ),
        (
            |tensors| drop(tensors.remove("classifier.bias")),
            "tensor classifier.bias is missing",
        ),
        (
            |tensors| drop(tensors.remove("bert.pooler.dense.weight")),
            "tensor bert.pooler.dense.weight is missing",
        ),
    ];
    for (damage, expected) in damages {
        let folder = changed_weights(damage);
        let names = ["World", "Sports", "Business"].map(String::from);
        let error = load_classifier(folder.path(), &names, 0, &Device::flex()).unwrap_err();
        let message = error.to_string();
        assert!(message.ends_with(expected), "{message}");
    }
}

/// Without names in the file a layer with other rows is one for other classes; any other
/// difference is damage all the same.
#[test]
fn a_classification_layer_without_names() {
    let device = Device::flex();
    let load = |edit: fn(&mut Tensors)| {
        let folder = changed_weights(edit);
        edit_config(folder.path(), "\"id2label\"", "\"no_names\"");
        let names = ["a", "b", "c"].map(String::from);
        load_classifier(folder.path(), &names, 0, &device).map(|(_, _, report)| report)
    };
    assert!(load(|_| ()).unwrap().newly_initialized.is_empty());
    let two = load(|tensors| {
        reshape(tensors, "classifier.weight", [2, 32]);
        reshape(tensors, "classifier.bias", [2]);
    });
    let new = ["classifier.weight", "classifier.bias"];
    assert_eq!(two.unwrap().newly_initialized, new);
    let narrow = load(|tensors| reshape(tensors, "classifier.weight", [3, 31]));
    assert!(matches!(narrow, Err(ModelError::InvalidTensor { .. })));
    let torn = load(|tensors| reshape(tensors, "classifier.weight", [2, 32]));
    assert!(matches!(torn, Err(ModelError::InvalidTensor { .. })));
}

/// Another shape; the elements are of no concern.
fn reshape<const D: usize>(tensors: &mut Tensors, name: &str, shape: [usize; D]) {
    let tensor = tensors.get_mut(name).unwrap();
    *tensor = (shape.to_vec(), vec![0.5; shape.iter().product()]);
}

/// A copy of the tiny checkpoint with other tensors.
fn changed_weights(edit: impl FnOnce(&mut Tensors)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = "config.json";
    std::fs::copy(Path::new(CHECKPOINT).join(file), folder.path().join(file)).unwrap();
    let file = "model.safetensors";
    let mut tensors = weights_file::read(&Path::new(CHECKPOINT).join(file));
    edit(&mut tensors);
    weights_file::write(&folder.path().join(file), &tensors);
    folder
}

/// What is asked of a device by a program is bounded, too.
#[test]
fn adapters_that_no_memory_holds() {
    let encoder = EncoderConfig {
        vocab_size: 10,
        hidden_size: 512,
        num_attention_heads: 1,
        num_hidden_layers: 1,
        intermediate_size: 4,
        ..Default::default()
    };
    let encoder = encoder.init(&Device::flex()).unwrap();
    for rank in [1 << 20, 1 << 40] {
        let lora = LoraConfig {
            rank,
            ..Default::default()
        };
        let error = encoder.clone().with_lora(&lora, 1).unwrap_err();
        assert!(matches!(
            error,
            ModelError::InvalidConfig { field: "rank", .. }
        ));
    }
}

/// Writes a `config.json` and reads it.
fn read_config(text: &str) -> ModelError {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), text).unwrap();
    CheckpointConfig::read(folder.path()).unwrap_err()
}

/// The file that transformers writes for a family, with one key changed or taken out.
fn family_config(case: &str, key: &str, value: Option<serde_json::Value>) -> ModelError {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/tests/parity/families/{case}/checkpoint/config.json");
    let text = std::fs::read_to_string(path).unwrap();
    let mut keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    match value {
        Some(value) => keys.insert(key.to_string(), value),
        None => keys.remove(key),
    };
    read_config(&serde_json::Value::Object(keys).to_string())
}

#[test]
fn a_missing_size_is_named_in_the_family_s_words() {
    for (case, keys) in [
        (
            "bert_wide",
            &[
                "model_type",
                "vocab_size",
                "hidden_size",
                "num_hidden_layers",
            ][..],
        ),
        (
            "bert_narrow",
            &[
                "num_attention_heads",
                "intermediate_size",
                "max_position_embeddings",
            ],
        ),
        (
            "distilbert_wide",
            &["dim", "n_layers", "n_heads", "hidden_dim"],
        ),
        ("electra_wide", &["embedding_size"]),
    ] {
        for key in keys {
            let error = family_config(case, key, None);
            let message = error.to_string();
            assert!(
                message.ends_with(&format!("config.json: {key} is missing")),
                "{message}"
            );
        }
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_named() {
    for (case, key, value) in [
        ("bert_wide", "hidden_size", json!(-8)),
        ("bert_wide", "hidden_size", json!("768")),
        ("bert_wide", "num_hidden_layers", json!(2.5)),
        ("bert_wide", "layer_norm_eps", json!("small")),
        ("bert_wide", "model_type", json!(7)),
        ("bert_wide", "id2label", json!(["a", "b"])),
        ("bert_wide", "id2label", json!({"zero": "a"})),
        ("bert_wide", "id2label", json!({"0": "a", "2": "c"})),
        ("bert_wide", "id2label", json!({"1": "a", "2": "b"})),
        ("bert_wide", "problem_type", json!("ranking")),
        ("bert_wide", "is_decoder", json!("no")),
        (
            "bert_wide",
            "finetune",
            json!({"pooling": {"tokens": "last"}}),
        ),
        ("roberta_wide", "pad_token_id", json!(-1)),
        ("distilbert_wide", "seq_classif_dropout", json!("much")),
    ] {
        let error = family_config(case, key, Some(value));
        assert!(
            matches!(&error, ModelError::InvalidConfigFile { key: found, .. } if found == key),
            "{error:?}"
        );
    }
}

#[test]
fn a_value_that_makes_no_model_is_named() {
    for (case, key, value, named) in [
        ("distilbert_wide", "n_heads", json!(4), "dim"),
        ("distilbert_wide", "dropout", json!(-0.5), "dropout"),
        ("bert_wide", "vocab_size", json!(1u64 << 40), "vocab_size"),
        (
            "electra_wide",
            "hidden_size",
            json!(u64::MAX),
            "hidden_size",
        ),
        (
            "bert_wide",
            "type_vocab_size",
            json!(u64::MAX),
            "type_vocab_size",
        ),
        (
            "bert_wide",
            "finetune",
            json!({"pooling": {"layers": {"concat_last": u64::MAX}}, "head": {"kind": "cosine"}}),
            "pooling.layers",
        ),
        (
            "bert_wide",
            "finetune",
            json!({"pooling": {"layers": {"single": 4}}, "head": {"kind": "mlp"}}),
            "pooling.layers",
        ),
        (
            "bert_wide",
            "finetune",
            json!({"pooling": {}, "head": {"kind": "mlp", "hidden_sizes": [1u64 << 40]}}),
            "head.hidden_sizes",
        ),
        (
            "bert_wide",
            "finetune",
            json!({"pooling": {}, "head": {"kind": "cosine", "projection": u64::MAX}}),
            "head.projection",
        ),
        (
            "electra_wide",
            "num_attention_heads",
            json!(0),
            "num_attention_heads",
        ),
        (
            "bert_wide",
            "num_hidden_layers",
            json!(1_000_000_000_000u64),
            "num_hidden_layers",
        ),
        ("bert_wide", "type_vocab_size", json!(0), "type_vocab_size"),
        ("modernbert", "local_attention", json!(0), "local_attention"),
        (
            "modernbert",
            "layer_types",
            json!(["full_attention"]),
            "layer_types",
        ),
        (
            "modernbert",
            "rope_scaling",
            json!({"rope_type": "yarn"}),
            "rope_scaling",
        ),
        ("modernbert", "num_attention_heads", json!(8), "hidden_size"),
        ("modernbert", "norm_eps", json!(0), "norm_eps"),
        (
            "modernbert",
            "attention_dropout",
            json!(1),
            "attention_dropout",
        ),
        (
            "roberta_wide",
            "pad_token_id",
            json!(u64::MAX),
            "max_position_embeddings",
        ),
        (
            "roberta_wide",
            "max_position_embeddings",
            json!(2),
            "max_position_embeddings",
        ),
        ("electra_wide", "embedding_size", json!(0), "embedding_size"),
        (
            "roberta_wide",
            "hidden_dropout_prob",
            json!(1.0),
            "hidden_dropout_prob",
        ),
    ] {
        let error = family_config(case, key, Some(value));
        assert!(
            matches!(&error, ModelError::InvalidConfigFile { path, key, .. }
                if key == named && path.ends_with("config.json")),
            "{error:?}"
        );
    }
    for (case, key, value) in [
        ("bert_wide", "model_type", "gpt2"),
        ("distilbert_wide", "activation", "mish"),
        ("roberta_wide", "hidden_act", "gelu_10"),
        ("electra_wide", "position_embedding_type", "relative_key"),
        ("modernbert", "hidden_activation", "mish"),
        ("modernbert", "classifier_activation", "mish"),
        ("modernbert", "classifier_pooling", "max"),
        ("eurobert", "classifier_pooling", "cls"),
        ("nomic_bert", "position_embedding_type", "relative_key"),
    ] {
        let error = family_config(case, key, Some(json!(value)));
        let named = format!("{key} is {value}, supported: ");
        assert!(error.to_string().contains(&named), "{error}");
    }
}

/// The code of a checkpoint is not run.
#[test]
fn a_model_with_code_of_its_own_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let keys = json!({
        "model_type": "neobert",
        "auto_map": {"AutoModel": "model.NeoBERT"},
    });
    std::fs::write(folder.path().join("config.json"), keys.to_string()).unwrap();
    let error = CheckpointConfig::read(folder.path())
        .unwrap_err()
        .to_string();
    let expected = "model_type is neobert, a model with code of its own (auto_map), which is not run, \
                    supported: bert, ";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn layers_that_share_their_parameters_otherwise_are_refused() {
    for (key, value, problem) in [
        ("inner_group_num", json!(2), "is 2, supported: 1"),
        (
            "num_hidden_groups",
            json!(6),
            "is 6, expected in 1..=5, the layers",
        ),
        (
            "num_hidden_groups",
            json!(0),
            "is 0, expected in 1..=5, the layers",
        ),
    ] {
        let error = family_config("albert", key, Some(value)).to_string();
        assert!(error.contains(key) && error.contains(problem), "{error}");
    }
}

#[test]
fn a_decoder_of_its_own_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(Path::new(CHECKPOINT).join(file), folder.path().join(file)).unwrap();
    }
    let tied = "\"tie_word_embeddings\": true";
    edit_config(folder.path(), tied, "\"tie_word_embeddings\": false");
    let error = load_masked_lm(folder.path(), 0, &Device::flex()).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with("tie_word_embeddings is false, supported: true"),
        "{message}"
    );
}

#[test]
fn a_checkpoint_of_another_family_lacks_its_first_tensor() {
    let error = load(|folder| edit_config(folder, "\"bert\"", "\"roberta\""));
    let expected = "tensor roberta.embeddings.word_embeddings.weight is missing";
    assert!(error.to_string().ends_with(expected), "{error}");
}

/// Ids, positions and texts that a model has no place for, in every family.
#[test]
fn batches_that_do_not_fit() {
    for family in Family::ALL {
        let encoder = EncoderConfig {
            vocab_size: 10,
            hidden_size: 4,
            num_attention_heads: 1,
            num_hidden_layers: 1,
            intermediate_size: 4,
            max_position_embeddings: 6,
            ..EncoderConfig::base(family)
        };
        let longest = encoder.max_sequence_length();
        let names = ["no", "yes"].map(String::from);
        let config = SequenceClassifierConfig::new(encoder.clone(), names.into());
        let device = Device::flex();
        let model = init_weights(config.init(&device).unwrap(), 0.02, 1);
        let input = |id: u32, length: usize| {
            let (ids, mask) = (vec![id; length], vec![true; length]);
            EncoderInput::from_padded(&model.encoder, &ids, &vec![0; length], &mask, [1, length])
        };
        let fits = input(9, longest).unwrap();
        for error in [input(10, 1), input(u32::MAX, 1), input(9, longest + 1)] {
            let error = error.unwrap_err();
            assert!(
                matches!(error, ModelError::OutsideEmbedding { .. }),
                "{error:?}"
            );
        }
        let error = model.forward((&fits, &fits), None).unwrap_err();
        assert_eq!(error.to_string(), "the head is for 1 texts, got 2");

        let model = init_weights(encoder.init_masked_lm(&device).unwrap(), 0.02, 1);
        let error = model.forward(&fits, &[0, longest], None).unwrap_err();
        let expected = format!("masked position {longest} in a batch of {longest} tokens");
        assert_eq!(error.to_string(), expected);
        let error = model.forward(&fits, &[], None).unwrap_err();
        assert_eq!(error.to_string(), "no masked position in the batch");
    }
}
