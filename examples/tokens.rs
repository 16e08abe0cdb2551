//! Fine-tunes a BERT to tag words: named entities or parts of speech, from CoNLL files or JSON Lines.
//!
//! `cargo run --release --example tokens -- --train-file eng.train --validation-file eng.testa
//! --test-file eng.testb --model DIR`
//!
//! Parts of speech in the second column: `--tag-column 1`. JSON Lines have `tokens` and `ner_tags` or
//! `tags`, or `text` and `entities` with character offsets; tags that are numbers need
//! `--class-names`.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use finetune::data::tabular::SplitFiles;
use finetune::data::{OnBadRow, tagged};
use finetune::train::TokenClassification;
use finetune_arguments::{
    FileArguments, RunArguments, TagArguments, announce, exit_code, run_training,
};
use finetune_examples::TOWN_NOTES;

/// Fine-tune an encoder to tag words and test it
///
/// Without --train-file it runs on bundled notes from an invented town, with persons,
/// places, organizations and dates. Entities are reported with precision, recall and F1 per type, as
/// seqeval computes them; tags without a scheme with accuracy and F1 of the words.
///
/// Recipe: 3 epochs, 32 sentences per batch, learning rate 5e-5, 512 tokens; with the mini encoder 30
/// epochs, 8 sentences, 1e-3 and 128. With validation rows, the best model by entity F1 is kept.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    files: FileArguments,
    #[command(flatten)]
    tags: TagArguments,
    /// Tags in the order of the outputs of the model, with commas between them [default: those of the
    /// training rows, sorted]
    #[arg(long, value_name = "TAG,...", value_delimiter = ',')]
    class_names: Vec<String>,
    /// Skip and count bad sentences instead of stopping at the first
    #[arg(long)]
    skip_bad_rows: bool,
    #[command(flatten)]
    run: RunArguments,
}

const BUNDLED: &str = "Bundled notes from an invented town (original text, not a benchmark)";

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (title, files) = arguments.files();
    let (run, tags) = (&arguments.run, &arguments.tags);
    let on_bad_rows = match arguments.skip_bad_rows {
        true => OnBadRow::Skip,
        false => OnBadRow::Error,
    };
    let options = tags.options(arguments.class_names.clone(), on_bad_rows);
    let opened = tagged::open(&files, &options)?;
    let classes = opened.splits.train.class_names();
    let settings = tags.settings(run, classes, files.validation.is_some())?;
    let splits = announce(&title, run, opened, settings.train.seed)?;
    let training = TokenClassification::new(run.model().location(), splits).config(settings);
    run_training("tokens", training, run)
}

impl Arguments {
    /// Returns the name of the data for the first line of output, and its files.
    fn files(&self) -> (String, SplitFiles) {
        if let Some(files) = self.files.splits() {
            return (files.train.display().to_string(), files);
        }
        let file = |name: &str| Path::new(TOWN_NOTES).join(name);
        let mut files = SplitFiles::train_test(file("train.conll"), file("test.conll"));
        files.validation = Some(file("validation.conll"));
        (BUNDLED.to_string(), files)
    }
}
