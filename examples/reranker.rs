//! Trains a reranker (a cross-encoder) on queries with lists of documents, with a listwise loss, and
//! evaluates the order of the documents.
//!
//! `cargo run --release --example reranker -- --train-file FILE --test-file FILE --model DIR`
//!
//! A row is a query with a list of documents and a list of labels, or a query with one document and its
//! label: `--documents-column document --labels-column label`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use finetune::data::tabular::SplitFiles;
use finetune::data::{EmbeddingColumns, RerankingColumns, RerankingDataset, RerankingSplits};
use finetune::prelude::*;
use finetune::train::{
    EvaluationConfig, LambdaWeighting, RankingLossConfig, RerankerTraining, RerankerTrainingConfig,
};
use finetune_arguments::{ArgumentsError, RunArguments, announce_rows, exit_code, run_training};
use finetune_examples::SHOP_QUESTIONS;

/// Train a reranker on texts of your own and test it
///
/// Without --train-file and --test-file it runs on bundled questions to a web shop: each with its answer
/// and seven random others. The test has NDCG and MRR of the first documents, and MAP. The model is
/// saved in the layout of the cross-encoders of sentence-transformers.
///
/// Recipe: 3 epochs, 8 queries per batch, learning rate 5e-5, 512 tokens; with the mini encoder 5
/// epochs, 3e-4 and 128 tokens.
#[derive(Parser)]
struct Arguments {
    /// Training file with named columns: .jsonl, .json, .ndjson, .parquet, .arrow, .feather, .csv or
    /// .tsv, or a directory saved by the datasets library
    #[arg(long = "train-file", value_name = "FILE", requires = "test")]
    train: Option<PathBuf>,
    /// Test file, in any of these formats
    #[arg(long = "test-file", value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Column with the query
    #[arg(long, value_name = "NAME", default_value = "query")]
    query_column: String,
    /// Column with the documents of a query, or one of them
    #[arg(long, value_name = "NAME", default_value = "docs")]
    documents_column: String,
    /// Column with the labels of the documents, or one of them: higher is better, above 0 is relevant
    #[arg(long, value_name = "NAME", default_value = "labels")]
    labels_column: String,
    /// Training loss [default: lambda]
    #[arg(long, value_enum, value_name = "LOSS")]
    loss: Option<Loss>,
    /// Documents whose activations are in memory at a time, for queries whose documents would not fit:
    /// cached gradients [default: all of a batch]
    #[arg(long, value_name = "DOCUMENTS")]
    mini_batch_size: Option<usize>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Loss {
    Lambda,
    LambdaRank,
    RankNet,
    ListNet,
    ListMle,
    PlistMle,
}

const BUNDLED: &str = "Bundled questions to a web shop (original text, not a benchmark)";
/// Random answers in the list of a bundled question.
const RANDOM_ANSWERS: usize = 7;

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let run = &arguments.run;
    let settings = arguments.settings()?;
    let (title, splits) = arguments.read(settings.train.seed)?;
    let splits = announce_rows(&title, run, splits, settings.train.seed)?;
    let training = RerankerTraining::new(run.model().location(), splits).config(settings);
    run_training("reranker", training, run)
}

impl Arguments {
    /// Returns the settings: the recipe, overridden by the `--config` file, then by the arguments.
    fn settings(&self) -> Result<RerankerTrainingConfig, ArgumentsError> {
        let mut recipe = RerankerTrainingConfig::default();
        let of_examples = self.run.defaults();
        recipe.text = of_examples.text;
        recipe.train = TrainConfig {
            batch_size: recipe.train.batch_size,
            evaluation: self.run.holds_out_validation().then(|| EvaluationConfig {
                metric_for_best_model: "ndcg@10".to_string(),
                ..EvaluationConfig::default()
            }),
            ..of_examples.train
        };
        self.run.settings_changed(recipe, |settings| {
            if let Some(loss) = self.loss {
                settings.loss = loss.config();
            }
            settings.mini_batch_size = self.mini_batch_size.or(settings.mini_batch_size);
        })
    }

    /// Returns the name of the data for the first line of output, and its rows.
    fn read(&self, seed: u64) -> Result<(String, RerankingSplits), DataError> {
        if let (Some(train), Some(test)) = (&self.train, &self.test) {
            let columns = RerankingColumns {
                query: self.query_column.as_str().into(),
                documents: self.documents_column.as_str().into(),
                labels: self.labels_column.as_str().into(),
                format: None,
            };
            let splits = columns.read_splits(&SplitFiles::train_test(train, test))?;
            return Ok((train.display().to_string(), splits));
        }
        let columns = EmbeddingColumns {
            anchor: "question".into(),
            positive: "answer".into(),
            ..EmbeddingColumns::default()
        };
        let lists = |file: &str| {
            let pairs = columns.read(&Path::new(SHOP_QUESTIONS).join(file))?;
            RerankingDataset::from_positives(&pairs, RANDOM_ANSWERS, seed)
        };
        let splits = RerankingSplits {
            test: Some(lists("test.csv")?),
            ..lists("train.csv")?.into()
        };
        Ok((BUNDLED.to_string(), splits))
    }
}

impl Loss {
    fn config(self) -> RankingLossConfig {
        let (k, sigma, reduction_log) = (None, 1.0, Default::default());
        let lambda = |weighting| RankingLossConfig::Lambda {
            weighting,
            k,
            sigma,
            reduction_log,
        };
        match self {
            Self::Lambda => RankingLossConfig::default(),
            Self::LambdaRank => lambda(LambdaWeighting::LambdaRank),
            Self::RankNet => RankingLossConfig::RankNet {
                k,
                sigma,
                reduction_log,
            },
            Self::ListNet => RankingLossConfig::ListNet {},
            Self::ListMle => RankingLossConfig::ListMle {},
            Self::PlistMle => RankingLossConfig::PlistMle {},
        }
    }
}
