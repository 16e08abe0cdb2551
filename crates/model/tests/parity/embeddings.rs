//! Embedding models of sentence-transformers, from `embeddings/generate.py`: embeddings, gradients,
//! and what is saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use finetune_golden::Golden;
use finetune_model::{
    DenseConfig, DropoutStream, EmbeddingCheckpoint, EmbeddingModel, EmbeddingModelConfig, Encoder,
    EncoderInput, SimilarityFunction, TensorNames, TokenPooling, load_embedding_model,
    load_embedding_model_with, save_embedding_model,
};
use serde_json::{Value, json};

use super::{Errors, device_and_tolerance, golden_input, gradients_by_name, host};

const CASES: [&str; 6] = ["mean", "cls", "max", "weighted", "last", "sqrt"];
/// Those in the layout of version 2 and earlier.
const OLDER: [&str; 2] = ["weighted", "last"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/embeddings")
}

fn golden() -> Golden {
    Golden::read(&folder().join("expected.safetensors"))
}

/// The sum of the embeddings, weighted by those of the golden file.
fn weighted(golden: &Golden, embeddings: Tensor<2>) -> Tensor<1> {
    let (values, shape) = golden.floats("weights");
    let device = embeddings.device();
    let weights = Tensor::<2>::from_data(TensorData::new(values, shape), &device);
    let [rows, width] = embeddings.dims();
    (embeddings * weights.slice([0..rows, 0..width])).sum()
}

fn gradients(model: &EmbeddingModel, gradients: &Gradients) -> BTreeMap<String, Vec<f32>> {
    let names = TensorNames::of_encoder(model.config().encoder.family);
    let mut named = gradients_by_name(&model.encoder, &names, gradients);
    if let Some(dense) = &model.dense {
        let weight = dense.linear.weight.val().grad(gradients).unwrap();
        named.insert("dense.linear.weight".into(), host(weight.transpose()));
        if let Some(bias) = &dense.linear.bias {
            let bias = bias.val().grad(gradients).unwrap();
            named.insert("dense.linear.bias".into(), host(bias));
        }
    }
    named
}

#[test]
fn embeddings_and_gradients_equal_sentence_transformers() {
    let (device, tolerance) = device_and_tolerance();
    let golden = golden();
    for case in CASES {
        let directory = folder().join(case);
        let (model, _, report) =
            load_embedding_model(&directory, &device.clone().autodiff()).unwrap();
        assert!(report.newly_initialized.is_empty(), "{report}");
        let embeddings = model.embed(&golden_input(&golden, &model.encoder), None);
        let mut errors = Errors::within(tolerance);
        let expected = golden.floats(&format!("{case}.embeddings")).0;
        errors.compare("embeddings", &host(embeddings.clone()), &expected);
        let found = gradients(&model, &weighted(&golden, embeddings).backward());
        let prefix = format!("{case}.grad.");
        let listed = golden.names();
        let names: Vec<_> = listed
            .iter()
            .filter_map(|name| name.strip_prefix(&prefix))
            .collect();
        assert!(names.len() >= 3, "{names:?}");
        for name in names {
            let expected = golden.floats(&format!("{prefix}{name}")).0;
            errors.compare(name, &found[name], &expected);
        }
        errors.report(case);
    }
}

/// A chunk that is computed again has the same embeddings and gradients, with dropout, bit for bit.
#[test]
fn embeddings_may_be_computed_again() {
    let golden = golden();
    let device = Device::flex();
    for case in CASES {
        let directory = folder().join(case);
        let (model, ..) = load_embedding_model(&directory, &device.clone().autodiff()).unwrap();
        let plain: Encoder = burn::module::Module::valid(&model.encoder);
        let inputs = || -> [EncoderInput; 2] {
            [
                golden_input(&golden, &model.encoder),
                golden_input(&golden, &plain),
            ]
        };
        let dropout = Some(DropoutStream::new(3, 1));
        let run = |embeddings: Tensor<2>| {
            let values = host(embeddings.clone());
            let found = weighted(&golden, embeddings).backward();
            (values, gradients(&model, &found))
        };
        let kept = run(model.embed(&inputs()[0], dropout));
        let [input, plain_input] = inputs();
        let again = run(model.embed_recomputed(input, plain_input, dropout));
        assert_eq!(again, kept, "{case}");
        let without = run(model.embed(&inputs()[0], None));
        assert_ne!(without.0, kept.0, "{case}");
    }
}

