//! Fine-tunes a BERT on files of your own: CSV, TSV, JSON, Parquet or Arrow; a class per text, any
//! number of classes per text, or scores; single texts or pairs.
//!
//! `cargo run --release --example classify -- --train-file FILE --test-file FILE --text-column text
//! --label-column label --model DIR`
//!
//! Scores of pairs, such as those of the STS benchmark: `--text-column sentence1 --text-pair-column
//! sentence2 --label-column similarity --label-type score --score-range 0,5`.
//!
//! Any number of classes per text, such as `price;staff` in one column: `--label-column aspects
//! --label-separator ';'`. With a column of 0 and 1 for each class: `--label-columns price,staff`. A
//! column of lists: `--label-type multi-label`.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use finetune::data::tabular::{self, SplitFiles};
use finetune::prelude::*;
use finetune_arguments::{
    FileArguments, LabelArguments, LabelType, RunArguments, TableArguments, exit_code, fine_tune,
};
use finetune_examples::CUSTOMER_MESSAGES;

/// Fine-tune an encoder on texts of your own and test it
///
/// Without --train-file it runs on the bundled customer messages, with their columns message and topic.
/// Classes are reported with accuracy, F1 and a confusion matrix, any number of classes per text with F1
/// and areas under curves, scores with Pearson's and Spearman's correlation and the mean absolute and
/// squared errors.
///
/// Recipe: 3 epochs, 32 rows per batch, learning rate 5e-5, 512 tokens; with the mini encoder 5
/// epochs, 8 rows, 3e-4 and 128. Any number of classes is trained with binary cross-entropy, scores
/// with the L2 loss.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    files: FileArguments,
    #[command(flatten)]
    labels: LabelArguments,
    /// Kind of labels; `auto` is classes, but refuses labels that look like scores; `multi-label` is
    /// any number of classes in a column of lists
    #[arg(long, value_enum, default_value = "auto")]
    label_type: LabelType,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    run: RunArguments,
}

const BUNDLED: &str = "Bundled customer messages (original text, not a benchmark)";

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (title, files, [text, label]) = arguments.data();
    let labels = &arguments.labels;
    let columns = labels.columns(text, label);
    let options = arguments
        .table
        .options(columns, labels.labels(arguments.label_type)?);
    let opened = tabular::open(&files, &options).map_err(|error| -> Box<dyn Error> {
        match error {
            DataError::AmbiguousLabels { .. } => {
                format!("{error}: --label-type score or --label-type classes").into()
            }
            error => error.into(),
        }
    })?;
    let (run, target) = (&arguments.run, &opened.splits.train.schema.target);
    let recipe = labels.recipe(run, target, files.validation.is_some());
    fine_tune("classify", &title, run, run.settings_with(recipe)?, opened)
}

impl Arguments {
    /// Returns the name of the data for the first line of output, its files, and the names of its text
    /// and label columns unless others are given.
    fn data(&self) -> (String, SplitFiles, [&'static str; 2]) {
        if let Some(files) = self.files.splits() {
            return (files.train.display().to_string(), files, ["text", "label"]);
        }
        let directory = Path::new(CUSTOMER_MESSAGES);
        let files = SplitFiles::train_test(directory.join("train.csv"), directory.join("test.csv"));
        (BUNDLED.to_string(), files, ["message", "topic"])
    }
}
