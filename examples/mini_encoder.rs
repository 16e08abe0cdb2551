//! Rebuilds the bundled mini encoder: a vocabulary learned from the bundled texts, and a BERT
//! pre-trained on them.
//!
//! `cargo run --release --example mini_encoder`

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::tabular::{self, ColumnNames, SplitFiles, TabularOptions};
use finetune::data::{catalog, concatenate_texts};
use finetune::model::{load_masked_lm, save_masked_lm};
use finetune::prelude::*;
use finetune::train::{
    CheckpointPolicy, InitialModel, PreTraining, PreTrainingConfig, RunDirectory,
};
use finetune_examples::{
    CUSTOMER_MESSAGES, MINI_ENCODER, SAMPLE_AG_NEWS, SAMPLE_IMDB, Watcher, exit_code,
};

/// Build the mini encoder: a WordPiece vocabulary of the sample texts, and a BERT pre-trained on
/// them
#[derive(Parser)]
struct Arguments {
    /// Output directory [default: the bundled one, replaced]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Optimizer steps; with more, the model memorizes the few texts
    #[arg(long, value_name = "N", default_value_t = 1000)]
    steps: usize,
    /// Directory for the record of the run, empty or new [default: runs/mini_encoder-N]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    exit_code(build(&Arguments::parse()))
}

fn build(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let texts = bundled_texts()?;
    let words = texts.examples.iter().map(|example| &example.text);
    let mut tokenizer = TextTokenizer::train_wordpiece(words, 2000)?;
    let encoder = EncoderConfig {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 256,
        max_position_embeddings: 128,
        ..Default::default()
    };
    tokenizer.set_model_max_length(encoder.max_position_embeddings);
    let record = match &arguments.run_dir {
        Some(directory) => RunDirectory::new(directory),
        None => RunDirectory::next(Path::new("runs"), "mini_encoder")?,
    };
    let report = PreTraining::new(InitialModel::Random(encoder, tokenizer.clone()), texts)
        .config(settings(arguments.steps))
        .callback(Watcher::new(record.path(), false))
        .run(record.path())?;
    writeln!(
        io::stdout(),
        "{report}\nRun record: {}",
        record.path().display()
    )?;

    let (model, checkpoint, _) = load_masked_lm(&record.model(), 0, &DeviceSpec::Flex.open()?)?;
    let directory = arguments
        .directory
        .as_deref()
        .unwrap_or(Path::new(MINI_ENCODER));
    save_masked_lm(directory, &model, &checkpoint)?;
    Ok(tokenizer.save(directory)?)
}

/// Returns the bundled training and unlabeled texts, without the test rows of any example.
fn bundled_texts() -> Result<Dataset, Box<dyn Error>> {
    let news = catalog::get("ag_news")?
        .open(Path::new(SAMPLE_AG_NEWS))?
        .splits;
    let reviews = catalog::get("imdb")?.open(Path::new(SAMPLE_IMDB))?.splits;
    let directory = Path::new(CUSTOMER_MESSAGES);
    let files = SplitFiles::train_test(directory.join("train.csv"), directory.join("test.csv"));
    let columns = ColumnNames {
        text: vec!["message".into()],
        text_pair: Vec::new(),
        label: Some("topic".into()),
    };
    let options = TabularOptions {
        columns,
        ..TabularOptions::default()
    };
    let messages = tabular::open(&files, &options)?.splits;
    let labeled = [&news.train, &messages.train, &reviews.train];
    Ok(concatenate_texts(
        labeled.into_iter().chain(&reviews.unlabeled),
    ))
}

fn settings(steps: usize) -> PreTrainingConfig {
    let defaults = PreTrainingConfig::default();
    PreTrainingConfig {
        text: TextConfig {
            encoding: EncodingConfig::new(128),
            ..Default::default()
        },
        validation_split: 0.1,
        train: TrainConfig {
            duration: TrainDuration::Steps(steps),
            batch_size: BatchSize::Rows(32),
            optimizer: OptimizerConfig {
                learning_rate: 1e-3,
                ..Default::default()
            },
            checkpoints: CheckpointPolicy {
                every: None,
                ..Default::default()
            },
            ..defaults.train
        },
        ..defaults
    }
}