/// What is saved is what was loaded, file by file where sentence-transformers reads it.
#[test]
fn a_saved_model_loads_as_it_was() {
    for case in CASES {
        let directory = folder().join(case);
        let (model, checkpoint, _) = load_embedding_model(&directory, &Device::flex()).unwrap();
        let saved = tempfile::tempdir().unwrap();
        save_embedding_model(saved.path(), &model, &checkpoint).unwrap();
        let read = |directory: &Path, file: &str| -> Value {
            let text = std::fs::read_to_string(directory.join(file)).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let mut files = vec!["modules.json", "1_Pooling/config.json"];
        files.extend((case != "mean").then_some("2_Dense/config.json"));
        files.push("config_sentence_transformers.json");
        // What is saved has the layout of the current version.
        files.retain(|_| !OLDER.contains(&case));
        for file in files {
            let mut expected = read(&directory, file);
            if let Some(keys) = expected.as_object_mut() {
                keys.remove("__version__");
            }
            assert_eq!(read(saved.path(), file), expected, "{case} {file}");
        }
        let (again, read, report) = load_embedding_model(saved.path(), &Device::flex()).unwrap();
        assert!(
            report.unexpected.is_empty() && report.newly_initialized.is_empty(),
            "{report}"
        );
        assert_eq!(read.model, checkpoint.model);
        assert_eq!(
            (read.prompts, read.similarity, read.do_lower_case),
            (
                checkpoint.prompts.clone(),
                checkpoint.similarity,
                checkpoint.do_lower_case
            )
        );
        let golden = golden();
        let embed = |model: &EmbeddingModel| {
            host(model.embed(&golden_input(&golden, &model.encoder), None))
        };
        assert_eq!(embed(&again), embed(&model), "{case}");
    }
}

/// A copy of a case with one of its files replaced.
fn with_file(case: &str, file: &str, content: &Value) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_directory(&folder().join(case), copy.path());
    std::fs::write(copy.path().join(file), content.to_string()).unwrap();
    copy
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_directory(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn directories_of_earlier_versions_and_bare_encoders_load() {
    let old = json!({
        "word_embedding_dimension": 16, "pooling_mode_cls_token": false,
        "pooling_mode_mean_tokens": false, "pooling_mode_max_tokens": true,
    });
    let directory = with_file("mean", "1_Pooling/config.json", &old);
    let settings = json!({"max_seq_length": 9, "do_lower_case": false});
    std::fs::write(
        directory.path().join("sentence_bert_config.json"),
        settings.to_string(),
    )
    .unwrap();
    let read = EmbeddingCheckpoint::read(directory.path()).unwrap();
    assert_eq!(
        (read.model.pooling, read.max_seq_length),
        (TokenPooling::Max, Some(9))
    );
    assert!(read.model.normalize);
    std::fs::remove_file(directory.path().join("modules.json")).unwrap();
    let bare = EmbeddingCheckpoint::read(directory.path()).unwrap();
    let encoder = bare.model.encoder.clone();
    assert_eq!(bare.model, EmbeddingModelConfig::new(encoder));

    // A new dense layer on it is drawn from the seed.
    let config = EmbeddingModelConfig {
        dense: Some(DenseConfig::new(4)),
        ..bare.model.clone()
    };
    let load = |seed| {
        let (model, report) =
            load_embedding_model_with(&bare, &config, seed, &Device::flex()).unwrap();
        assert_eq!(
            report.newly_initialized,
            ["dense.linear.weight", "dense.linear.bias"]
        );
        host(model.dense.unwrap().linear.weight.val())
    };
    assert_eq!(load(1), load(1));
    assert_ne!(load(1), load(2));
}

#[test]
fn what_is_not_supported_is_named_with_file_and_key() {
    let message = |case: &str, file: &str, content: Value| {
        let directory = with_file(case, file, &content);
        EmbeddingCheckpoint::read(directory.path())
            .unwrap_err()
            .to_string()
    };
    let pooling = |mode: Value| {
        message(
            "mean",
            "1_Pooling/config.json",
            json!({"pooling_mode": mode}),
        )
    };
    let found = pooling(json!("median"));
    let known = "mean, cls, max, mean_sqrt_len_tokens, weightedmean, lasttoken";
    let expected = format!("pooling_mode is median, supported: one of {known}");
    assert!(found.ends_with(&expected), "{found}");
    let found = pooling(json!(["cls", "max"]));
    assert!(
        found.contains("pooling_mode is [\"cls\",\"max\"]"),
        "{found}"
    );
    let module = |class: &str, path: &str| json!({"path": path, "type": class});
    let modules = json!([
        module("x.Transformer", ""),
        module("x.Pooling", "1_Pooling"),
        module("x.CNN", "2")
    ]);
    let found = message("mean", "modules.json", modules);
    assert!(
        found.contains("has the module x.CNN, supported: Transformer, Pooling"),
        "{found}"
    );
    let found = message("mean", "modules.json", json!([module("x.Transformer", "")]));
    assert!(
        found.ends_with("type has no module Pooling after the Transformer"),
        "{found}"
    );
    let dense = |key: &str, value: Value| {
        let mut keys = json!({"in_features": 16, "out_features": 6, "bias": true});
        keys[key] = value;
        message("cls", "2_Dense/config.json", keys)
    };
    let found = dense(
        "activation_function",
        json!("torch.nn.modules.activation.Softmax"),
    );
    assert!(
        found.ends_with("Softmax, supported: Tanh, Identity, ReLU, GELU, Sigmoid"),
        "{found}"
    );
    let found = dense("in_features", json!(8));
    assert!(
        found.ends_with("in_features is 8, supported: 16"),
        "{found}"
    );
}

#[test]
fn the_layout_of_earlier_versions_says_the_same() {
    let read = |case: &str| EmbeddingCheckpoint::read(&folder().join(case)).unwrap();
    let weighted = read("weighted");
    assert_eq!(
        weighted.encoder_directory(),
        folder().join("weighted/0_Transformer")
    );
    assert_eq!(
        (weighted.max_seq_length, weighted.do_lower_case),
        (Some(9), true)
    );
    assert_eq!(weighted.similarity, SimilarityFunction::Cosine);
    let last = read("last");
    assert_eq!(
        last.encoder_directory(),
        folder().join("last/0_Transformer")
    );
    assert_eq!(last.similarity, SimilarityFunction::Dot);
    assert_eq!(last.prompts.prompt(None), Some("query: "));
    assert_eq!(last.prompts.prompt(Some("document")), Some(""));

    // Before version 0.4, each family had a class and a file of its own.
    let module = |class: &str, path: &str| json!({"path": path, "type": class});
    let modules = json!([
        module("sentence_transformers.models.RoBERTa", ""),
        module("sentence_transformers.models.Pooling", "1_Pooling"),
    ]);
    let directory = with_file("mean", "modules.json", &modules);
    std::fs::remove_file(directory.path().join("sentence_bert_config.json")).unwrap();
    let settings = directory.path().join("sentence_roberta_config.json");
    std::fs::write(&settings, r#"{"max_seq_length": 7}"#).unwrap();
    let found = EmbeddingCheckpoint::read(directory.path()).unwrap();
    assert_eq!(
        (found.max_seq_length, found.model.normalize),
        (Some(7), false)
    );
}

#[test]
fn settings_that_contradict_each_other_are_named() {
    let message = |file: &str, content: Value| {
        let directory = with_file("mean", file, &content);
        let found = EmbeddingCheckpoint::read(directory.path());
        found.unwrap_err().to_string()
    };
    let settings = "config_sentence_transformers.json";
    let found = message(settings, json!({"similarity_fn_name": "jaccard"}));
    let expected = "similarity_fn_name is jaccard, supported: cosine, dot, euclidean, manhattan";
    assert!(found.ends_with(expected), "{found}");
    let prompts = json!({"prompts": {"query": "q: "}, "default_prompt_name": "title"});
    let found = message(settings, prompts);
    let expected = "default_prompt_name is title, expected one of the prompts: document, query";
    assert!(found.ends_with(expected), "{found}");
    let encoder = "sentence_bert_config.json";
    let found = message(encoder, json!({"do_lower_case": "yes"}));
    assert!(
        found.ends_with("do_lower_case is \"yes\", expected true or false"),
        "{found}"
    );
    let found = message(encoder, json!({"max_seq_length": -1}));
    assert!(
        found.ends_with("max_seq_length is -1, expected a number of tokens"),
        "{found}"
    );
}

#[test]
#[ignore = "needs FINETUNE_PYTHON, a Python with sentence-transformers"]
fn sentence_transformers_loads_what_is_saved() {
    let python = std::env::var_os("FINETUNE_PYTHON").unwrap();
    let saved = tempfile::tempdir().unwrap();
    for case in CASES {
        let directory = folder().join(case);
        let (model, mut checkpoint, _) = load_embedding_model(&directory, &Device::flex()).unwrap();
        checkpoint.max_seq_length = Some(9);
        let target = saved.path().join(case);
        save_embedding_model(&target, &model, &checkpoint).unwrap();
        for file in ["tokenizer.json", "tokenizer_config.json"] {
            let from = checkpoint.encoder_directory().join(file);
            std::fs::copy(from, target.join(file)).unwrap();
        }
    }
    let output = Command::new(python)
        .arg(folder().join("check.py"))
        .arg(saved.path())
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{problem}");
    assert!(text.contains("6 models load"), "{text}");
}
