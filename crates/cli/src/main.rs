//! The program `finetune`; see `finetune --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    finetune_cli::run(std::env::args_os())
}
