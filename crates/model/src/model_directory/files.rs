//! Choice of the files of a model among those of its repository, which may also have weights for other
//! frameworks, of other precisions, or exported models.

use std::collections::BTreeSet;

use crate::checkpoint::MODEL_FILES;

/// Files of an encoder, its tokenizer and the preparation of its texts.
const ENCODER_FILES: [&str; 11] = [
    "config.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "text_preprocessing.json",
    "config_sentence_transformers.json",
];
const MODULES: &str = "modules.json";

/// Returns the files to load a model, or what is missing.
pub(super) fn select(files: &[String]) -> Result<Vec<String>, String> {
    let all: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    let mut directories = BTreeSet::from([String::new()]);
    if all.contains(MODULES) {
        directories.extend(all.iter().filter_map(|file| module_directory(file)));
    }
    let mut chosen: Vec<String> = all
        .get(MODULES)
        .map(|&file| file.to_owned())
        .into_iter()
        .collect();
    let mut has_model = false;
    for directory in &directories {
        let there = |name: &&str| all.contains(&format!("{directory}{name}")[..]);
        let named = ENCODER_FILES.iter().copied().filter(|name| there(name));
        chosen.extend(named.map(|name| format!("{directory}{name}")));
        let weights = weights(&all, directory);
        has_model |= !weights.is_empty() && there(&"config.json");
        chosen.extend(weights);
    }
    match has_model {
        true => Ok(chosen),
        false => {
            let weights: Vec<&str> = MODEL_FILES.iter().map(|(name, _)| *name).collect();
            Err(format!("config.json with {}", weights.join(" or ")))
        }
    }
}

/// Returns the directory of a file of a module, such as `1_Pooling/` for `1_Pooling/config.json`.
fn module_directory(file: &str) -> Option<String> {
    let (directory, _) = file.split_once('/')?;
    let (number, _) = directory.split_once('_')?;
    number.parse::<u32>().ok()?;
    Some(format!("{directory}/"))
}

/// Returns the weights in the layout that is read in preference: one file, or an index with its shards.
fn weights(all: &BTreeSet<&str>, directory: &str) -> Vec<String> {
    for (name, _) in MODEL_FILES {
        let path = format!("{directory}{name}");
        if !all.contains(&path[..]) {
            continue;
        }
        // `model.safetensors` of `model.safetensors.index.json`, with shards like
        // `model-00001-of-00002.safetensors`.
        let shards = name
            .strip_suffix(".index.json")
            .and_then(|whole| whole.rsplit_once('.'));
        let shards = shards.map(|(stem, extension)| {
            let is_shard = move |file: &&&str| {
                let number = file.strip_prefix(directory).and_then(|name| {
                    let rest = name.strip_prefix(stem)?.strip_prefix('-')?;
                    rest.strip_suffix(extension)?.strip_suffix('.')
                });
                number.is_some_and(|number| !number.contains('/'))
            };
            all.iter().filter(is_shard).map(|&file| file.to_owned())
        });
        return std::iter::once(path)
            .chain(shards.into_iter().flatten())
            .collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(files: &[&str]) -> Vec<String> {
        let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        select(&files).unwrap()
    }

    #[test]
    fn one_layout_of_the_weights_is_chosen_and_nothing_for_others() {
        let files = [
            "README.md",
            "config.json",
            "model.onnx",
            "model.safetensors",
            "onnx/config.json",
            "pytorch_model.bin",
            "tf_model.h5",
            "tokenizer.json",
            "vocab.txt",
        ];
        let expected = [
            "config.json",
            "tokenizer.json",
            "vocab.txt",
            "model.safetensors",
        ];
        assert_eq!(selected(&files), expected);
        assert_eq!(
            selected(&["config.json", "pytorch_model.bin", "merges.txt"]),
            ["config.json", "merges.txt", "pytorch_model.bin"]
        );
    }

    #[test]
    fn an_index_comes_with_its_shards() {
        let shards = [
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.fp16-00001-of-00001.safetensors",
            "model.safetensors.index.json",
            "other/model-00001-of-00002.safetensors",
            "pytorch_model-00001-of-00001.bin",
            "pytorch_model.bin.index.json",
        ];
        assert_eq!(
            selected(&shards),
            [
                "config.json",
                "model.safetensors.index.json",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
            ]
        );
        assert_eq!(
            selected(&[shards[0], shards[6], shards[7]]),
            [shards[0], shards[7], shards[6]]
        );
    }

    #[test]
    fn an_embedding_model_has_modules_in_subdirectories() {
        let files = [
            "0_Transformer/config.json",
            "0_Transformer/pytorch_model.bin",
            "0_Transformer/vocab.txt",
            "1_Pooling/config.json",
            "2_Dense/config.json",
            "2_Dense/model.safetensors",
            "2_Dense/pytorch_model.bin",
            "modules.json",
            "openvino/config.json",
        ];
        assert_eq!(
            selected(&files),
            [
                "modules.json",
                "0_Transformer/config.json",
                "0_Transformer/vocab.txt",
                "0_Transformer/pytorch_model.bin",
                "1_Pooling/config.json",
                "2_Dense/config.json",
                "2_Dense/model.safetensors",
            ]
        );
    }

    #[test]
    fn a_repository_without_a_model_is_refused() {
        for files in [
            &["config.json"][..],
            &["model.safetensors"],
            &["tf_model.h5"],
            &[],
        ] {
            let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
            let missing = select(&files).unwrap_err();
            assert!(missing.starts_with("config.json with model.safetensors or"));
        }
    }
}
