//! The program `finetune`: training, evaluation, prediction, embeddings, tokenization, pre-training,
//! studies, serving, export and comparison of models from the command line.
//!
//! ```text
//! finetune train --train-file train.csv --test-file test.csv --model DIR
//! finetune predict --model runs/train-1/model "A text"
//! finetune serve --model runs/train-1/model
//! ```
//!
//! Each command is a module with a struct of its arguments and a `run`; those that the examples have,
//! too, are in [`finetune_arguments`]. [`run`] is the whole program.

mod calibrate;
mod command;
mod compare;
mod embed;
mod evaluate;
mod export;
mod held_out_rows;
mod help;
mod labeled_texts;
mod named_dataset;
mod predictions;
mod pretrain;
mod quantize;
mod serve;
mod train;
mod train_task;
mod upload;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;
use finetune_arguments::exit_code;

pub use self::export::ExportArguments;
pub use self::serve::ServeArguments;

/// Runs the program with these arguments, of which the first is its name, and returns its exit code: 0
/// if all went well, 1 after an error, and 2 if the command line cannot be understood.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = command::program().get_matches_from(arguments);
    match command::Command::from_arg_matches(&matches) {
        Ok(command) => exit_code(command.run()),
        Err(error) => error.exit(),
    }
}
