//! Fine-tunes a BERT on AG News.
//!
//! `cargo run --release --example agnews` runs on the bundled sample with the bundled mini
//! encoder. The real thing:
//!
//! `cargo run --release --example agnews -- --model DIR --data DIR --epochs 2 --lr 1e-4
//! --max-length 128 --report out.json`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use finetune::data::catalog;
use finetune_examples::{RunArguments, SAMPLE_AG_NEWS, exit_code, fine_tune};

/// Fine-tune an encoder on AG News and test it
#[derive(Parser)]
struct Arguments {
    /// Folder with train.csv and test.csv as Zhang et al. published them, or the Parquet files of
    /// the hub [default: the bundled sample, original text, not a benchmark]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    run: RunArguments,
}

const BUNDLED: &str = "Bundled sample of AG News (original text, not a benchmark)";

fn main() -> ExitCode {
    let Arguments { data, run } = Arguments::parse();
    let (title, directory) = match data {
        Some(directory) => (directory.display().to_string(), directory),
        None => (BUNDLED.to_string(), SAMPLE_AG_NEWS.into()),
    };
    let opened = catalog::named("ag_news").and_then(|news| news.open(&directory));
    let run = |opened| fine_tune("agnews", &title, &run, opened);
    exit_code(opened.map_err(Into::into).and_then(run))
}
