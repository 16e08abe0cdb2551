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

/// The directory of a BERT with one more file.
fn bert_with(name: &str, content: impl AsRef<[u8]>) -> Folder {
    Folder::new()
        .with("vocab.txt", VOCABULARY)
        .with(name, content)
}

/// A file beside the vocabulary with a wrong value: the error names the file and the key.
#[test]
fn settings_of_the_wrong_type() {
    for (key, value) in [
        ("do_lower_case", "1"),
        ("do_lower_case", "null"),
        ("strip_accents", "\"no\""),
        ("tokenize_chinese_chars", "[]"),
        ("split_special_tokens", "\"\""),
        ("model_input_names", "\"input_ids\""),
        ("model_input_names", "[1]"),
        ("truncation_side", "\"top\""),
        ("tokenizer_class", "1"),
        ("tokenizer_class", "\"T5Tokenizer\""),
        ("additional_special_tokens", "\"the\""),
        ("additional_special_tokens", "[1]"),
        ("cls_token", "1"),
        ("mask_token", "{\"content\": \"[MASK]\", \"lstrip\": 1}"),
        ("added_tokens_decoder", "[]"),
        ("added_tokens_decoder", "{\"x\": {\"content\": \"y\"}}"),
        ("added_tokens_decoder", "{\"6\": \"y\"}"),
        ("added_tokens_decoder", "{\"6\": {\"special\": true}}"),
        (
            "added_tokens_decoder",
            "{\"6\": {\"content\": \"y\", \"normalized\": 0}}",
        ),
    ] {
        let config = format!("{{\"{key}\": {value}}}");
        let error = bert_with("tokenizer_config.json", config).tokenizer_error();
        assert_error!(
            error,
            DataError::InvalidTokenizer { .. },
            "tokenizer_config.json",
            key
        );
    }
    let error = bert_with("special_tokens_map.json", "{\"sep_token\": 1}").tokenizer_error();
    assert_error!(
        error,
        DataError::InvalidTokenizer { .. },
        "special_tokens_map.json",
        "sep_token"
    );
    for bad in ["\"6\"", "-1", "4294967296", "null"] {
        let error = bert_with("added_tokens.json", format!("{{\"word\": {bad}}}"));
        assert_error!(
            error.tokenizer_error(),
            DataError::InvalidTokenizer { .. },
            "added_tokens.json",
            "word",
            bad
        );
    }
    for name in [
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "config.json",
    ] {
        let error = bert_with(name, "[]").tokenizer_error();
        assert_error!(error, DataError::Json { row: 1, .. }, name);
    }
}

/// What versions of transformers understand differently.
#[test]
fn settings_that_contradict_each_other() {
    let error = bert_with("tokenizer_config.json", "{\"mask_token\": \"nowhere\"}");
    assert_error!(
        error.tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "tokenizer_config.json",
        "mask_token",
        "nowhere"
    );
    let listed = "{\"additional_special_tokens\": [\"one\"]}";
    let others = listed.replace("one", "two");
    let error = bert_with("tokenizer_config.json", listed).with("special_tokens_map.json", others);
    assert_error!(
        error.tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "special_tokens_map.json",
        "additional_special_tokens",
        "two"
    );
    let split = r#"{"split_special_tokens": true, "additional_special_tokens": ["word"],
        "added_tokens_decoder": {"6": {"content": "word"}}}"#;
    assert_error!(
        bert_with("tokenizer_config.json", split).tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "tokenizer_config.json",
        "split_special_tokens",
        "word"
    );
    let class = r#"{"tokenizer_class": "RobertaTokenizer"}"#;
    let error = bert_with("tokenizer_config.json", class).tokenizer_error();
    assert_error!(error, DataError::MissingFiles { .. }, "vocab.json");
    let json = json_of(&Folder::new().with("vocab.txt", VOCABULARY));
    let error = Folder::new()
        .with("tokenizer.json", json)
        .with("tokenizer_config.json", class);
    assert_error!(
        error.tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "tokenizer.json",
        "model.type",
        "RobertaTokenizer"
    );
}

