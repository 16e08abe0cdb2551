//! Random text of all planes of Unicode, against transformers' `AutoTokenizer`, for the classes of
//! ALBERT, DeBERTa-v2 and MPNet; from `unicode/generate.py`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use finetune_data::{EncodedRow, EncodingConfig, TextTokenizer};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Expected {
    texts: Vec<String>,
    pairs: Vec<[usize; 2]>,
    families: BTreeMap<String, Rows>,
}

#[derive(Deserialize)]
struct Rows {
    single: Vec<String>,
    /// Token ids, and token types if the model gets them.
    pairs: Vec<[String; 2]>,
}

fn folder(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/unicode");
    tests.join(name)
}

fn expected() -> Expected {
    let file = fs::File::open(folder("expected.json.gz")).unwrap();
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn ids(row: &EncodedRow<'_>) -> String {
    let ids: Vec<String> = row.token_ids.iter().map(u32::to_string).collect();
    ids.join(" ")
}

/// A copy of a folder whose settings say which inputs the model gets.
fn with_inputs(name: &str, inputs: &[&str]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let path = copy.path().join("tokenizer_config.json");
    let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    settings["model_input_names"] = json!(inputs);
    fs::write(path, settings.to_string()).unwrap();
    copy
}

#[test]
fn random_text_has_the_ids_of_transformers() {
    let expected = expected();
    let (texts, config) = (&expected.texts, EncodingConfig::new(10_000));
    assert_eq!(expected.families.len(), 3);
    for (family, rows) in &expected.families {
        let original = TextTokenizer::from_pretrained(&folder(family)).unwrap();
        let saved = tempfile::tempdir().unwrap();
        original.save(saved.path()).unwrap();
        let saved = TextTokenizer::from_pretrained(saved.path()).unwrap();
        for tokenizer in [original, saved] {
            let encoded = tokenizer.encode(texts, &config).unwrap();
            for (number, ids_of_row) in rows.single.iter().enumerate() {
                let row = encoded.row(number).unwrap();
                assert_eq!(ids(&row), *ids_of_row, "{family}: {:?}", texts[number]);
            }
        }
    }
}

#[test]
fn random_pairs_have_the_ids_and_types_of_transformers() {
    let expected = expected();
    let config = EncodingConfig::new(10_000);
    let pairs: Vec<(&str, &str)> = expected
        .pairs
        .iter()
        .map(|[first, second]| (&*expected.texts[*first], &*expected.texts[*second]))
        .collect();
    for (family, rows) in &expected.families {
        let has_types = !rows.pairs[0][1].is_empty();
        // The versions of transformers differ in whether ALBERT gets types, so its file has to say it.
        let copy = with_inputs(family, &["input_ids", "attention_mask"]);
        let source = match family.as_str() {
            "albert" => {
                let unsaid = TextTokenizer::from_pretrained(&folder(family)).unwrap();
                let error = unsaid.encode_pairs(&pairs, &config).unwrap_err();
                assert!(error.to_string().contains("model_input_names"), "{error}");
                copy.path().to_path_buf()
            }
            _ => folder(family),
        };
        let tokenizer = TextTokenizer::from_pretrained(&source).unwrap();
        let encoded = tokenizer.encode_pairs(&pairs, &config).unwrap();
        for (number, [ids_of_row, types]) in rows.pairs.iter().enumerate() {
            let row = encoded.row(number).unwrap();
            assert_eq!(ids(&row), *ids_of_row, "{family}: {:?}", pairs[number]);
            let found: String = row.token_type_ids().map(|kind| kind.to_string()).collect();
            match has_types {
                true => assert_eq!(found, *types, "{family}: {:?}", pairs[number]),
                false => assert!(found.chars().all(|kind| kind == '0'), "{family}"),
            }
        }
    }
}
