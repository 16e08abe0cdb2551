//! Tokenizers that cannot be loaded, or cannot encode.

use std::fs;

use finetune_data::{DataError, EncodingConfig, PairTruncation, TextTokenizer, Truncation};

use super::*;

/// A byte-level BPE without most bytes.
const TOKENS: &str = r#"{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4,
"t": 5, "h": 6, "e": 7, "th": 8, "the": 9}"#;
const MERGES: &str = "#version: 0.2\nt h\nth e\n";

fn word_piece() -> TextTokenizer {
    let folder = Folder::new().with("vocab.txt", VOCABULARY);
    TextTokenizer::from_pretrained(folder.0.path()).unwrap()
}

/// The `tokenizer.json` of the tokenizer in a folder.
fn json_of(folder: &Folder) -> String {
    let saved = Folder::new();
    let tokenizer = TextTokenizer::from_pretrained(folder.0.path()).unwrap();
    tokenizer.save(saved.0.path()).unwrap();
    fs::read_to_string(saved.path("tokenizer.json")).unwrap()
}

fn byte_level(tokens: &str, merges: &str) -> Folder {
    Folder::new()
        .with("vocab.json", tokens)
        .with("merges.txt", merges)
}

#[test]
fn tokenizers_that_cannot_be_loaded() {
    assert_error!(
        Folder::new().tokenizer_error(),
        DataError::MissingFiles { .. },
        "tokenizer.json",
        "vocab.json with merges.txt",
        "vocab.txt"
    );
    let folder = Folder::new().with("tokenizer.json", "{\n\"version\"");
    assert_error!(
        folder.tokenizer_error(),
        DataError::Json { row: 2, .. },
        "tokenizer.json",
        "EOF"
    );
    let folder = Folder::new().with("tokenizer.json", "{}");
    assert_error!(
        folder.tokenizer_error(),
        DataError::Library { .. },
        "tokenizer.json",
        "Model"
    );
    let folder = Folder::new().with("tokenizer.json", "");
    assert_error!(
        folder.tokenizer_error(),
        DataError::InvalidFile { .. },
        "tokenizer.json"
    );
    let folder = Folder::new().with("vocab.txt", "\n");
    assert_error!(
        folder.tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "vocab.txt"
    );
    let folder = Folder::new().with("vocab.txt", b"[PAD]\n\xff\n");
    assert_error!(
        folder.tokenizer_error(),
        DataError::InvalidRow { row: 2, .. },
        "row 2"
    );
    let folder = Folder::new()
        .with("vocab.txt", VOCABULARY)
        .with("tokenizer_config.json", "{\n]");
    assert_error!(
        folder.tokenizer_error(),
        DataError::Json { row: 2, .. },
        "tokenizer_config.json",
        "row 2"
    );
}

#[test]
fn vocabularies_without_their_special_tokens() {
    for token in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] {
        let folder = Folder::new().with("vocab.txt", VOCABULARY.replace(token, "word"));
        assert_error!(
            folder.tokenizer_error(),
            DataError::InvalidTokenizer { .. },
            "vocab.txt",
            token
        );
    }
    let json = json_of(&Folder::new().with("vocab.txt", VOCABULARY));
    let folder = Folder::new().with("tokenizer.json", json.replace("[PAD]", "[pad]"));
    assert_error!(
        folder.tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "tokenizer.json",
        "[PAD]"
    );
}

#[test]
fn damaged_byte_level_files() {
    let folder = Folder::new().with("vocab.json", TOKENS);
    let missing = folder.tokenizer_error();
    assert_error!(missing, DataError::MissingFiles { .. }, "merges.txt");
    let folder = Folder::new().with("merges.txt", MERGES);
    let missing = folder.tokenizer_error();
    assert_error!(missing, DataError::MissingFiles { .. }, "vocab.json");

    for bad in [
        "{\n\"<s>\"",
        "{\n\"<s>\": -1}",
        "{\n\"<s>\": \"0\"}",
        "\n[]",
    ] {
        let error = byte_level(bad, MERGES).tokenizer_error();
        assert_error!(error, DataError::Json { row: 2, .. }, "vocab.json", "row 2");
    }
    let error = byte_level("{}", MERGES).tokenizer_error();
    assert_error!(error, DataError::InvalidTokenizer { .. }, "vocab.json");
    let error = byte_level("", MERGES).tokenizer_error();
    assert_error!(error, DataError::InvalidFile { .. }, "vocab.json");
    let error = byte_level(TOKENS, "").tokenizer_error();
    assert_error!(error, DataError::InvalidFile { .. }, "merges.txt");
    let error = byte_level(&TOKENS.replace(": 9", ": 4294967295"), MERGES).tokenizer_error();
    assert_error!(
        error,
        DataError::InvalidTokenizer { .. },
        "vocab.json",
        "4294967295",
        "the"
    );
}

