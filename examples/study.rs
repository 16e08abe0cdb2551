//! Runs any fine-tuning study from a file.
//!
//! `cargo run --release --example study -- run FILE --study-dir DIR`
//!
//! The table `experiment` of the file names the data, the model and the device; see
//! `docs/guide/studies.md`. Without data, it is the bundled sample of the dataset.

use std::process::ExitCode;

use clap::Parser;
use finetune_arguments::{StudyFileArguments, exit_code};
use finetune_examples::sample_of;

/// Run a fine-tuning study from a file
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    study: StudyFileArguments,
}

fn main() -> ExitCode {
    exit_code(Arguments::parse().study.run(sample_of))
}
