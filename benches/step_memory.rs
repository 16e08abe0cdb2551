//! How much memory training steps of a classifier take, with and without gradient checkpointing: the
//! peak of the resident memory of a process that trains on batches of one shape.
//!
//! `cargo bench -p finetune-benches --bench step_memory` starts itself once per cell of the table, since
//! memory that was used once remains in a process. `FINETUNE_SHAPE` chooses the model, `FINETUNE_DEVICE`
//! the device, whose memory is counted only if it is that of the processor.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::Command;

use finetune::train::peak_rss_bytes;
use finetune_benches::{Step, device};

/// Rows and tokens a row.
const BATCHES: [[usize; 2]; 8] = [
    [8, 64],
    [8, 128],
    [8, 256],
    [8, 512],
    [32, 64],
    [32, 128],
    [32, 256],
    [32, 512],
];

/// Steps of a cell. The first one creates the optimizer's state after its backward pass.
const STEPS: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut out = io::stdout().lock();
    if let [flag, rows, tokens, checkpointing] = &arguments[..]
        && flag == "--cell"
    {
        let bytes = peak([rows.parse()?, tokens.parse()?], checkpointing.parse()?)?;
        writeln!(out, "{bytes}")?;
        return Ok(());
    }
    let [none, base] = [false, true].map(|checkpointing| cell([1, 1], checkpointing));
    writeln!(
        out,
        "parameters, gradients and optimizer alone: {} MiB\n",
        mebibytes(none?.min(base?))
    )?;
    writeln!(
        out,
        "{:>6} {:>8} {:>12} {:>20}",
        "rows", "tokens", "MiB", "with checkpointing"
    )?;
    for batch in BATCHES {
        let [whole, checkpointed] = [false, true].map(|checkpointing| cell(batch, checkpointing));
        writeln!(
            out,
            "{:>6} {:>8} {:>12} {:>20}",
            batch[0],
            batch[1],
            mebibytes(whole?),
            mebibytes(checkpointed?)
        )?;
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// Returns the peak of a new process.
fn cell(batch: [usize; 2], checkpointing: bool) -> Result<u64, Box<dyn Error>> {
    let output = Command::new(env::current_exe()?)
        .arg("--cell")
        .args(batch.map(|size| size.to_string()))
        .arg(checkpointing.to_string())
        .output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{batch:?}, {}: {message}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Trains in this process and returns its peak.
fn peak(batch: [usize; 2], checkpointing: bool) -> Result<u64, Box<dyn Error>> {
    let step = Step::new(&device())?.with_gradient_checkpointing(checkpointing);
    step.train(batch, STEPS)?.wait();
    peak_rss_bytes().ok_or_else(|| "this system does not count it".into())
}
