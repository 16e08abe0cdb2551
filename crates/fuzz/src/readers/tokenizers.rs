//! Files of tokenizers, and cached token ids.

use std::fs;
use std::path::Path;

use finetune_data::{EncodedCache, EncodingConfig, TextTokenizer};

use super::{dataset, tokenizer};
use crate::input::copy;
use crate::reader::{Attempt, Reader, Shape};

/// Reader of a directory with a tokenizer; its own parts are to be replaced.
const TOKENIZER: Reader = Reader {
    name: "",
    cost: 2,
    files: &[],
    shape: Shape::Json,
    writes: false,
    seeds: |directory| tokenizer()?.save(&directory.join("0")).map_err(Into::into),
    read,
};

pub(crate) const TOKENIZER_JSON: Reader = Reader {
    name: "tokenizer-json",
    files: &["tokenizer.json"],
    ..TOKENIZER
};

pub(crate) const TOKENIZER_CONFIG: Reader = Reader {
    name: "tokenizer-config",
    files: &["tokenizer_config.json", "special_tokens_map.json"],
    ..TOKENIZER
};

pub(crate) const VOCABULARY: Reader = Reader {
    name: "vocab-txt",
    files: &["vocab.txt"],
    shape: Shape::Bytes,
    seeds: |directory| {
        let place = directory.join("0");
        tokenizer()?.save(&place)?;
        Ok(fs::remove_file(place.join("tokenizer.json"))?)
    },
    ..TOKENIZER
};

pub(crate) const MERGES: Reader = Reader {
    name: "vocab-and-merges",
    files: &["vocab.json", "merges.txt"],
    seeds: |directory| {
        let roberta = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../data/tests/parity/tokenizers/roberta"
        );
        let place = directory.join("0");
        copy(Path::new(roberta), &place)?;
        let whole = place.join("tokenizer.json");
        match whole.exists() {
            true => Ok(fs::remove_file(whole)?),
            false => Ok(()),
        }
    },
    ..TOKENIZER
};

pub(crate) const ENCODED_CACHE: Reader = Reader {
    name: "encoded-cache",
    files: &[".tokens"],
    shape: Shape::Bytes,
    writes: true,
    seeds: |directory| read_cache(&directory.join("0")),
    read: read_cache,
    ..TOKENIZER
};

fn read(directory: &Path) -> Attempt {
    let tokenizer = TextTokenizer::from_pretrained(directory)?;
    let texts = [
        "rain and bread",
        "",
        "H\u{e9}llo \u{4f60}\u{597d} [MASK] <mask>",
    ];
    tokenizer.encode(&texts, &EncodingConfig::new(16))?;
    Ok(())
}

fn read_cache(directory: &Path) -> Attempt {
    let cache = EncodedCache::new(directory);
    cache.dataset(&dataset(), &tokenizer()?, &EncodingConfig::new(16))?;
    Ok(())
}
