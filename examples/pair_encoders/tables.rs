//! Tables 1, 2 and 4 of the paper beside ours.

use std::error::Error;

use finetune::eval::EvalError;
use finetune::eval::report::{Column, Section, Table};
use finetune::model::HeadConfig;
use finetune::prelude::*;
use finetune::train::MultiTaskConfig;
use finetune_examples::{TaskStatistics, Variant, VariantResults};

use super::variants::{DEFAULT, FINAL, TUNED};

/// Table 1.
const STATISTICS: [TaskStatistics; 3] = [
    TaskStatistics {
        task: "sst",
        dataset: "SST",
        inputs: 1,
        classes: 5,
        rows: [8544, 1101, 2210],
    },
    TaskStatistics {
        task: "para",
        dataset: "QQP",
        inputs: 2,
        classes: 2,
        rows: [141_506, 20_215, 40_431],
    },
    TaskStatistics {
        task: "sts",
        dataset: "SemEval STS",
        inputs: 2,
        classes: 6,
        rows: [6041, 864, 1726],
    },
];

/// Table 2: epochs, batch size, dropout probability and learning rate.
const SETTINGS: [(&str, &str, [&str; 4]); 2] = [
    ("default", DEFAULT, ["10", "8", "0.3", "1e-5"]),
    ("experimental", TUNED, ["10", "32", "0.4", "2e-5"]),
];

/// Table 4: dev and test scores in the order overall, sentiment, paraphrases, similarity.
const LEADERBOARD: [[f64; 4]; 2] = [[0.620, 0.484, 0.768, 0.607], [0.628, 0.500, 0.772, 0.614]];

/// Returns the sections with tables 1, 2 and 4.
pub(crate) fn sections(
    ours: &VariantResults<'_>,
    settings: &Result<Table, EvalError>,
) -> Result<Vec<Section>, Box<dyn Error>> {
    let statistics = ours.statistics(
        "Xie, table 1: the three sets. Our similarities are scores from 0 to 5, without classes; \
         test rows of ours are those with labels.",
        &STATISTICS,
    )?;
    let mut sections = vec![
        Section::new("Data").with(statistics),
        Section::new("Settings").with(settings.clone()?),
    ];
    let caption = "Xie, table 4: the final model, STS-cross-encoder, on the leaderboards.";
    let table = ours.leaderboard(caption, FINAL, LEADERBOARD)?;
    sections.extend(table.map(|table| Section::new("Final model").with(table)));
    Ok(sections)
}

/// Returns table 2 with the settings of our variants.
///
/// # Errors
/// If the table cannot be built.
pub(crate) fn settings(variants: &[Variant]) -> Result<Table, EvalError> {
    let mut columns = vec![Column::text("Settings")];
    for name in ["epochs", "batch size", "dropout", "learning rate"] {
        columns.push(Column::text(format!("our {name}")));
        columns.push(Column::text(format!("published {name}")));
    }
    let caption = "Xie, table 2: default and tuned settings.";
    let mut table = Table::new(caption, columns);
    for (name, variant, published) in SETTINGS {
        let variant = variants.iter().find(|other| other.name == variant);
        let Some(config) = variant.and_then(|variant| variant.runs.first()) else {
            continue;
        };
        let mut cells = vec![name.into()];
        for (ours, published) in values(config).into_iter().zip(published) {
            cells.push(ours.into());
            cells.push(published.into());
        }
        table.push(cells)?;
    }
    Ok(table)
}

/// Returns epochs, batch size, dropout probability and learning rate of a run.
fn values(config: &MultiTaskConfig) -> [String; 4] {
    let train = &config.train;
    let duration = match train.duration {
        TrainDuration::Epochs(epochs) => epochs.to_string(),
        TrainDuration::Steps(steps) => format!("{steps} steps"),
    };
    let batch = match train.batch_size {
        BatchSize::Rows(rows) => rows.to_string(),
        BatchSize::Tokens(tokens) => format!("{tokens} tokens"),
    };
    let head = config
        .tasks
        .first()
        .and_then(|task| task.model.head.as_ref());
    let dropout = match head {
        Some(HeadConfig::Mlp(head)) => head.input_dropout.to_string(),
        _ => "that of the checkpoint".to_string(),
    };
    let rate = format!("{:e}", train.optimizer.learning_rate);
    [duration, batch, dropout, rate]
}
