//! Directories whose files say the same thing twice, against transformers' `AutoTokenizer`.
//!
//! With `FINETUNE_SAVED_TOKENIZERS`, what is saved from each directory is kept in that directory
//! for `generate.py check`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use finetune_data::{DataError, EncodingConfig, TextTokenizer};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Value, json};

/// Content of `cases.json.gz`.
#[derive(Deserialize)]
struct Cases {
    bases: BTreeMap<String, Value>,
    texts: Vec<String>,
    pairs: Vec<[usize; 2]>,
    cases: Vec<Case>,
}

/// A directory and what transformers 5.23 makes of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, CaseFile>,
    /// Whether 4.57 does the same: false, true or `types` for other tokens or token types, and
    /// `error` if one of the two refuses.
    other: Value,
    #[serde(flatten)]
    rows: Option<Rows>,
    /// The special tokens that transformers names.
    named: Option<BTreeMap<String, u32>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CaseFile {
    Text {
        text: String,
    },
    Base {
        base: String,
        set: BTreeMap<String, Value>,
    },
}

/// Rows of all texts, then of all pairs.
#[derive(Debug, PartialEq, Deserialize)]
struct Rows {
    ids: Vec<String>,
    types: Vec<String>,
}

/// What may be refused although both versions of transformers do the same: the beginning of the
/// name of a case, and the key that the error names. This crate does not know the class.
const REFUSED: [(&str, &str); 2] = [
    ("class: MPNetTokenizer", "tokenizer_class"),
    (
        "class: MPNetTokenizer vocab",
        "found none of tokenizer.json",
    ),
];

/// The beginning of the names of directories without any class, which transformers 4.57 does not
/// load. Token types are those of the template, as of a `PreTrainedTokenizerFast` in 4.57.
const UNTYPED: [&str; 3] = ["class: None json", "no class", "unigram: None {"];

fn cases() -> Cases {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/tokenizer_files/cases.json.gz");
    let mut json = Vec::new();
    let file = fs::File::open(path).unwrap();
    GzDecoder::new(file).read_to_end(&mut json).unwrap();
    serde_json::from_slice(&json).unwrap()
}

impl Cases {
    fn content(&self, file: &CaseFile) -> String {
        let (base, set) = match file {
            CaseFile::Text { text } => return text.clone(),
            CaseFile::Base { base, set } => (&self.bases[base], set),
        };
        if let Some(text) = base.as_str() {
            return text.to_owned();
        }
        let mut value = base.clone();
        for (pointer, new) in set {
            *value.pointer_mut(pointer).unwrap() = new.clone();
        }
        value.to_string()
    }

    fn directory(&self, case: &Case) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, file) in &case.files {
            fs::write(directory.path().join(name), self.content(file)).unwrap();
        }
        directory
    }

    fn rows(&self, directory: &Path) -> Result<(TextTokenizer, Rows), DataError> {
        let tokenizer = TextTokenizer::from_pretrained(directory)?;
        let config = EncodingConfig::new(10_000);
        let pairs = self
            .pairs
            .iter()
            .map(|pair| pair.map(|text| self.texts[text].as_str()));
        let pairs: Vec<(&str, &str)> = pairs.map(|[first, second]| (first, second)).collect();
        let encoded = [
            tokenizer.encode(&self.texts, &config)?,
            tokenizer.encode_pairs(&pairs, &config)?,
        ];
        let mut rows = Rows {
            ids: Vec::new(),
            types: Vec::new(),
        };
        for texts in &encoded {
            for row in 0..texts.len() {
                let row = texts.row(row)?;
                let ids: Vec<String> = row.token_ids.iter().map(u32::to_string).collect();
                rows.ids.push(ids.join(" "));
                rows.types
                    .push(row.token_type_ids().map(|kind| kind.to_string()).collect());
            }
        }
        Ok((tokenizer, rows))
    }
}

