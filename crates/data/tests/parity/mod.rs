use std::fs;
use std::path::{Path, PathBuf};

use finetune_data::{EncodingConfig, TextTokenizer};
use serde_json::{Map, Value};

mod encodings;
mod tokenizer_files;
mod unicode;
mod words;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/tokenizers")
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(fixtures().join("expected.json")).unwrap()).unwrap()
}

fn texts() -> Map<String, Value> {
    object(&expected()["texts"]).clone()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

/// Encodes all texts at once and compares every row with the ids of `transformers`.
fn assert_same_ids(tokenizer: &TextTokenizer, casing: &str, source: &str) {
    let expected = expected();
    let texts: Vec<&str> = object(&expected["texts"])
        .values()
        .map(|text| text.as_str().unwrap())
        .collect();
    assert!(texts.len() > 20);
    let cut = expected["max_length"].as_u64().unwrap() as usize;
    for (kind, max_length) in [("full", 100_000), ("truncated", cut)] {
        let config = EncodingConfig::new(max_length);
        let encoded = tokenizer.encode(&texts, &config).unwrap();
        let all = object(&expected["ids"][casing][kind]);
        assert_eq!(encoded.len(), all.len());
        for (row, (name, ids)) in all.iter().enumerate() {
            let row = encoded.row(row).unwrap();
            let found: Vec<String> = row.token_ids.iter().map(u32::to_string).collect();
            assert_eq!(
                found.join(" "),
                ids.as_str().unwrap(),
                "{source}, {casing}, {kind}: {name}"
            );
            assert!(row.token_type_ids().all(|token_type| token_type == 0));
        }
        let longer = |name: &str| {
            let full = expected["ids"][casing]["full"][name].as_str().unwrap();
            full.split(' ').count() > max_length
        };
        let truncated = all.keys().filter(|name| longer(name)).count();
        assert_eq!(encoded.truncated_count().unwrap(), truncated);
    }
}

/// A folder with the vocabulary and a config, as the older checkpoints are published.
fn vocabulary_folder(lowercase: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        fixtures().join("vocab.txt"),
        folder.path().join("vocab.txt"),
    )
    .unwrap();
    let config = format!("{{\"do_lower_case\": {lowercase}}}");
    fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
    folder
}

#[test]
fn vocab_txt_gives_the_ids_of_transformers() {
    for (casing, lowercase) in [("uncased", true), ("cased", false)] {
        let folder = vocabulary_folder(lowercase);
        let tokenizer = TextTokenizer::from_pretrained(folder.path()).unwrap();
        assert_same_ids(&tokenizer, casing, "vocab.txt");
    }
}

/// The fixtures carry truncation to 8 and padding to 32 tokens, which must not show.
#[test]
fn tokenizer_json_gives_the_ids_of_transformers() {
    for casing in ["uncased", "cased"] {
        let tokenizer = TextTokenizer::from_pretrained(&fixtures().join(casing)).unwrap();
        assert_same_ids(&tokenizer, casing, "tokenizer.json");
    }
}

#[test]
fn what_we_save_gives_the_ids_of_transformers() {
    for (casing, lowercase) in [("uncased", true), ("cased", false)] {
        let original = vocabulary_folder(lowercase);
        let saved = tempfile::tempdir().unwrap();
        TextTokenizer::from_pretrained(original.path())
            .unwrap()
            .save(saved.path())
            .unwrap();
        assert_same_ids(
            &TextTokenizer::from_pretrained(saved.path()).unwrap(),
            casing,
            "saved json",
        );
        fs::remove_file(saved.path().join("tokenizer.json")).unwrap();
        assert_same_ids(
            &TextTokenizer::from_pretrained(saved.path()).unwrap(),
            casing,
            "saved vocab",
        );
    }
}
