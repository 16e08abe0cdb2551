//! Damages the input of every reader of the workspace, and checks that each answers with content or
//! an error: no panic, no abort, and none that takes longer than five seconds.
//!
//! ```sh
//! cargo run --release --bin finetune-fuzz -- --inputs 1000000 --keep failures
//! ```
//!
//! 1. A [`Reader`] writes valid files, the seeds, and reads them.
//! 2. [`mutation`] damages the bytes of a file, [`json`] its structure. An input is a function of
//!    reader, `--seed` and its number alone.
//! 3. Each reader runs in a child process ([`worker`]), so that an abort ends only the child. The
//!    parent ([`supervisor`]) starts it again after the input that failed.

mod input;
mod json;
mod mutation;
mod reader;
mod readers;
mod supervisor;
mod worker;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use reader::Reader;
use supervisor::{Outcome, Supervisor};

/// Damage the input of every reader, and report panics, aborts and hangs
#[derive(Debug, Parser)]
struct Arguments {
    /// Inputs per reader; slow readers get a fraction of them
    #[arg(long, value_name = "N", default_value_t = 2000)]
    inputs: u64,
    /// Seed of the damage
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Number of the first input
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
    /// Reader to run, once per reader [default: all]
    #[arg(long = "reader", value_name = "NAME")]
    readers: Vec<String>,
    /// Directory for the inputs that failed
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Memory of a child process in MiB, where the system can limit it
    #[arg(long, value_name = "MIB", default_value_t = 8192)]
    memory: u64,
    /// Run as the child process of a reader, on the seeds in this directory
    #[arg(long, value_name = "DIR", hide = true)]
    worker: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match &arguments.worker {
        Some(seeds) => run_worker(&arguments, seeds),
        None => run(&arguments),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // If standard error is closed, the message is lost.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_worker(arguments: &Arguments, seeds: &std::path::Path) -> Result<bool, Box<dyn Error>> {
    for reader in arguments.chosen()? {
        let numbers = arguments.first..arguments.inputs;
        worker::run(reader, seeds, arguments.seed, numbers)?;
    }
    Ok(true)
}

/// Runs the readers and prints a line for each; returns whether none failed.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut out = io::stdout();
    let header = ["reader", "inputs", "read", "refused", "failed", "seconds"];
    let [name, inputs, read, refused, failed, seconds] = header;
    writeln!(
        out,
        "{name:22} {inputs:>8} {read:>8} {refused:>8} {failed:>7} {seconds:>8}"
    )?;
    let mut all = Vec::new();
    for reader in arguments.chosen()? {
        let supervisor = Supervisor {
            reader,
            seed: arguments.seed,
            numbers: arguments.first..arguments.first + (arguments.inputs / reader.cost).max(1),
            keep: arguments.keep.as_deref(),
            memory: arguments.memory,
        };
        let Outcome {
            read,
            refused,
            failures,
            seconds,
        } = supervisor.run()?;
        let (name, failed) = (reader.name, failures.len() as u64);
        let inputs = read + refused + failed;
        writeln!(
            out,
            "{name:22} {inputs:8} {read:8} {refused:8} {failed:7} {seconds:8.1}"
        )?;
        all.extend(failures.into_iter().map(|failure| (name, failure)));
    }
    for (name, failure) in &all {
        writeln!(
            out,
            "\n{name}, input {}: {}",
            failure.number, failure.problem
        )?;
        if let Some(path) = &failure.kept {
            writeln!(out, "  {}", path.display())?;
        }
    }
    Ok(all.is_empty())
}

impl Arguments {
    fn chosen(&self) -> Result<Vec<&'static Reader>, String> {
        if self.readers.is_empty() {
            return Ok(readers::ALL.iter().collect());
        }
        let find = |name: &String| {
            let found = readers::ALL.iter().find(|reader| reader.name == name);
            found.ok_or_else(|| {
                let names: Vec<&str> = readers::ALL.iter().map(|reader| reader.name).collect();
                format!("no reader {name:?}; there are {}", names.join(", "))
            })
        };
        self.readers.iter().map(find).collect()
    }
}
