//! Fine-tunes a BERT on files of your own: CSV, TSV, JSONL or Parquet, any number of classes.
//!
//! `cargo run --release --example classify -- --train FILE --test FILE --text-column text
//! --label-column label --model DIR`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::tabular::{self, Columns};
use finetune_examples::{CUSTOMER_MESSAGES, RunArguments, exit_code, fine_tune};

/// Fine-tune an encoder on texts of your own and test it
///
/// Without --train and --test it runs on the bundled customer messages.
#[derive(Parser)]
struct Arguments {
    /// Training rows: a .csv, .tsv, .jsonl or .parquet file with named columns
    #[arg(long, value_name = "FILE", requires = "test")]
    train: Option<PathBuf>,
    /// Test rows, in any of these formats
    #[arg(long, value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Column with the text [default: text, bundled: message]
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// Column with the class, a name or a number [default: label, bundled: topic]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    #[command(flatten)]
    run: RunArguments,
}

const BUNDLED: &str = "Bundled customer messages (original text, not a benchmark)";

fn main() -> ExitCode {
    let Arguments {
        train,
        test,
        text_column,
        label_column,
        run,
    } = Arguments::parse();
    let (title, train, test, columns) = match (train, test) {
        (Some(train), Some(test)) => (train.display().to_string(), train, test, Columns::default()),
        _ => {
            let folder = Path::new(CUSTOMER_MESSAGES);
            let columns = Columns {
                text: "message".into(),
                label: "topic".into(),
            };
            (
                BUNDLED.to_string(),
                folder.join("train.csv"),
                folder.join("test.csv"),
                columns,
            )
        }
    };
    let columns = Columns {
        text: text_column.unwrap_or(columns.text),
        label: label_column.unwrap_or(columns.label),
    };
    let opened = tabular::open(&train, &test, &columns);
    let run = |splits| fine_tune("classify", &title, &run, splits);
    exit_code(opened.map_err(Into::into).and_then(run))
}
