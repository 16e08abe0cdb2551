//! Indices of shards that cannot be followed.

use burn::tensor::Device;
use finetune_model::{ModelError, load_encoder};

use super::{copy_of, load, replace};

#[test]
fn an_index_that_cannot_be_followed() {
    let index = "model.safetensors.index.json";
    let shard = "model-00002-of-00002.safetensors";
    let edited =
        |from: &str, to: &str| load("sharded", |folder| replace(&folder.join(index), from, to));

    for text in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"weight_map": ["a"]}"#,
        r#"{"weight_map": {"a": 1}}"#,
    ] {
        let error = load("sharded", |folder| {
            std::fs::write(folder.join(index), text).unwrap()
        });
        assert!(matches!(&error, ModelError::Json { .. }), "{error:?}");
        assert!(error.to_string().contains(index), "{error}");
    }

    let error = load("sharded", |folder| {
        std::fs::remove_file(folder.join(shard)).unwrap()
    });
    let message = error.to_string();
    assert!(
        message.ends_with(&format!("shard {shard} is missing")),
        "{error}"
    );

    for climbing in [
        "../x.safetensors",
        "/etc/passwd",
        "a/../b.safetensors",
        "..",
    ] {
        let error = edited(shard, climbing);
        let named =
            format!("{index}: shard {climbing:?}, expected a file in the directory of the index");
        assert!(error.to_string().contains(&named), "{error}");
    }

    let error = edited(
        "\"embeddings.LayerNorm.bias\"",
        "\"embeddings.LayerNorm.beta\"",
    );
    let message = error.to_string();
    let expected =
        "tensor embeddings.LayerNorm.beta is not in shard model-00001-of-00002.safetensors";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn a_shard_outside_the_folder_is_not_even_opened() {
    let outside = tempfile::tempdir().unwrap();
    let (inside, shard) = (
        outside.path().join("inside"),
        "model-00002-of-00002.safetensors",
    );
    std::fs::rename(copy_of("sharded").keep(), &inside).unwrap();
    // A good shard, in the folder above.
    std::fs::rename(inside.join(shard), outside.path().join(shard)).unwrap();
    replace(
        &inside.join("model.safetensors.index.json"),
        shard,
        &format!("../{shard}"),
    );
    let error = load_encoder(&inside, &Device::flex()).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("expected a file in the directory of the index"),
        "{message}"
    );
}