impl Case {
    fn expects(&self, expected: &Rows, rows: &Rows) -> bool {
        let untyped = UNTYPED.iter().any(|name| self.name.starts_with(name));
        let typed = expected.types == rows.types || untyped && self.other == "error";
        expected.ids == rows.ids && typed
    }

    /// Whether an error names a key that explains why this case is refused.
    fn may_be_refused(&self, error: &DataError) -> bool {
        let message = error.to_string();
        let reasoned =
            |(name, key): &(&str, &str)| self.name.starts_with(name) && message.contains(key);
        self.other != false || REFUSED.iter().any(reasoned)
    }
}

/// What is saved gives the same rows again, with and without `tokenizer.json`, and is kept for
/// transformers if asked for.
fn assert_saved(cases: &Cases, number: usize, tokenizer: &TextTokenizer, rows: &Rows) {
    let name = &cases.cases[number].name;
    let kept = env::var_os("FINETUNE_SAVED_TOKENIZERS").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let directory = kept.map_or(temporary.path().to_path_buf(), |kept| {
        kept.join(number.to_string())
    });
    tokenizer.save(&directory).unwrap();
    let (again, saved) = cases
        .rows(&directory)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(&saved, rows, "{name}: saved");
    assert_eq!(again.fingerprint(), tokenizer.fingerprint(), "{name}");
    let expected = json!({"ids": rows.ids, "types": rows.types});
    fs::write(directory.join("expected.json"), expected.to_string()).unwrap();
    // The model that goes with it decides nothing that the tokenizer's own files say.
    if let Some(CaseFile::Text { text }) = cases.cases[number].files.get("config.json") {
        fs::write(directory.join("config.json"), text).unwrap();
        let (_, beside) = cases
            .rows(&directory)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&beside, rows, "{name}: saved, beside config.json");
    }
}

#[test]
fn contradicting_files_are_understood_as_by_transformers_or_refused() {
    let cases = cases();
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    for (number, case) in cases.cases.iter().enumerate() {
        let directory = cases.directory(case);
        let outcome = match (cases.rows(directory.path()), &case.rows) {
            (Ok((tokenizer, rows)), Some(expected)) if case.expects(expected, &rows) => {
                let ids = [
                    ("pad_token", Some(tokenizer.pad_token_id())),
                    ("mask_token", tokenizer.mask_token_id()),
                ];
                for (key, id) in ids {
                    let named = case.named.as_ref().and_then(|named| named.get(key));
                    assert!(
                        named.is_none() || named == id.as_ref(),
                        "{}: {key}",
                        case.name
                    );
                }
                assert_saved(&cases, number, &tokenizer, &rows);
                "same"
            }
            (Ok((_, rows)), Some(expected)) => {
                let row = rows.ids.iter().zip(&expected.ids).position(|(a, b)| a != b);
                wrong.push(format!(
                    "{}: other tokens in row {row:?}: {:?}, expected {:?}",
                    case.name,
                    row.map_or(&rows.types[..], |row| &rows.ids[row..=row]),
                    row.map_or(&expected.types[..], |row| &expected.ids[row..=row]),
                ));
                "wrong"
            }
            (Ok((tokenizer, rows)), None) => {
                assert_saved(&cases, number, &tokenizer, &rows);
                "refused by transformers"
            }
            (Err(_), None) => "refused by both",
            (Err(error), Some(_)) if case.may_be_refused(&error) => {
                println!("{}: {error}", case.name);
                "refused"
            }
            (Err(error), Some(_)) => {
                wrong.push(format!("{}: {error}", case.name));
                "wrong"
            }
        };
        *counts.entry(outcome).or_insert(0) += 1;
    }
    assert!(wrong.is_empty(), "{counts:?}\n{}", wrong.join("\n"));
    assert!(counts["same"] > 500, "{counts:?}");
    assert!(counts["refused"] < 90, "{counts:?}");
}
