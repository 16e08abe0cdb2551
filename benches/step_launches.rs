//! What a training step of a classifier costs a GPU: arithmetic and memory traffic on paper with the
//! least time on a given card, and, on a device of the features `wgpu` or `cuda`, the kernels that
//! are launched.
//!
//! `cargo bench -p finetune-benches --bench step_launches -- --batch 32 --length 128 --flops 790e12
//! --bandwidth 4.3e12`. `FINETUNE_DEVICE` chooses the device (flex launches nothing),
//! `FINETUNE_SHAPE` the model (`minilm` or `bert-base`), `FINETUNE_PRECISION` the precision.

use std::env;
use std::error::Error;
use std::io::{self, Write};

use finetune_benches::{Card, Operation, precision, shape, training_step};

fn main() -> Result<(), Box<dyn Error>> {
    let batch = number("--batch", 8.0)? as usize;
    let length = number("--length", 64.0)? as usize;
    // Those of an H200 in bf16.
    let card = Card {
        flops: number("--flops", 790e12)?,
        bandwidth: number("--bandwidth", 4.3e12)?,
    };
    let operations = training_step(&shape(), [batch, length], precision());
    let mut out = io::stdout().lock();
    writeln!(out, "A training step of {batch} x {length} tokens:")?;
    write_plan(&mut out, &operations, card)?;
    write_launches(&mut out, [batch, length])
}

/// Returns the number after a flag, or the default.
fn number(flag: &str, default: f64) -> Result<f64, String> {
    let mut arguments = env::args().skip_while(|argument| argument != flag).skip(1);
    match arguments.next() {
        None => Ok(default),
        Some(value) => match value.parse::<f64>() {
            Ok(number) if number > 0.0 => Ok(number),
            _ => Err(format!("{flag} {value}: not a positive number")),
        },
    }
}

fn write_plan(out: &mut impl Write, operations: &[Operation], card: Card) -> io::Result<()> {
    let total: f64 = operations
        .iter()
        .map(|operation| card.seconds(operation))
        .sum();
    writeln!(
        out,
        "{:<26} {:>10} {:>10} {:>10} {:>7}",
        "operation", "GFLOP", "MB", "µs", "share"
    )?;
    for operation in operations {
        let seconds = card.seconds(operation);
        writeln!(
            out,
            "{:<26} {:>10.1} {:>10.1} {:>10.1} {:>6.1}%",
            operation.name,
            operation.flops / 1e9,
            operation.bytes / 1e6,
            seconds * 1e6,
            seconds / total * 100.0
        )?;
    }
    let others = operations.iter().filter(|operation| !operation.is_product);
    let others: f64 = others.map(|operation| card.seconds(operation)).sum();
    writeln!(
        out,
        "at least {:.0} µs on the card, {:.1} % of it outside matrix products",
        total * 1e6,
        others / total * 100.0
    )
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn write_launches(out: &mut impl Write, _shape: [usize; 2]) -> Result<(), Box<dyn Error>> {
    writeln!(out, "\nbuilt without wgpu or cuda: no kernels are launched")?;
    Ok(())
}

/// Prints the kernels of one step, after two that compile and tune them.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn write_launches(out: &mut impl Write, [batch, length]: [usize; 2]) -> Result<(), Box<dyn Error>> {
    use std::time::Instant;

    use finetune::ops::{Timing, observe_launches};
    use finetune_benches::Step;

    let device = finetune_benches::device();
    let step = Step::new(&device)?.train([batch, length], 2)?;
    device.sync().map_err(|error| format!("{error:?}"))?;
    let start = Instant::now();
    let (next, counted) =
        observe_launches(&device, Timing::None, || step.train([batch, length], 1))?;
    let whole = start.elapsed().as_secs_f64();
    let (_, timed) = observe_launches(&device, Timing::PerKernel, || {
        next.and_then(|step| step.train([batch, length], 1))
    })?;
    let mut kernels: Vec<_> = timed.into_iter().collect();
    kernels.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    writeln!(out, "\n{:<44} {:>8} {:>10}", "kernel", "launches", "ms")?;
    for (name, launches) in &kernels {
        writeln!(
            out,
            "{name:<44} {:>8} {:>10.3}",
            launches.count,
            launches.seconds * 1e3
        )?;
    }
    let launches: usize = counted.values().map(|launches| launches.count).sum();
    let all: f64 = kernels.iter().map(|(_, launches)| launches.seconds).sum();
    let products = kernels
        .iter()
        .filter(|(name, _)| name.to_lowercase().contains("matmul"));
    let products: f64 = products.map(|(_, launches)| launches.seconds).sum();
    writeln!(
        out,
        "{launches} launches a step; one step took {:.1} ms; kernels one by one {:.1} ms, of them \
         {:.1} ms outside matrix products",
        whole * 1e3,
        all * 1e3,
        (all - products) * 1e3
    )?;
    Ok(())
}
