//! Exports a fine-tuned model to ONNX, or to safetensors in another precision.
//!
//! `cargo run --release --example export -- --model runs/classify-1/model --output DIR --format onnx --dtype int8`
//!
//! The example is one of the package `finetune-cli`. In a program of your own it is one call of
//! `finetune-onnx`.

use std::process::ExitCode;

use clap::Parser;
use finetune_arguments::exit_code;
use finetune_cli::ExportArguments;

/// Export a fine-tuned model, with its configuration and tokenizer beside it
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    export: ExportArguments,
}

fn main() -> ExitCode {
    exit_code(Arguments::parse().export.run())
}
