//! Grid over learning rates and batch sizes of a classifier on a frozen encoder, whose activations
//! are computed once for the whole grid. Reproduces tables 2 and 3 and figure 2 of H. Chen and Y.
//! Gao, "Analysis of Fine-Tuning Techniques for Text Classification Tasks".
//!
//! `cargo run --release --example learning_rate_and_batch_size` runs on the bundled sample. With a
//! real encoder and the published data:
//!
//! `cargo run --release --example learning_rate_and_batch_size -- --model DIR --data DIR --dataset imdb`

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use finetune::prelude::*;
use finetune::study::{SearchParameter, Study, StudyConfig};
use finetune::train::{Decay, EvaluationConfig, Warmup};
use finetune_examples::study::{
    Published, SEED, StudyArguments, StudyCommand, published_section, run_study,
};
use finetune_examples::{SAMPLE_AG_NEWS, SAMPLE_IMDB, exit_code};

/// Compare learning rates and batch sizes of a classifier on a frozen encoder
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<StudyCommand>,
    /// Dataset of the study that --data contains
    #[arg(long, value_enum, default_value = "ag_news", global = true)]
    dataset: DataSet,
    #[command(flatten)]
    study: StudyArguments,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum DataSet {
    AgNews,
    YahooAnswersTopics,
    Imdb,
}

const RATES: [f64; 5] = [1e-2, 5e-3, 2e-3, 1e-3, 5e-4];
/// The learning rates as tables show them.
const RATE_LABELS: [&str; 5] = ["0.01", "5e-3", "2e-3", "1e-3", "5e-4"];
const ROWS: [usize; 5] = [16, 24, 32, 48, 64];

impl DataSet {
    fn name(self) -> &'static str {
        match self {
            Self::AgNews => "ag_news",
            Self::YahooAnswersTopics => "yahoo_answers_topics",
            Self::Imdb => "imdb",
        }
    }

    fn sample(self) -> Result<&'static str, Box<dyn Error>> {
        match self {
            Self::AgNews => Ok(SAMPLE_AG_NEWS),
            Self::Imdb => Ok(SAMPLE_IMDB),
            Self::YahooAnswersTopics => Err("yahoo_answers_topics: give --data".into()),
        }
    }

    /// Returns the published test accuracies at each learning rate, with a batch size of 32 (table
    /// 2).
    fn at_rates(self) -> [f64; 5] {
        match self {
            Self::AgNews => [
                0.897631579,
                0.901842105,
                0.904342105,
                0.898684211,
                0.897894737,
            ],
            Self::YahooAnswersTopics => [0.704533333, 0.70265, 0.704083333, 0.70365, 0.70335],
            Self::Imdb => [0.8578, 0.85804, 0.8578, 0.85456, 0.8438],
        }
    }

    /// Returns the published test accuracies at each batch size, with a learning rate of 2e-3
    /// (table 3).
    fn at_batch_sizes(self) -> [f64; 5] {
        match self {
            Self::AgNews => [0.899605263, 0.898157895, 0.904342105, 0.897368421, 0.85524],
            Self::YahooAnswersTopics => {
                [0.70165, 0.702133333, 0.704083333, 0.702666667, 0.701733333]
            }
            Self::Imdb => [0.8554, 0.85768, 0.8578, 0.855, 0.85524],
        }
    }
}

fn main() -> ExitCode {
    exit_code(run(Arguments::parse()))
}

fn run(
    Arguments {
        command,
        dataset,
        study: arguments,
    }: Arguments,
) -> Result<(), Box<dyn Error>> {
    let data = match &arguments.data {
        Some(data) => data.as_path(),
        None => Path::new(dataset.sample()?),
    };
    let splits = arguments.open(dataset.name(), data)?;
    let mut settings = arguments.settings(if arguments.model.is_mini() { 64 } else { 512 }, 10);
    settings.train.freeze = FreezeScope::Encoder.into();
    settings.train.lr_scheduler = LrScheduler {
        warmup: Warmup::Ratio(0.1),
        decay: Decay::Cosine,
    };
    settings.train.evaluation = Some(EvaluationConfig {
        metric_for_best_model: "accuracy".to_string(),
        ..EvaluationConfig::default()
    });
    // The best epoch is chosen on held-out validation rows and tested once; the paper chose it on
    // the test rows.
    let experiment = (arguments.experiment(splits)?)
        .defaults(settings)
        .validation_split(0.1, SEED);
    let config = StudyConfig {
        name: format!("Learning rate and batch size on {}", dataset.name()),
        seeds: arguments.seeds(1),
        parameters: vec![
            SearchParameter::of("train.optimizer.learning_rate", RATES).with_label("rate"),
            SearchParameter::of("train.batch_size.rows", ROWS).with_label("batch"),
        ],
        ..StudyConfig::default()
    };
    let study = Study::new(config, &experiment)?;
    run_study(command, &arguments.folder, &study, &experiment, |results| {
        let rates = RATE_LABELS.map(|rate| format!("rate {rate}, batch 32"));
        let batches = ROWS.map(|rows| format!("rate 2e-3, batch {rows}"));
        let mut sections = Vec::new();
        for (table, labels, scores) in [
            (2, rates, dataset.at_rates()),
            (3, batches, dataset.at_batch_sizes()),
        ] {
            let caption = format!("Chen and Gao, table {table}, with DistilBERT.");
            let scores = scores.map(|score| [score]);
            let rows = labels.iter().zip(&scores);
            let rows: Vec<Published> = rows
                .map(|(candidate, scores)| Published { candidate, scores })
                .collect();
            sections.push(published_section(results, &caption, &["accuracy"], &rows)?);
        }
        Ok(sections)
    })
}
