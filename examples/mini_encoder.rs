//! Rebuilds the bundled mini encoder from the bundled text and a seed.
//!
//! `cargo run --release --example mini_encoder -- examples/mini_encoder`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::catalog;
use finetune::model::{CheckpointConfig, initialise, save_encoder};
use finetune::prelude::*;
use finetune_examples::{MINI_ENCODER, SAMPLE_AG_NEWS, exit_code};

/// Make the mini encoder: a WordPiece vocabulary of the sample text, weights from a seed
#[derive(Parser)]
struct Arguments {
    /// Where it goes [default: the bundled one, replaced]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

const SEED: u64 = 42;

fn main() -> ExitCode {
    let directory = Arguments::parse()
        .directory
        .unwrap_or_else(|| MINI_ENCODER.into());
    exit_code(build(&directory))
}

fn build(directory: &Path) -> Result<(), Box<dyn Error>> {
    let sample = catalog::named("ag_news")?.open(Path::new(SAMPLE_AG_NEWS))?;
    let texts = sample
        .splits
        .train
        .examples
        .iter()
        .map(|example| &example.text);
    let mut tokenizer = TextTokenizer::train_word_piece(texts, 2000)?;
    let config = EncoderConfig {
        vocab_size: tokenizer.vocabulary_size(),
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 256,
        max_position_embeddings: 128,
        ..Default::default()
    };
    tokenizer.set_model_max_length(config.max_position_embeddings);
    let device = DeviceSpec::Flex.open()?;
    let encoder = initialise(config.init(&device)?, config.initializer_range, SEED);
    save_encoder(directory, &encoder, &CheckpointConfig::new(config))?;
    tokenizer.save(directory)?;
    Ok(())
}
