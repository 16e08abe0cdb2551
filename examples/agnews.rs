//! Fine-tunes a BERT on AG News.
//!
//! `cargo run --release --example agnews` runs on the bundled sample with the bundled mini
//! encoder. The real thing:
//!
//! `cargo run --release --example agnews -- --model DIR --data DIR --epochs 2 --lr 1e-4
//! --max-length 128 --report out.json`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::{Opened, catalog};
use finetune_examples::{RunArguments, SAMPLE_AG_NEWS, data_directory, exit_code, fine_tune};

/// Fine-tune an encoder on AG News and test it
#[derive(Parser)]
struct Arguments {
    /// Folder with train.csv and test.csv as Zhang et al. published them, or the Parquet files of
    /// the hub; or `hub` to download them [default: the bundled sample, original text, not a
    /// benchmark]
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
    exit_code(open(&directory).and_then(|opened| fine_tune("agnews", &title, &run, opened)))
}

fn open(directory: &Path) -> Result<Opened, Box<dyn Error>> {
    let directory = data_directory("ag_news", directory)?;
    Ok(catalog::named("ag_news")?.open(&directory)?)
}
