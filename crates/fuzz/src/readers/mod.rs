//! The readers, and the small data that their seeds are made of.

mod baselines;
mod checkpoints;
mod embeddings;
mod runs;
mod serving;
mod settings;
mod tables;
mod tokenizers;

use std::error::Error;

use finetune_data::{Dataset, Example, Label, Schema, TextTokenizer};

use crate::reader::Reader;

/// All readers, in the order of the table.
pub(crate) const ALL: &[Reader] = &[
    tables::CSV,
    tables::TSV,
    tables::JSON_LINES,
    tables::GZIP,
    tables::PARQUET,
    tables::LISTS,
    tables::TAR,
    tables::CONLL,
    tables::TAGGED_JSON_LINES,
    embeddings::EMBEDDING_ROWS,
    embeddings::RERANKING_ROWS,
    tokenizers::TOKENIZER_JSON,
    tokenizers::TOKENIZER_CONFIG,
    tokenizers::VOCABULARY,
    tokenizers::MERGES,
    tokenizers::ENCODED_CACHE,
    checkpoints::CONFIG,
    checkpoints::SAFETENSORS,
    checkpoints::ADAPTER,
    checkpoints::PYTORCH,
    checkpoints::PYTORCH_LEGACY,
    checkpoints::SHARD_INDEX,
    checkpoints::TEXT_PREPROCESSING,
    embeddings::SENTENCE_TRANSFORMERS,
    embeddings::TEACHER_CACHE,
    runs::CHECKPOINTS,
    runs::METRICS,
    baselines::CONFIG,
    baselines::CLASSIFIER,
    baselines::FOLDS,
    settings::STUDY_TOML,
    settings::STUDY_JSON,
    settings::FINE_TUNING,
    settings::MULTI_TASK,
    settings::PRE_TRAINING,
    settings::SERVER,
    serving::REQUESTS,
];

/// Names of the classes of [`dataset`].
const CLASSES: [&str; 2] = ["weather", "food"];

/// Returns labeled rows of two groups of words.
fn dataset() -> Dataset {
    let words = [["storm", "rain", "hail"], ["bread", "soup", "rice"]];
    let example = |row: usize| {
        let text: Vec<&str> = (0..1 + row % 5)
            .map(|at| words[row % 2][(row + at) % 3])
            .collect();
        Example::new(text.join(" "), Label::Class(row % 2))
    };
    Dataset {
        name: "small".to_string(),
        schema: Schema::classification(CLASSES),
        examples: (0..12).map(example).collect(),
    }
}

/// Returns a tokenizer made from [`dataset`].
fn tokenizer() -> Result<TextTokenizer, Box<dyn Error>> {
    let texts = dataset().examples.into_iter().map(|example| example.text);
    Ok(TextTokenizer::train_wordpiece(texts, 60)?)
}
