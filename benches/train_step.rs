//! Training steps and predictions of a classifier, of the form `train 32 64 5` (what, rows, tokens a
//! row, how often), each with the seconds it took and the processor seconds.
//!
//! `cargo bench -p finetune-benches --bench train_step` runs a fixed list, with `-- --quick` each once.
//! With `-- --stdin`, the program reads requests as lines and answers each: `peers/train_step.py` asks
//! it and PyTorch in turns, so that a machine with other work slows both alike. `FINETUNE_DEVICE`
//! chooses the device, `FINETUNE_SHAPE` the model (such as `bert-base`), `FINETUNE_PRECISION` the
//! precision (`f32`, `bf16`, `f16` or `int8`).

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use finetune_benches::{Step, device, is_quick, processor_seconds};

/// Requests without `--stdin`.
const REQUESTS: [&str; 4] = [
    "train 32 64",
    "predict 32 64",
    "train 8 256",
    "predict 8 256",
];
/// Steps of each of them.
const TIMES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut step = Step::new(&device())?;
    let mut out = io::stdout();
    if env::args_os().any(|argument| argument == "--stdin") {
        for line in io::stdin().lines() {
            let ([seconds, processor], next) = answer(step, &line?)?;
            step = next;
            writeln!(out, "{seconds} {processor}")?;
        }
        return Ok(());
    }
    let times = if is_quick() { 1 } else { TIMES };
    for request in REQUESTS {
        let request = format!("{request} {times}");
        let ([seconds, processor], next) = answer(step, &request)?;
        step = next;
        writeln!(
            out,
            "{request}: {seconds:.3} s (processor {processor:.3} s)"
        )?;
    }
    Ok(())
}

/// Returns the seconds and the processor seconds of a request.
fn answer(mut step: Step, request: &str) -> Result<([f64; 2], Step), Box<dyn Error>> {
    let [what, rows, tokens, times] = request.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(format!("{request}: not WHAT ROWS TOKENS TIMES").into());
    };
    let batch = [rows.parse()?, tokens.parse()?];
    let (start, before) = (Instant::now(), processor_seconds());
    let times = times.parse()?;
    match what {
        "train" => step = step.train(batch, times)?,
        "predict" => step.predict(batch, times)?,
        _ => return Err(format!("{what}: neither train nor predict").into()),
    }
    step.wait();
    let seconds = start.elapsed().as_secs_f64();
    let processor = processor_seconds().zip(before);
    let processor = processor.map_or(f64::NAN, |(after, before)| after - before);
    Ok(([seconds, processor], step))
}
