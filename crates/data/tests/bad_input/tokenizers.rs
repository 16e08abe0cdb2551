//! Tokenizers that cannot be loaded, or cannot encode.

use std::fs;

use finetune_data::{DataError, TextTokenizer};

use super::*;

#[test]
fn tokenizers_that_cannot_be_loaded() {
    assert_error!(
        Folder::new().tokenizer_error(),
        DataError::MissingFiles { .. },
        "tokenizer.json",
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
        DataError::Tokenizer { .. },
        "tokenizer.json",
        "Model"
    );
    let folder = Folder::new().with("tokenizer.json", "");
    assert_error!(
        folder.tokenizer_error(),
        DataError::EmptyFile { .. },
        "tokenizer.json"
    );
    let folder = Folder::new().with("vocab.txt", "\n");
    assert_error!(
        folder.tokenizer_error(),
        DataError::EmptyVocabulary { .. },
        "vocab.txt"
    );
    let folder = Folder::new().with("vocab.txt", b"[PAD]\n\xff\n");
    assert_error!(
        folder.tokenizer_error(),
        DataError::InvalidUtf8 { row: 2, .. },
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
            DataError::MissingSpecialToken { .. },
            "vocab.txt",
            token
        );
    }
    let folder = Folder::new().with("vocab.txt", VOCABULARY);
    TextTokenizer::from_dir(folder.0.path())
        .unwrap()
        .save(folder.0.path())
        .unwrap();
    let json = fs::read_to_string(folder.path("tokenizer.json")).unwrap();
    let folder = Folder::new().with("tokenizer.json", json.replace("[PAD]", "[pad]"));
    assert_error!(
        folder.tokenizer_error(),
        DataError::MissingSpecialToken { .. },
        "tokenizer.json",
        "[PAD]"
    );
}

#[test]
fn a_text_with_unknown_words_and_a_tokenizer_without_an_unknown_token() {
    let folder = Folder::new().with("vocab.txt", VOCABULARY);
    TextTokenizer::from_dir(folder.0.path())
        .unwrap()
        .save(folder.0.path())
        .unwrap();
    let json = fs::read_to_string(folder.path("tokenizer.json")).unwrap();
    let json = json.replace("\"unk_token\": \"[UNK]\"", "\"unk_token\": \"[none]\"");
    let folder = Folder::new().with("tokenizer.json", json);
    let tokenizer = TextTokenizer::from_dir(folder.0.path()).unwrap();
    assert_error!(
        tokenizer.encode(&["the", "xyz"], 16).unwrap_err(),
        DataError::Encode { text: 2, .. },
        "tokenizer.json",
        "text 2"
    );
}

#[test]
fn lengths_below_the_special_tokens() {
    let folder = Folder::new().with("vocab.txt", VOCABULARY);
    let tokenizer = TextTokenizer::from_dir(folder.0.path()).unwrap();
    for max_length in 0..3 {
        assert_error!(
            tokenizer.encode(&["the"], max_length).unwrap_err(),
            DataError::MaxLengthTooSmall { minimum: 3, .. },
            "at least 3"
        );
    }
}
