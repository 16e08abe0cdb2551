//! Random search with successive halving on AG News over learning rate, batch size, weight decay
//! and gradient accumulation; a technical report names this search as its next step. Candidates are
//! compared by validation accuracy, and the best one is tested.
//!
//! `cargo run --release --example random_search` runs on the bundled sample. With a real encoder
//! and the published data:
//!
//! `cargo run --release --example random_search -- --model DIR --data DIR --trials 27`

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use finetune::eval::report::{Column, Section, Table};
use finetune::eval::statistics::SampleSummary;
use finetune::prelude::*;
use finetune::study::{Study, StudyConfig};
use finetune::train::EvaluationConfig;
use finetune_examples::study::{SEED, StudyArguments, StudyCommand, run_study};
use finetune_examples::{SAMPLE_AG_NEWS, exit_code};

/// Search learning rate, batch size, weight decay and accumulation on AG News
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<StudyCommand>,
    /// Number of points to sample [default: 27, mini: 9]
    #[arg(long, value_name = "N", global = true)]
    trials: Option<usize>,
    #[command(flatten)]
    study: StudyArguments,
}

/// Ranges around the report's values: learning rate 2e-5, 64 rows per batch, weight decay 0.01,
/// gradients accumulated over two batches.
const STUDY: &str = r#"
    name = "Random search on AG News"
    metric = "accuracy"
    eval_split = "validation"

    [[parameters]]
    path = "train.optimizer.learning_rate"
    name = "rate"
    log_uniform = [5e-6, 2e-4]

    [[parameters]]
    path = "train.batch_size.rows"
    name = "batch"
    choice = [16, 32, 64]

    [[parameters]]
    path = "train.optimizer.weight_decay"
    name = "decay"
    log_uniform = [1e-3, 1e-1]

    [[parameters]]
    path = "train.gradient_accumulation_steps"
    name = "accumulated"
    choice = [1, 2]

    [halving]
    resource = "train.duration.epochs"
    min_resource = 1
    max_resource = 4
    factor = 2
"#;

/// Accuracy and F1 of the report, as rounded there.
const PUBLISHED: [(&str, f64); 2] = [("accuracy", 0.94), ("macro_f1", 0.91)];

fn main() -> ExitCode {
    exit_code(run(Arguments::parse()))
}

fn run(
    Arguments {
        command,
        trials,
        study: arguments,
    }: Arguments,
) -> Result<(), Box<dyn Error>> {
    let data = arguments
        .data
        .as_deref()
        .unwrap_or(Path::new(SAMPLE_AG_NEWS));
    let splits = arguments.open("ag_news", data)?;
    let is_mini = arguments.common.model().is_mini();
    let mut recipe = FineTuningConfig::default();
    recipe.text.encoding = EncodingConfig::new(if is_mini { 64 } else { 128 });
    recipe.train.evaluation = Some(EvaluationConfig {
        metric_for_best_model: "accuracy".to_string(),
        ..EvaluationConfig::default()
    });
    let settings = arguments.settings_with(recipe)?;
    let experiment = (arguments.experiment(splits)?)
        .defaults(settings)
        .validation_split(0.1, SEED);
    let mut config = StudyConfig::from_toml(STUDY)?;
    config.num_trials = Some(trials.unwrap_or(if is_mini { 9 } else { 27 }));
    config.seeds = arguments.seeds(1);
    if is_mini {
        // The weak mini encoder needs a higher learning rate.
        config.parameters[0].log_uniform = Some([2e-4, 5e-3]);
    }
    let study = Study::new(config, &experiment)?;
    run_study(command, &arguments.folder, &study, &experiment, |results| {
        let Some(best) = results.best() else {
            return Ok(Vec::new());
        };
        let columns = [
            Column::text("Test"),
            Column::number("ours", 4),
            Column::number("published", 2),
        ];
        let mut table = Table::new(
            format!(
                "The best on the rows held out, {}, tested.",
                study.candidate_label(best)
            ),
            columns.into(),
        );
        for (metric, published) in PUBLISHED {
            let scores = results.test_scores(best, metric);
            let name = metric.replace('_', " ");
            let ours = SampleSummary::of(&scores, 0.95)?;
            table.push([name.into(), ours.into(), published.into()])?;
        }
        Ok(vec![
            Section::new("Beside the published scores").with(table),
        ])
    })
}