/// The vocabulary has six tokens: the next id is 6.
#[test]
fn added_tokens_with_the_ids_of_others() {
    let listed = |tokens: &[(u32, &str)]| -> String {
        let tokens = tokens
            .iter()
            .map(|(id, token)| format!("\"{id}\": {{\"content\": \"{token}\"}}"));
        let tokens: Vec<String> = tokens.collect();
        format!("{{\"added_tokens_decoder\": {{{}}}}}", tokens.join(", "))
    };
    for (tokens, parts) in [
        (&[(7, "word")][..], ["\"word\"", "id 6", "found 7"]),
        (&[(3, "word")], ["\"word\"", "id 6", "found 3"]),
        (&[(6, "the")], ["\"the\"", "id 5", "found 6"]),
        (
            &[(6, "word"), (8, "words")],
            ["\"words\"", "id 7", "found 8"],
        ),
    ] {
        let error = bert_with("tokenizer_config.json", listed(tokens)).tokenizer_error();
        let [token, expected, found] = parts;
        assert_error!(
            error,
            DataError::InvalidTokenizer { .. },
            "tokenizer_config.json",
            "added_tokens_decoder",
            token,
            expected,
            found
        );
    }
    let error = bert_with("added_tokens.json", "{\"word\": 7}").tokenizer_error();
    assert_error!(
        error,
        DataError::InvalidTokenizer { .. },
        "added_tokens.json",
        "\"word\"",
        "found 7"
    );
    let json = json_of(&bert_with("added_tokens.json", "{\"word\": 6}"));
    assert!(json.contains("\"id\": 6"));
    let error = Folder::new().with("tokenizer.json", json.replace("\"id\": 6", "\"id\": 9"));
    assert_error!(
        error.tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "tokenizer.json",
        "added_tokens",
        "\"word\"",
        "found 9"
    );
    // Another token than that of tokenizer.json with the same id.
    let error = Folder::new()
        .with("tokenizer.json", json)
        .with("added_tokens.json", "{\"words\": 6}");
    assert_error!(
        error.tokenizer_error(),
        DataError::InvalidTokenizer { .. },
        "added_tokens.json",
        "\"words\"",
        "6"
    );
}

/// What stands in place of a file is named, and a line without an end is not quoted whole.
#[test]
fn files_that_are_not_the_files_themselves() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0a1b\nsize 231508\n";
    let page = format!(
        "<!DOCTYPE html><html><body>{}</body></html>",
        "sign in ".repeat(9999)
    );
    for (content, what) in [(pointer, "Git LFS"), (&page, "HTML")] {
        for name in ["tokenizer.json", "vocab.txt"] {
            let error = Folder::new().with(name, content).tokenizer_error();
            assert_error!(error, DataError::InvalidFile { .. }, name, what);
        }
        for name in ["vocab.json", "merges.txt"] {
            let error = byte_level(TOKENS, MERGES)
                .with(name, content)
                .tokenizer_error();
            assert_error!(error, DataError::InvalidFile { .. }, name, what);
        }
        for name in [
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
        ] {
            let error = bert_with(name, content).tokenizer_error();
            assert_error!(error, DataError::InvalidFile { .. }, name, what);
        }
    }
    let long = "x".repeat(10_000);
    let merges = format!("{MERGES}{long}\n");
    let errors = [
        byte_level(TOKENS, &merges).tokenizer_error(),
        byte_level(TOKENS, &format!("{MERGES}t {long}\n")).tokenizer_error(),
        bert_with(
            "tokenizer_config.json",
            format!("{{\"do_lower_case\": \"{long}\"}}"),
        )
        .tokenizer_error(),
        bert_with("added_tokens.json", format!("{{\"{long}\": 9}}")).tokenizer_error(),
        bert_with(
            "tokenizer_config.json",
            format!("{{\"cls_token\": \"{long}\"}}"),
        )
        .tokenizer_error(),
    ];
    for error in errors {
        assert!(error.to_string().len() < 500, "{error}");
    }
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
    let config = r#"{"added_tokens_decoder": {"6": {"content": "word", "special": true}},
        "additional_special_tokens": ["user"], "strip_accents": null, "mask_token": {"content": "the"}}"#;
    never_panics(&[("tokenizer_config.json", config), ("vocab.txt", VOCABULARY)]);
    never_panics(&[
        ("added_tokens.json", r#"{"word": 6, "b": 7}"#),
        ("vocab.txt", VOCABULARY),
    ]);
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

/// transformers would keep the other end of a text.
#[test]
fn texts_whose_wrong_end_would_be_cut() {
    let folder = bert_with("tokenizer_config.json", "{\"truncation_side\": \"left\"}");
    let tokenizer = TextTokenizer::from_pretrained(folder.0.path()).unwrap();
    let config = EncodingConfig::new(4);
    assert!(tokenizer.encode(&["the the"], &config).is_ok());
    assert_error!(
        tokenizer
            .encode(&["the", "the the the"], &config)
            .unwrap_err(),
        DataError::Encode { text: 2, .. },
        "truncation",
        "tail",
        "truncation_side"
    );
    assert_eq!(tokenizer.default_truncation(), Truncation::Tail);
    assert_eq!(word_piece().default_truncation(), Truncation::Head);
    let tail = EncodingConfig {
        truncation: tokenizer.default_truncation(),
        ..config
    };
    assert!(tokenizer.encode(&["the the the"], &tail).is_ok());
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
