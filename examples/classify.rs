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
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use finetune::data::Target;
use finetune::data::tabular::{self, ColumnNames, LabelKind, SplitFiles};
use finetune::eval::MetricKind;
use finetune::prelude::*;
use finetune::train::{DecisionThreshold, EvaluationConfig};
use finetune_examples::{
    CUSTOMER_MESSAGES, ColumnList, RunArguments, TableArguments, exit_code, fine_tune, score_range,
    thresholds,
};

/// Fine-tune an encoder on texts of your own and test it
///
/// Without --train-file and --test-file it runs on the bundled customer messages. Classes are
/// reported with accuracy, F1 and a confusion matrix, any number of classes per text with F1 and
/// areas under curves, scores with Pearson's and Spearman's correlation and the mean absolute and
/// squared errors.
///
/// Recipe: 3 epochs, 32 rows per batch, learning rate 5e-5, 512 tokens; with the mini encoder 5
/// epochs, 8 rows, 3e-4 and 128. Any number of classes is trained with binary cross-entropy, scores
/// with the L2 loss.
#[derive(Parser)]
struct Arguments {
    /// Training file with named columns: .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow or
    /// .feather, or a directory saved by the datasets library
    #[arg(long = "train-file", value_name = "FILE", requires = "test")]
    train: Option<PathBuf>,
    /// Test file, in any of these formats
    #[arg(long = "test-file", value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Columns with the text, joined by spaces [default: text, bundled: message]. Commas separate
    /// names; a name with a comma is in double quotes: '"last, first",title'
    #[arg(long, value_name = "NAME,...")]
    text_column: Vec<ColumnList>,
    /// Columns with the second text of a pair, as in --text-column
    #[arg(long, value_name = "NAME,...")]
    text_pair_column: Vec<ColumnList>,
    /// Column with the class name or number, or with the score [default: label, bundled: topic]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// Columns of 0 and 1, one for each class, of which a text may have any number; a name with a
    /// comma is in double quotes
    #[arg(long, value_name = "NAME,...", conflicts_with_all = ["label_column", "label_separator", "class_names"])]
    label_columns: Vec<ColumnList>,
    /// Separator of any number of classes in the label column, such as `;`
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    label_separator: Option<String>,
    /// Class names, in the order of the outputs of the model [default: those of the training rows,
    /// sorted]
    #[arg(long, value_name = "NAME,...")]
    class_names: Vec<ColumnList>,
    /// Minimum probability of a predicted class where a text may have any number: a number, one for
    /// each class, or `max_f1` to tune them on the validation rows [default: 0.5]
    #[arg(long, value_name = "P,...|max_f1", value_parser = threshold)]
    threshold: Option<DecisionThreshold>,
    /// Kind of labels; `auto` is classes, but refuses labels that look like scores; `multi-label` is
    /// any number of classes in a column of lists
    #[arg(long, value_enum, default_value = "auto")]
    label_type: LabelType,
    /// Minimum and maximum of the scores [default: those of the training rows]
    #[arg(long, value_name = "MIN,MAX", value_parser = score_range, allow_hyphen_values = true)]
    score_range: Option<[f64; 2]>,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum LabelType {
    Auto,
    Classes,
    MultiLabel,
    Score,
}

/// Parses `max_f1`, a number, or numbers with commas between them.
fn threshold(text: &str) -> Result<DecisionThreshold, String> {
    if text == "max_f1" {
        return Ok(DecisionThreshold::MaxF1);
    }
    thresholds(text).map(DecisionThreshold::Fixed)
}

const BUNDLED: &str = "Bundled customer messages (original text, not a benchmark)";

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (title, files, columns) = arguments.data();
    let options = arguments.table.options(columns, arguments.labels()?);
    let opened = tabular::open(&files, &options).map_err(|error| -> Box<dyn Error> {
        match error {
            DataError::AmbiguousLabels { .. } => {
                format!("{error}: --label-type score or --label-type classes").into()
            }
            error => error.into(),
        }
    })?;
    let run = &arguments.run;
    let mut recipe = run.defaults();
    recipe.threshold = arguments.threshold.clone();
    let selecting = |metric: MetricKind| {
        run.holds_out_validation().then(|| EvaluationConfig {
            metric_for_best_model: metric.to_string(),
            ..EvaluationConfig::default()
        })
    };
    match opened.splits.train.schema.target {
        Target::Score { .. } => {
            recipe.loss = LossConfig::Mse {};
            recipe.metrics = vec![MetricKind::MeanSquaredError.to_string()];
            recipe.train.evaluation = selecting(MetricKind::Pearson);
        }
        Target::MultiLabel(_) => recipe.train.evaluation = selecting(MetricKind::MicroF1),
        _ => {}
    }
    fine_tune("classify", &title, run, run.settings_with(recipe)?, opened)
}

impl Arguments {
    fn labels(&self) -> Result<LabelKind, Box<dyn Error>> {
        let names = ColumnList::columns(&self.class_names)
            .iter()
            .map(ToString::to_string)
            .collect();
        let classes: Option<Vec<String>> = (!self.class_names.is_empty()).then_some(names);
        let is_multi_label =
            self.label_separator.is_some() || self.label_type == LabelType::MultiLabel;
        let kind = match (self.label_type, self.score_range) {
            (LabelType::Auto | LabelType::MultiLabel, None) if !self.label_columns.is_empty() => {
                return Ok(LabelKind::Indicators(ColumnList::columns(
                    &self.label_columns,
                )));
            }
            (LabelType::Auto | LabelType::MultiLabel, None) if is_multi_label => {
                return Ok(LabelKind::MultiLabel {
                    separator: self.label_separator.clone(),
                    classes,
                });
            }
            _ if is_multi_label || !self.label_columns.is_empty() => {
                let error =
                    "--label-columns and --label-separator are for --label-type multi-label";
                return Err(error.into());
            }
            (LabelType::Score, Some([min, max])) => LabelKind::Range { min, max },
            (LabelType::Score, None) => LabelKind::InferRange,
            (_, Some(_)) => return Err("--score-range needs --label-type score".into()),
            (LabelType::Classes, None) => LabelKind::InferClasses,
            (LabelType::Auto | LabelType::MultiLabel, None) => LabelKind::Infer,
        };
        match (classes, self.label_type) {
            (Some(_), LabelType::Score) => Err("--class-names are not for scores".into()),
            (Some(names), _) => Ok(LabelKind::Classes(names)),
            (None, _) => Ok(kind),
        }
    }

    /// Returns the name of the data for the first line of output, its files and its columns.
    fn data(&self) -> (String, SplitFiles, ColumnNames) {
        let (title, files, text, label) = match (&self.train, &self.test) {
            (Some(train), Some(test)) => {
                let files = SplitFiles::train_test(train, test);
                (train.display().to_string(), files, "text", "label")
            }
            _ => {
                let directory = Path::new(CUSTOMER_MESSAGES);
                let files =
                    SplitFiles::train_test(directory.join("train.csv"), directory.join("test.csv"));
                (BUNDLED.to_string(), files, "message", "topic")
            }
        };
        let columns = ColumnNames {
            text: match self.text_column.as_slice() {
                [] => vec![text.into()],
                lists => ColumnList::columns(lists),
            },
            text_pair: ColumnList::columns(&self.text_pair_column),
            label: Some(self.label_column.as_deref().unwrap_or(label).into()),
        };
        (title, files, columns)
    }
}
