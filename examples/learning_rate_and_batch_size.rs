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
use finetune::eval::report::Section;
use finetune::prelude::*;
use finetune::study::{SearchParameter, Study, StudyConfig, StudyResults};
use finetune::train::{Decay, EvaluationConfig, Warmup};
use finetune_arguments::{STUDY_SEED, StudyCommand, exit_code, run_study};
use finetune_examples::study::{
    Published, PublishedExperiment, PublishedStudy, PublishedTable, StudyArguments,
};
use finetune_examples::{SAMPLE_AG_NEWS, SAMPLE_IMDB};

/// Compare learning rates and batch sizes of a classifier on a frozen encoder
///
/// Makes, for one dataset: the accuracy of each learning rate with batches of 32 rows and of each
/// batch size at 2e-3 beside tables 2 and 3 of the paper; figure 2, the training loss by step, with
/// a panel for the learning rates and one for the batch sizes; a grid, box plots and tests.
///
/// Recipe: 10 epochs, warm-up over a tenth of the steps, then cosine decay, 512 tokens (mini: 64),
/// one seed. --learning-rate and --batch-size replace the values of the grid by one.
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

impl DataSet {
    /// Returns tables 2 and 3 and figure 2 of the paper with our scores.
    fn section(
        self,
        published: &PublishedStudy<'_>,
        results: &StudyResults<'_>,
    ) -> Result<Section, Box<dyn Error>> {
        let rates = RATE_LABELS.map(|rate| format!("rate {rate}, batch 32"));
        let batches = ROWS.map(|rows| format!("rate 2e-3, batch {rows}"));
        let at_rates = self.at_rates().map(|score| [score]);
        let at_batch_sizes = self.at_batch_sizes().map(|score| [score]);
        let [rates, batches] = [(&rates, &at_rates), (&batches, &at_batch_sizes)].map(
            |(labels, scores)| -> Vec<Published> {
                let rows = labels.iter().zip(scores);
                rows.map(|(label, scores)| Published::new(label, scores))
                    .collect()
            },
        );
        let table = |caption, rows| PublishedTable {
            caption,
            metrics: &["accuracy"],
            rows,
        };
        let tables = [
            table("Chen and Gao, table 2, with DistilBERT.", &rates),
            table("Chen and Gao, table 3, with DistilBERT.", &batches),
        ];
        let mut section = published.section(results, &tables)?;
        // Figure 2: one panel per axis, with the other at its published value.
        let loss = "training loss per step";
        for (axis, at) in [("rate", ("batch", "32")), ("batch", ("rate", "2e-3"))] {
            if let Some(panel) = results.curve_along(loss, axis, &[at])? {
                section = section.with(panel);
            }
        }
        Ok(section)
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
    let mut start = recipe();
    if arguments.common.model().is_mini() {
        start.text.encoding = EncodingConfig::new(64);
    }
    // The best epoch is chosen on held-out validation rows and tested once; the paper chose it on
    // the test rows.
    let experiment = (arguments.experiment(splits)?)
        .defaults(arguments.settings_with(start)?)
        .validation_split(0.1, STUDY_SEED);
    let mut config = config(dataset);
    config.seeds = arguments.seeds(1);
    let published_study = PublishedExperiment(recipe()).study(config.clone())?;
    // A value that is given replaces those of the study.
    for parameter in &mut config.parameters {
        if let Some(value) = arguments.common.given(&parameter.path)? {
            parameter.values = Some(vec![value]);
        }
    }
    let study = Study::new(config, &experiment)?;
    let mut conditions = arguments.conditions("DistilBERT");
    let best = "best epoch: chosen on a tenth of the training rows instead of on the test rows";
    conditions.notes.push(best.to_string());
    let published = PublishedStudy {
        recipe: &published_study,
        conditions,
    };
    run_study(
        command,
        &arguments.directory,
        &study,
        &experiment,
        |results| Ok(vec![dataset.section(&published, results)?]),
    )
}

/// Returns the settings of the study that do not vary. The paper does not state its number of
/// epochs.
fn recipe() -> FineTuningConfig {
    let mut settings = FineTuningConfig::default();
    settings.text.encoding = EncodingConfig::new(512);
    settings.train.duration = TrainDuration::Epochs(10);
    settings.train.freeze = FreezeScope::Encoder.into();
    settings.train.lr_scheduler = LrScheduler {
        warmup: Warmup::Ratio(0.1),
        decay: Decay::Cosine,
    };
    settings.train.evaluation = Some(EvaluationConfig {
        metric_for_best_model: "accuracy".to_string(),
        ..EvaluationConfig::default()
    });
    settings
}

fn config(dataset: DataSet) -> StudyConfig {
    StudyConfig {
        name: format!("Learning rate and batch size on {}", dataset.name()),
        parameters: vec![
            SearchParameter::of("train.optimizer.learning_rate", RATES).with_label("rate"),
            SearchParameter::of("train.batch_size.rows", ROWS).with_label("batch"),
        ],
        ..StudyConfig::default()
    }
}