#[test]
fn damaged_merges() {
    for bad in ["t", "t h e", "", " h", "t "] {
        let error = byte_level(TOKENS, &format!("{MERGES}{bad}\nt h\n")).tokenizer_error();
        let found = format!("{bad:?}");
        assert_error!(
            error,
            DataError::InvalidRow { row: 4, .. },
            "merges.txt",
            "row 4",
            &found
        );
    }
    for (bad, token) in [
        ("x h", "x"),
        ("t x", "x"),
        ("h e", "he"),
        ("the the", "thethe"),
    ] {
        let error = byte_level(TOKENS, &format!("{MERGES}{bad}\n")).tokenizer_error();
        let token = format!("{token:?}");
        assert_error!(
            error,
            DataError::InvalidTokenizer { .. },
            "merges.txt",
            "merge 4",
            &token
        );
    }
    let merges = [MERGES.as_bytes(), b"t \xff\n"].concat();
    let folder = Folder::new()
        .with("vocab.json", TOKENS)
        .with("merges.txt", merges);
    let error = folder.tokenizer_error();
    assert_error!(error, DataError::InvalidRow { row: 4, .. }, "merges.txt");

    // The tokenizers library panics on this one.
    let json = json_of(&byte_level(TOKENS, MERGES)).replace("\"the\": 9", "\"e9\": 9");
    let error = Folder::new().with("tokenizer.json", json).tokenizer_error();
    assert_error!(
        error,
        DataError::InvalidTokenizer { .. },
        "tokenizer.json",
        "\"the\""
    );
}

#[test]
fn byte_level_vocabularies_without_their_special_tokens() {
    for token in ["<s>", "<pad>", "</s>", "<unk>"] {
        let error = byte_level(&TOKENS.replace(token, "word"), MERGES).tokenizer_error();
        assert_error!(
            error,
            DataError::InvalidTokenizer { .. },
            "vocab.json",
            token
        );
    }
    let none = "{\"sep_token\": null}";
    let error = byte_level(TOKENS, MERGES).with("tokenizer_config.json", none);
    assert_error!(
        error.tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "sep_token"
    );
    // A model that guesses no words needs no mask.
    let folder = byte_level(&TOKENS.replace("<mask>", "word"), MERGES);
    let tokenizer = TextTokenizer::from_pretrained(folder.0.path()).unwrap();
    assert_eq!(tokenizer.mask_token_id(), None);
}

/// Cut off anywhere, with a byte less or another: an error or a tokenizer, never a panic. The
/// tokenizers library itself panics on some of these.
#[test]
fn damaged_tokenizers() {
    let word_piece = json_of(&Folder::new().with("vocab.txt", VOCABULARY));
    let merges = json_of(&byte_level(TOKENS, MERGES));
    for json in [word_piece, merges] {
        // Without the spaces, which nobody would miss.
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        never_panics(&[("tokenizer.json", &json.to_string())]);
    }
    never_panics(&[("vocab.json", TOKENS), ("merges.txt", MERGES)]);
    never_panics(&[("merges.txt", MERGES), ("vocab.json", TOKENS)]);
}

