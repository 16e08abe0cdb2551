//! Fine-tunes a BERT on files of your own: CSV, TSV, JSONL or Parquet, any number of classes.
//!
//! `cargo run --release --example classify -- --train-file FILE --test-file FILE --text-column text
//! --label-column label --model DIR`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::OnBadRow;
use finetune::data::table::Column;
use finetune::data::tabular::{self, ColumnNames, SplitFiles, TabularOptions};
use finetune_examples::{CUSTOMER_MESSAGES, RunArguments, exit_code, fine_tune};

/// Fine-tune an encoder on texts of your own and test it
///
/// Without --train-file and --test-file it runs on the bundled customer messages.
#[derive(Parser)]
struct Arguments {
    /// Training file with named columns: .csv, .tsv, .jsonl or .parquet
    #[arg(long = "train-file", value_name = "FILE", requires = "test")]
    train: Option<PathBuf>,
    /// Test file, in any of these formats
    #[arg(long = "test-file", value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Columns with the text, joined by spaces [default: text, bundled: message]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    text_column: Vec<String>,
    /// Columns with the second text of a pair
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    text_pair_column: Vec<String>,
    /// Column with the class name or number [default: label, bundled: topic]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// Skip and count bad rows instead of stopping at the first
    #[arg(long)]
    skip_bad_rows: bool,
    #[command(flatten)]
    run: RunArguments,
}

const BUNDLED: &str = "Bundled customer messages (original text, not a benchmark)";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (title, files, columns) = arguments.data();
    let options = TabularOptions {
        columns,
        on_bad_rows: match arguments.skip_bad_rows {
            true => OnBadRow::Skip,
            false => OnBadRow::Error,
        },
        ..TabularOptions::default()
    };
    let opened = tabular::open(&files, &options);
    let run = |opened| fine_tune("classify", &title, &arguments.run, opened);
    exit_code(opened.map_err(Into::into).and_then(run))
}

impl Arguments {
    /// Returns the name of the data for the first line of output, its files and its columns.
    fn data(&self) -> (String, SplitFiles, ColumnNames) {
        let (title, files, text, label) = match (&self.train, &self.test) {
            (Some(train), Some(test)) => {
                let files = SplitFiles::train_test(train, test);
                (train.display().to_string(), files, "text", "label")
            }
            _ => {
                let folder = Path::new(CUSTOMER_MESSAGES);
                let files =
                    SplitFiles::train_test(folder.join("train.csv"), folder.join("test.csv"));
                (BUNDLED.to_string(), files, "message", "topic")
            }
        };
        let named = |names: &[String]| -> Vec<Column> {
            names.iter().map(|name| name.as_str().into()).collect()
        };
        let columns = ColumnNames {
            text: match self.text_column.as_slice() {
                [] => vec![text.into()],
                names => named(names),
            },
            text_pair: named(&self.text_pair_column),
            label: Some(self.label_column.as_deref().unwrap_or(label).into()),
        };
        (title, files, columns)
    }
}
