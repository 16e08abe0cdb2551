//! Tokenizes a dataset into a cache on disk and prints statistics: rows, lengths, truncated
//! fraction, padding, speed. A dataset may be larger than memory.
//!
//! `cargo run --release --example tokenize_dataset` encodes the bundled sample with the bundled
//! vocabulary. With a real tokenizer and published data:
//!
//! `cargo run --release --example tokenize_dataset -- --dataset imdb --data DIR --split train --model DIR
//! --max-length 512 --tokenizer-cache DIR`

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use finetune_arguments::{EncodeArguments, EncodeDefaults, MINI_ENCODER, exit_code};
use finetune_examples::SAMPLE_AG_NEWS;

/// Tokenize a dataset of any size into a cache on disk
///
/// Without --dataset and --model, it encodes the bundled sample of ag_news for the bundled mini encoder.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    encode: EncodeArguments,
}

fn main() -> ExitCode {
    let bundled = EncodeDefaults {
        dataset: "ag_news",
        data: Path::new(SAMPLE_AG_NEWS),
        model: Path::new(MINI_ENCODER),
    };
    exit_code(Arguments::parse().encode.run(Some(&bundled)))
}
