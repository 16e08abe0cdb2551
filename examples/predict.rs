//! Predicts labels or scores of texts with a fine-tuned model.
//!
//! `cargo run --release --example predict -- --model runs/classify-1/model "A text" "another"`
//!
//! Of a token classifier, it prints the entities, or the tags of all words.
//!
//! Without texts, it reads standard input, one text per line. In a program of your own, `Predictor` and
//! `TokenPredictor` of the library do the same.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use finetune_arguments::{PredictArguments, exit_code};
use finetune_examples::MESSAGE_TOPICS;

/// Label texts with a fine-tuned model
///
/// Without --model, it is the bundled one, which sorts messages to a web shop.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    predict: PredictArguments,
}

fn main() -> ExitCode {
    let bundled = Some(Path::new(MESSAGE_TOPICS));
    exit_code(Arguments::parse().predict.run(bundled))
}
