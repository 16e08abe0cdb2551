//! Rebuilds the bundled mini encoder: a small BERT that learned the hidden states of a larger one.
//!
//! `cargo run --release --example mini_encoder -- --teacher DIR --corpus ag_news=DIR --vocab-size 8000`
//!
//! Without arguments, the bundled encoder teaches itself on the bundled texts, for a try.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::tabular::{self, ColumnNames, SplitFiles, TabularOptions};
use finetune::data::{catalog, concatenate_texts};
use finetune::model::CheckpointDtype;
use finetune::prelude::*;
use finetune::train::{
    CheckpointPolicy, DistillationConfig, EvaluationConfig, InitialModel, PreTraining,
    PreTrainingConfig, RunDirectory, Warmup,
};
use finetune_arguments::{MINI_ENCODER, Watcher, exit_code, named_directory};
use finetune_examples::{CUSTOMER_MESSAGES, SAMPLE_AG_NEWS, SAMPLE_IMDB};

/// Seed of the subsets of the texts.
const SEED: u64 = 42;
/// Maximum number of tokens in a text.
const LENGTH: usize = 128;
/// Layers of the mini encoder.
const LAYERS: usize = 6;

/// Build the mini encoder: a BERT that learns the hidden states of a teacher on texts
#[derive(Parser)]
struct Arguments {
    /// Output directory [default: the bundled one, replaced]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Directory of the teacher, a BERT of six layers [default: the bundled mini encoder]
    #[arg(long, value_name = "DIR", default_value = MINI_ENCODER, hide_default_value = true)]
    teacher: PathBuf,
    /// Dataset and its directory; its training and unlabeled texts are read. May be repeated [default:
    /// the bundled samples]
    #[arg(long, value_name = "NAME=DIR", value_parser = named_directory)]
    corpus: Vec<(String, PathBuf)>,
    /// Maximum number of texts of each dataset [default: all]
    #[arg(long, value_name = "N")]
    max_texts: Option<usize>,
    /// Size of the vocabulary: the most frequent tokens of the teacher's in the texts [default: all of
    /// them]
    #[arg(long, value_name = "TOKENS")]
    vocab_size: Option<usize>,
    /// Optimizer steps
    #[arg(long, value_name = "N", default_value_t = 1000)]
    steps: usize,
    /// Texts per batch
    #[arg(long, value_name = "N", default_value_t = 32)]
    batch_size: usize,
    /// Highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-3)]
    learning_rate: f64,
    /// Precision of the inputs to the encoder's matrix products: f32 or bf16
    #[arg(long, default_value = "f32")]
    precision: Precision,
    /// Directory for the record of the run, empty or new [default: runs/mini_encoder-N]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    exit_code(build(&Arguments::parse()))
}

fn build(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let texts = arguments.texts()?;
    let teacher = TextTokenizer::from_pretrained(&arguments.teacher)?;
    let words = texts.examples.iter().map(|example| &example.text);
    let mut tokenizer = match arguments.vocab_size {
        Some(size) => teacher.with_most_frequent_tokens(words, size)?,
        None => teacher,
    };
    let encoder = EncoderConfig {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: 128,
        num_hidden_layers: LAYERS,
        num_attention_heads: 4,
        intermediate_size: 512,
        max_position_embeddings: LENGTH,
        ..Default::default()
    };
    tokenizer.set_model_max_length(LENGTH);
    let record = match &arguments.run_dir {
        Some(directory) => RunDirectory::new(directory),
        None => RunDirectory::next(Path::new("runs"), "mini_encoder")?,
    };
    let report = PreTraining::new(InitialModel::Random(encoder, tokenizer.clone()), texts)
        .config(arguments.settings())
        .distill(arguments.distillation())
        .callback(Watcher::new(record.path(), false))
        .run(record.path())?;
    writeln!(
        io::stdout(),
        "{report}\nRun record: {}",
        record.path().display()
    )?;

    let directory = arguments.directory.as_deref();
    let directory = directory.unwrap_or(Path::new(MINI_ENCODER));
    fs::create_dir_all(directory)?;
    for entry in fs::read_dir(record.model())? {
        let file = entry?;
        fs::copy(file.path(), directory.join(file.file_name()))?;
    }
    Ok(())
}

impl Arguments {
    /// Returns the training and unlabeled texts, without test rows.
    fn texts(&self) -> Result<Dataset, Box<dyn Error>> {
        if self.corpus.is_empty() {
            return bundled_texts();
        }
        let mut parts = Vec::new();
        for (name, directory) in &self.corpus {
            let splits = catalog::get(name)?.open(directory)?.splits;
            let texts = concatenate_texts(std::iter::once(&splits.train).chain(&splits.unlabeled));
            parts.push(match self.max_texts {
                Some(count) => texts.subset(count, SEED),
                None => texts,
            });
        }
        Ok(concatenate_texts(&parts))
    }

    fn distillation(&self) -> DistillationConfig {
        DistillationConfig {
            // The masked words are learned beside the teacher's states.
            label_weight: 0.1,
            logits_weight: 0.0,
            hidden_state_weight: 10.0,
            unmasked_teacher: true,
            ..DistillationConfig::new(&self.teacher)
        }
    }

    fn settings(&self) -> PreTrainingConfig {
        let defaults = PreTrainingConfig::default();
        PreTrainingConfig {
            text: TextConfig {
                encoding: EncodingConfig::new(LENGTH),
                ..Default::default()
            },
            validation_split: 0.01,
            train: TrainConfig {
                duration: TrainDuration::Steps(self.steps),
                batch_size: BatchSize::Rows(self.batch_size),
                precision: self.precision,
                save_dtype: CheckpointDtype::F16,
                optimizer: OptimizerConfig {
                    learning_rate: self.learning_rate,
                    ..Default::default()
                },
                lr_scheduler: LrScheduler {
                    warmup: Warmup::Ratio(0.05),
                    ..Default::default()
                },
                evaluation: defaults
                    .train
                    .evaluation
                    .map(|evaluation| EvaluationConfig {
                        on_start: false,
                        ..evaluation
                    }),
                checkpoints: CheckpointPolicy {
                    every: None,
                    ..Default::default()
                },
                ..defaults.train
            },
            ..defaults
        }
    }
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
