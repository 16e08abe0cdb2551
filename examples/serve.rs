//! Serves fine-tuned models over a REST API with dynamic batching and a demo page.
//!
//! `cargo run --release --example serve -- --model runs/classify-1/model`
//!
//! Without a model, it serves the bundled one. The example is one of the package `finetune-cli`. A server
//! of your own is a few lines with `finetune-serve`.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use finetune_arguments::exit_code;
use finetune_cli::ServeArguments;

/// Model of the project that is served without --model.
const MESSAGE_TOPICS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/message_topics");

/// Serve fine-tuned models over HTTP
///
/// Try it on the page at the printed address, or with
/// curl -H 'Content-Type: application/json' -d '{"inputs": "A text"}' ADDRESS/v1/models/NAME/classify
///
/// Without --model, it serves the bundled one.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    serve: ServeArguments,
}

fn main() -> ExitCode {
    exit_code(
        Arguments::parse()
            .serve
            .run(Some(Path::new(MESSAGE_TOPICS))),
    )
}