/// Damages the first of the files.
fn never_panics(files: &[(&str, &str)]) {
    let folder = files.iter().fold(Folder::new(), |folder, (name, content)| {
        folder.with(name, content)
    });
    let (name, whole) = (files[0].0, files[0].1.as_bytes());
    for place in 0..whole.len() {
        let mut without = whole.to_vec();
        without.remove(place);
        let mut flipped = whole.to_vec();
        flipped[place] ^= 1;
        for corrupted in [&without, &flipped, &whole[..place].to_vec()] {
            fs::write(folder.path(name), corrupted).unwrap();
            if let Ok(tokenizer) = TextTokenizer::from_pretrained(folder.0.path()) {
                let _ = tokenizer.encode(&["the [MASK] word"], &EncodingConfig::new(8));
                let pairs = [("the <mask> word", "the")];
                let _ = tokenizer.encode_pairs(&pairs, &EncodingConfig::new(8));
            }
        }
    }
}

#[test]
fn a_text_with_unknown_words_and_a_tokenizer_without_an_unknown_token() {
    let json = json_of(&Folder::new().with("vocab.txt", VOCABULARY));
    let json = json.replace("\"unk_token\": \"[UNK]\"", "\"unk_token\": \"[none]\"");
    let folder = Folder::new().with("tokenizer.json", json);
    let tokenizer = TextTokenizer::from_pretrained(folder.0.path()).unwrap();
    let config = EncodingConfig::new(16);
    assert_error!(
        tokenizer.encode(&["the", "xyz"], &config).unwrap_err(),
        DataError::Encode { text: 2, .. },
        "tokenizer.json",
        "text 2"
    );
    assert_error!(
        tokenizer
            .encode_pairs(&[("the", "the"), ("the", "xyz")], &config)
            .unwrap_err(),
        DataError::Encode { text: 2, .. },
        "text 2"
    );
}

#[test]
fn lengths_below_the_special_tokens() {
    let tokenizer = word_piece();
    for max_length in 0..3 {
        let config = EncodingConfig::new(max_length);
        assert_error!(
            tokenizer.encode(&["the"], &config).unwrap_err(),
            DataError::InvalidSetting { .. },
            "at least 3"
        );
    }
    assert_error!(
        tokenizer
            .encode_pairs(&[("the", "the")], &EncodingConfig::new(3))
            .unwrap_err(),
        DataError::InvalidSetting { .. },
        "at least 4",
        "found 3"
    );
}

#[test]
fn truncation_that_cannot_be() {
    let tokenizer = word_piece();
    let config = |truncation| EncodingConfig {
        truncation,
        ..EncodingConfig::new(10)
    };
    assert_error!(
        tokenizer
            .encode(&["the"], &config(Truncation::HeadTail { head: 9 }))
            .unwrap_err(),
        DataError::InvalidSetting {
            setting: "head",
            ..
        },
        "below 8",
        "found 9"
    );
    let windows = config(Truncation::SlidingWindow { stride: 8 });
    assert_error!(
        tokenizer.encode(&["the"], &windows).unwrap_err(),
        DataError::InvalidSetting {
            setting: "stride",
            ..
        },
        "below 8",
        "found 8"
    );
    let windows = config(Truncation::SlidingWindow { stride: 3 });
    assert_error!(
        tokenizer
            .encode_pairs(&[("the", "the")], &windows)
            .unwrap_err(),
        DataError::InvalidSetting { .. },
        "longest_first"
    );
}

#[test]
fn pairs_of_which_the_wrong_text_is_too_long() {
    let tokenizer = word_piece();
    let long = "the ".repeat(9);
    let pairs = [("the", "the"), ("the", long.as_str())];
    let config = EncodingConfig {
        pair_truncation: PairTruncation::OnlyFirst,
        ..EncodingConfig::new(10)
    };
    assert_error!(
        tokenizer.encode_pairs(&pairs, &config).unwrap_err(),
        DataError::UntruncatedTextTooLong {
            pair: 2,
            limit: 6,
            found: 9
        },
        "pair 2",
        "at most 6",
        "found 9"
    );
    let config = EncodingConfig {
        truncation: Truncation::SlidingWindow { stride: 2 },
        ..config
    };
    assert_error!(
        tokenizer.encode_pairs(&pairs, &config).unwrap_err(),
        DataError::UntruncatedTextTooLong {
            limit: 4,
            found: 9,
            ..
        },
        "at most 4"
    );
}
