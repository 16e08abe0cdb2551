//! Trains an embedding model (a bi-encoder) on texts that belong together, on scored pairs or on
//! labeled pairs, and evaluates it by retrieval or similarity.
//!
//! `cargo run --release --example embeddings -- --train-file FILE --test-file FILE --anchor-column
//! question --positive-column answer --model DIR`
//!
//! With hard negatives: `--negative-columns negative,negative_2`. Scores, such as those of the STS
//! benchmark: `--anchor-column sentence1 --positive-column sentence2 --score-column score --score-range
//! 0,5`. Pairs that belong together or not: `--label-column label`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::{EmbeddingColumns, EmbeddingFiles, EmbeddingSplits};
use finetune::prelude::*;
use finetune::train::EmbeddingTraining;
use finetune_examples::{
    ColumnList, EmbeddingArguments, RunArguments, SHOP_QUESTIONS, exit_code, run_prepared, say,
    score_range,
};

/// Train an embedding model on texts of your own and test it
///
/// Without --train-file and --test-file it runs on bundled questions to a web shop with their answers.
/// Pairs and triplets are tested by retrieval: NDCG, MRR, MAP, accuracy, precision and recall, with the
/// anchors as queries and the other texts as corpus; scored pairs by the correlations of cosine and
/// score, labeled pairs by average precision. The model is saved in the layout of
/// sentence-transformers.
///
/// Recipe: 3 epochs, 32 rows per batch in which no text occurs twice, learning rate 5e-5, 512 tokens;
/// with the mini encoder 12 epochs, 1e-3 and 128 tokens.
#[derive(Parser)]
struct Arguments {
    /// Training file with named columns: .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow or
    /// .feather, or a directory saved by the datasets library
    #[arg(long = "train-file", value_name = "FILE", requires = "test")]
    train: Option<PathBuf>,
    /// Test file, in any of these formats
    #[arg(long = "test-file", value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Column with the first text [default: anchor, bundled: question]
    #[arg(long, value_name = "NAME")]
    anchor_column: Option<String>,
    /// Column with the second text [default: positive, bundled: answer]
    #[arg(long, value_name = "NAME")]
    positive_column: Option<String>,
    /// Columns with texts that do not belong to the first, or one column of lists of them
    #[arg(long, value_name = "NAME,...")]
    negative_columns: Vec<ColumnList>,
    /// Column with the score of a pair
    #[arg(long, value_name = "NAME", conflicts_with_all = ["label_column", "negative_columns"])]
    score_column: Option<String>,
    /// Range of the scores in the files, which becomes 0 to 1 [default: scores stay as they are]
    #[arg(long, value_name = "MIN,MAX", value_parser = score_range, requires = "score_column", allow_hyphen_values = true)]
    score_range: Option<[f64; 2]>,
    /// Column with 1 for pairs that belong together and 0 for others
    #[arg(long, value_name = "NAME", conflicts_with = "negative_columns")]
    label_column: Option<String>,
    #[command(flatten)]
    embedding: EmbeddingArguments,
    #[command(flatten)]
    run: RunArguments,
}

const BUNDLED: &str = "Bundled questions to a web shop (original text, not a benchmark)";

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (title, splits) = arguments.read()?;
    let (embedding, run) = (&arguments.embedding, &arguments.run);
    let settings = embedding.settings(run, splits.train.kind())?;
    let splits = embedding.subset(run, splits, settings.train.seed)?;
    say(&format!(
        "{title}, {} training and {} test rows, with {} on {}",
        splits.train.len(),
        splits.test.as_ref().map_or(0, |test| test.len()),
        run.model(),
        run.device(),
    ))?;
    let training = EmbeddingTraining::new(run.model().directory(), splits).config(settings);
    let prepared = training.device(run.device()).prepare()?;
    run_prepared("embeddings", prepared, run)
}

impl Arguments {
    /// Returns the name of the data for the first line of output, and its rows.
    fn read(&self) -> Result<(String, EmbeddingSplits), DataError> {
        let (title, [train, test], [anchor, positive]) = match (&self.train, &self.test) {
            (Some(train), Some(test)) => {
                let title = train.display().to_string();
                (title, [train.clone(), test.clone()], ["anchor", "positive"])
            }
            _ => {
                let files =
                    ["train.csv", "test.csv"].map(|file| Path::new(SHOP_QUESTIONS).join(file));
                (BUNDLED.to_string(), files, ["question", "answer"])
            }
        };
        let column = |given: &Option<String>| given.as_deref().map(Into::into);
        let columns = EmbeddingColumns {
            anchor: column(&self.anchor_column).unwrap_or(anchor.into()),
            positive: column(&self.positive_column).unwrap_or(positive.into()),
            negatives: ColumnList::columns(&self.negative_columns),
            score: column(&self.score_column),
            score_range: self.score_range,
            label: column(&self.label_column),
            ..EmbeddingColumns::default()
        };
        let splits = columns.read_splits(&EmbeddingFiles {
            train,
            validation: None,
            test: Some(test),
        })?;
        Ok((title, splits))
    }
}
