//! Sentences whose words are known, against transformers; `generate.py` made `expected.json`.

use std::fs;

use finetune_data::{EncodingConfig, TextTokenizer};
use serde::Deserialize;
use serde_json::Value;

use super::{fixtures, object};

#[derive(Deserialize)]
struct Sentence {
    words: Vec<String>,
    ids: Vec<u32>,
    starts: Vec<u8>,
}

fn tokenizer(name: &str) -> TextTokenizer {
    let folder = tempfile::tempdir().unwrap();
    // RoBERTa's files do not say that words begin with a space.
    let files = match name {
        "roberta" => &["vocab.json", "merges.txt"][..],
        _ => &["tokenizer.json"],
    };
    for file in files {
        let source = fixtures().join(name).join(file);
        fs::copy(source, folder.path().join(file)).unwrap();
    }
    if name == "roberta" {
        fs::write(folder.path().join("tokenizer_config.json"), "{}").unwrap();
    }
    TextTokenizer::from_pretrained(folder.path()).unwrap()
}

#[test]
fn words_have_the_tokens_of_transformers() {
    let expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(object(&expected).len(), 3);
    for (name, sentences) in object(&expected) {
        let sentences: Vec<Sentence> = serde_json::from_value(sentences.clone()).unwrap();
        let words: Vec<&Vec<String>> = sentences.iter().map(|sentence| &sentence.words).collect();
        let config = EncodingConfig::new(100);
        let encoded = tokenizer(name).encode_words(&words, &config).unwrap();
        for (row, sentence) in sentences.iter().enumerate() {
            let found = encoded.row(row).unwrap();
            assert_eq!(
                found.token_ids, sentence.ids,
                "{name}: {:?}",
                sentence.words
            );
            let starts: Vec<u8> = found.word_starts().map(u8::from).collect();
            assert_eq!(starts, sentence.starts, "{name}: {:?}", sentence.words);
        }
    }
}
