//! All that an encoding holds, against transformers' fast tokenizers: ids, token types, masks,
//! offsets and words, of texts and pairs, whole, cut and in windows.

use std::fs;
use std::path::Path;

use finetune_data::{
    DataError, EncodedRow, EncodedTexts, EncodingConfig, Offsets, TextTokenizer, collate_texts,
};
use serde_json::{Map, Value};

use super::{fixtures, object, texts, vocabulary_folder};

const ROBERTA: [&str; 3] = ["roberta", "roberta_prefix", "roberta_untrimmed"];

/// `vocab.json` and `merges.txt` as published, with the settings of a variant.
fn roberta_folder(variant: &str) -> tempfile::TempDir {
    let (folder, source) = (tempfile::tempdir().unwrap(), fixtures().join("roberta"));
    for name in ["vocab.json", "merges.txt"] {
        fs::copy(source.join(name), folder.path().join(name)).unwrap();
    }
    let configs: Value =
        serde_json::from_slice(&fs::read(source.join("configs.json")).unwrap()).unwrap();
    let config = configs[variant].to_string();
    fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
    folder
}

fn load(folder: &Path) -> TextTokenizer {
    TextTokenizer::from_pretrained(folder).unwrap()
}

fn encodings(name: &str) -> Value {
    let path = fixtures()
        .join("encodings")
        .join(name)
        .with_extension("json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn digits(values: impl Iterator<Item = u32>) -> String {
    values.map(|value| value.to_string()).collect()
}

fn ids(ids: &[u32]) -> String {
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    ids.join(" ")
}

/// A row as the generator writes it.
fn line(row: EncodedRow<'_>, words: bool) -> String {
    let offsets: Vec<String> = row
        .offsets()
        .unwrap()
        .iter()
        .map(|[start, end]| format!("{start},{end}"))
        .collect();
    let mut parts = vec![
        ids(row.token_ids),
        digits(row.token_type_ids()),
        digits(row.special_tokens_mask().map(u32::from)),
        offsets.join(" "),
    ];
    if words {
        parts.push(digits(row.word_starts().map(u32::from)));
    }
    parts.join("|")
}

/// The rows of a text or a pair encoded with these settings, `None` where transformers refuses.
fn lines(
    encoded: Result<EncodedTexts, DataError>,
    words: bool,
    expected: &Value,
) -> Option<Vec<String>> {
    let encoded = match encoded {
        Ok(encoded) => encoded,
        Err(DataError::UntruncatedTextTooLong { pair: 1, .. }) => return None,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(encoded.text_count(), 1);
    let cut_in_windows = expected.as_array().is_some_and(|rows| rows.len() > 1);
    Some(
        (0..encoded.len())
            .map(|row| {
                assert_eq!(encoded.text_of_row(row).unwrap(), 0);
                assert!(encoded.is_truncated(row).unwrap() || !cut_in_windows);
                line(encoded.row(row).unwrap(), words)
            })
            .collect(),
    )
}

fn config(settings: &Map<String, Value>) -> EncodingConfig {
    let mut settings = settings.clone();
    settings.shift_remove("rows");
    EncodingConfig {
        offsets: Offsets::Characters,
        ..serde_json::from_value(settings.into()).unwrap()
    }
}

/// Compares everything in one file of the generator; the number of rows compared.
fn assert_same_encodings(tokenizer: &TextTokenizer, name: &str) -> usize {
    let (texts, encodings) = (texts(), encodings(name));
    let text = |name: &str| texts[name].as_str().unwrap();
    let mut compared = 0;
    for (kind, settings) in ["singles", "pairs"].into_iter().flat_map(|kind| {
        encodings[kind]
            .as_array()
            .unwrap()
            .iter()
            .map(move |at| (kind, at))
    }) {
        let config = config(object(settings));
        let words = config.max_length > 1000;
        for (key, expected) in object(&settings["rows"]) {
            let encoded = match key.split_once(" + ") {
                Some((first, second)) if kind == "pairs" => {
                    tokenizer.encode_pairs(&[(text(first), text(second))], &config)
                }
                _ => tokenizer.encode(&[text(key)], &config),
            };
            let found = lines(encoded, words, expected);
            let expected: Option<Vec<String>> = serde_json::from_value(expected.clone()).unwrap();
            assert_eq!(found, expected, "{name}, {config:?}: {key}");
            compared += expected.map_or(1, |rows| rows.len());
        }
    }
    compared
}

fn assert_same_batches(tokenizer: &TextTokenizer, name: &str) {
    let texts = texts();
    for batch in encodings(name)["padded"].as_array().unwrap() {
        let expected: Vec<String> = serde_json::from_value(batch["rows"].clone()).unwrap();
        let texts = texts.values().map(|text| text.as_str().unwrap());
        let texts: Vec<&str> = texts.take(expected.len()).collect();
        let config = EncodingConfig::new(batch["max_length"].as_u64().unwrap() as usize);
        let encoded = tokenizer.encode(&texts, &config).unwrap();
        let rows: Vec<usize> = (0..encoded.len()).collect();
        let found = collate_texts(&encoded, &rows).unwrap();

        for (row, expected) in expected.iter().enumerate() {
            let places = found.sequence_offsets[row]..found.sequence_offsets[row + 1];
            let special = found.special_tokens_mask[places.clone()].iter();
            let parts = [
                ids(&found.token_ids[places.clone()]),
                digits(found.token_type_ids[places].iter().copied()),
                digits(special.map(|&special| special.into())),
            ];
            assert_eq!(parts, without_padding(expected), "{name}: row {row}");
        }
    }
}

/// The token ids, token types and special tokens mask of a padded row, where its mask is 1.
fn without_padding(row: &str) -> [String; 3] {
    let [ids, types, special, mask] = row.split('|').collect::<Vec<_>>().try_into().unwrap();
    let real = |place: &usize| mask.as_bytes()[*place] == b'1';
    let ids: Vec<&str> = ids.split(' ').collect();
    let places: Vec<usize> = (0..mask.len()).filter(real).collect();
    let digits = |digits: &str| {
        places
            .iter()
            .map(|at| digits.as_bytes()[*at] as char)
            .collect()
    };
    let ids: Vec<&str> = places.iter().map(|at| ids[*at]).collect();
    [ids.join(" "), digits(types), digits(special)]
}

/// The folder, what is saved from it, and that without its `tokenizer.json`.
fn assert_same_from_all_files(folder: &Path, name: &str) {
    let saved = tempfile::tempdir().unwrap();
    let original = load(folder);
    original.save(saved.path()).unwrap();
    let from_json = load(saved.path());
    fs::remove_file(saved.path().join("tokenizer.json")).unwrap();
    let from_parts = load(saved.path());
    for tokenizer in [&original, &from_json, &from_parts] {
        assert!(assert_same_encodings(tokenizer, name) > 200);
        assert_same_batches(tokenizer, name);
        assert_eq!(tokenizer.fingerprint(), original.fingerprint());
    }
}

#[test]
fn bert_gives_the_encodings_of_transformers() {
    assert_same_from_all_files(vocabulary_folder(true).path(), "uncased");
}

#[test]
fn roberta_gives_the_encodings_of_transformers() {
    for variant in ROBERTA {
        assert_same_from_all_files(roberta_folder(variant).path(), variant);
    }
}

/// Byte offsets cut out of the text what character offsets count out of it.
#[test]
fn byte_offsets_are_character_offsets_in_bytes() {
    let folders = [vocabulary_folder(true), roberta_folder("roberta")];
    for folder in folders {
        let tokenizer = load(folder.path());
        for text in texts().values().map(|text| text.as_str().unwrap()) {
            let offsets = |offsets| {
                let config = EncodingConfig {
                    offsets,
                    ..EncodingConfig::new(100_000)
                };
                let encoded = tokenizer.encode(&[text], &config).unwrap();
                encoded.row(0).unwrap().offsets().unwrap().to_vec()
            };
            let characters = |byte: u32| text[..byte as usize].chars().count() as u32;
            let bytes = offsets(Offsets::Bytes);
            let converted: Vec<[u32; 2]> = bytes.iter().map(|ends| ends.map(characters)).collect();
            assert_eq!(converted, offsets(Offsets::Characters), "{text:?}");
        }
    }
}

#[test]
fn the_tokens_of_a_masked_language_model_are_known() {
    let tokenizer = load(roberta_folder("roberta").path());
    assert_eq!(tokenizer.mask_token_id(), Some(4));
    assert_eq!(tokenizer.pad_token_id(), 1);
    assert_eq!(tokenizer.special_token_ids(), [0, 1, 2, 3, 4]);
    let highest = tokenizer.vocab_size() as u32 - 1;
    assert!(tokenizer.id_to_token(highest).is_some());
}
