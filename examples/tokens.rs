//! Fine-tunes a BERT to tag words: named entities or parts of speech, from CoNLL files or JSON Lines.
//!
//! `cargo run --release --example tokens -- --train-file eng.train --validation-file eng.testa
//! --test-file eng.testb --model DIR`
//!
//! Parts of speech in the second column: `--tag-column 1`. JSON Lines have `tokens` and `ner_tags` or
//! `tags`, or `text` and `entities` with character offsets; tags that are numbers need
//! `--class-names`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use finetune::data::tabular::SplitFiles;
use finetune::data::tagged::{self, TagScheme, TaggedColumns, TaggedOptions};
use finetune::data::{LabelAlignment, OnBadRow};
use finetune::train::{
    EvaluationConfig, FineTuningConfig, TokenClassification, TokenClassificationConfig,
};
use finetune_examples::{RunArguments, TOWN_NOTES, announce, exit_code, run_prepared};

/// Fine-tune an encoder to tag words and test it
///
/// Without --train-file and --test-file it runs on bundled notes from an invented town, with persons,
/// places, organizations and dates. Entities are reported with precision, recall and F1 per type, as
/// seqeval computes them; tags without a scheme with accuracy and F1 of the words.
///
/// Recipe: 3 epochs, 32 sentences per batch, learning rate 5e-5, 512 tokens; with the mini encoder 30
/// epochs, 8 sentences, 1e-3 and 128. With validation rows, the best model by entity F1 is kept.
#[derive(Parser)]
struct Arguments {
    /// Training file: CoNLL columns, or JSON Lines if it ends with .jsonl, .ndjson or .json
    #[arg(long = "train-file", value_name = "FILE", requires = "test")]
    train: Option<PathBuf>,
    /// Validation file
    #[arg(long = "validation-file", value_name = "FILE", requires = "train")]
    validation: Option<PathBuf>,
    /// Test file
    #[arg(long = "test-file", value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Column of the word in CoNLL files, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    word_column: usize,
    /// Column of the tag in CoNLL files, from 0 [default: the last]
    #[arg(long, value_name = "N")]
    tag_column: Option<usize>,
    /// Key of the words in JSON Lines
    #[arg(long, value_name = "KEY", default_value = "tokens")]
    tokens_key: String,
    /// Key of the tags in JSON Lines, such as pos_tags [default: ner_tags or tags]
    #[arg(long, value_name = "KEY")]
    tags_key: Option<String>,
    /// Tags in the order of the outputs of the model, with commas between them [default: those of the
    /// training rows, sorted]
    #[arg(long, value_name = "TAG,...", value_delimiter = ',')]
    class_names: Vec<String>,
    /// Scheme of the tags: plain, iob1, bio, bioes or bilou; a tag that breaks it is an error
    /// [default: inferred from the training rows]
    #[arg(long)]
    scheme: Option<TagScheme>,
    /// Scheme to convert the tags to: iob1, bio, bioes or bilou [default: that of the files]
    #[arg(long, value_name = "SCHEME")]
    convert_to: Option<TagScheme>,
    /// Tokens of a word that have its tag: the first, all, or all with I in place of B behind the first
    #[arg(long, value_enum, default_value = "first")]
    alignment: Alignment,
    /// Train a conditional random field over the tags of a sentence
    #[arg(long)]
    crf: bool,
    /// Skip and count bad sentences instead of stopping at the first
    #[arg(long)]
    skip_bad_rows: bool,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Alignment {
    First,
    All,
    AllInside,
}

const BUNDLED: &str = "Bundled notes from an invented town (original text, not a benchmark)";

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (title, files) = arguments.files();
    let opened = tagged::open(&files, &arguments.options())?;
    let scheme = TagScheme::of_tags(opened.splits.train.class_names().iter().map(String::as_str));
    let run = &arguments.run;
    let mut recipe = run.defaults();
    if run.model().is_mini() {
        recipe.train.duration = finetune::train::TrainDuration::Epochs(30);
    }
    let evaluates = run.holds_out_validation() || opened.splits.validation.is_some();
    recipe.train.evaluation = evaluates.then(|| EvaluationConfig {
        metric_for_best_model: match scheme.has_entities() {
            true => "entity_f1".to_string(),
            false => "accuracy".to_string(),
        },
        ..EvaluationConfig::default()
    });
    let settings = arguments.settings(run.settings_with(recipe)?);
    let splits = announce(&title, run, opened, settings.train.seed)?;
    let prepared = TokenClassification::new(run.model().directory(), splits)
        .config(settings)
        .device(run.device())
        .prepare()?;
    run_prepared("tokens", prepared, run)
}

impl Arguments {
    /// Returns the name of the data for the first line of output, and its files.
    fn files(&self) -> (String, SplitFiles) {
        match (&self.train, &self.test) {
            (Some(train), Some(test)) => {
                let mut files = SplitFiles::train_test(train, test);
                files.validation = self.validation.clone();
                (train.display().to_string(), files)
            }
            _ => {
                let file = |name: &str| Path::new(TOWN_NOTES).join(name);
                let mut files = SplitFiles::train_test(file("train.conll"), file("test.conll"));
                files.validation = Some(file("validation.conll"));
                (BUNDLED.to_string(), files)
            }
        }
    }

    fn options(&self) -> TaggedOptions {
        TaggedOptions {
            columns: TaggedColumns {
                word: self.word_column,
                tag: self.tag_column,
                tokens: self.tokens_key.clone(),
                tags: self.tags_key.clone(),
                ..TaggedColumns::default()
            },
            scheme: self.scheme,
            convert_to: self.convert_to,
            class_names: self.class_names.clone(),
            on_bad_rows: match self.skip_bad_rows {
                true => OnBadRow::Skip,
                false => OnBadRow::Error,
            },
            ..TaggedOptions::default()
        }
    }

    fn settings(&self, common: FineTuningConfig) -> TokenClassificationConfig {
        TokenClassificationConfig {
            text: common.text,
            scheme: self.convert_to.or(self.scheme),
            alignment: match self.alignment {
                Alignment::First => LabelAlignment::First,
                Alignment::All => LabelAlignment::All,
                Alignment::AllInside => LabelAlignment::AllInside,
            },
            crf: self.crf,
            adapter: common.model.adapter,
            train: common.train,
            ..TokenClassificationConfig::default()
        }
    }
}
