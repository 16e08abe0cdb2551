//! Training steps and predictions of a classifier, of the form `train 32 64 5` (what, rows, tokens a
//! row, how often), each with the seconds it took and the processor seconds.
//!
//! `cargo bench -p finetune-benches --bench train_step` runs a fixed list, with `-- --quick` each once.
//! With `-- --stdin`, the program reads requests as lines and answers each: `peers/train_step.py` asks
//! it and PyTorch in turns, so that a machine with other work slows both alike. `FINETUNE_DEVICE`
//! chooses the device, `FINETUNE_SHAPE` the model (`minilm` or `bert-base`), `FINETUNE_PRECISION` the
//! precision (`f32`, `bf16` or `f16`).

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use finetune::model::{
    DropoutStream, EncoderInput, EncoderModel, ModelError, SequenceClassifier,
    SequenceClassifierConfig, init_weights,
};
use finetune::ops::{ClassTargets, soft_target_cross_entropy};
use finetune::train::{Optimizer, OptimizerConfig};
use finetune_benches::{device, is_quick, precision, processor_seconds, shape};

const CLASSES: usize = 4;
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
    let names = (0..CLASSES).map(|class| class.to_string()).collect();
    let config = SequenceClassifierConfig::new(shape(), names).init(&device().autodiff())?;
    let model = init_weights(config, 0.02, 1).with_precision(precision());
    let mut bench = Bench {
        optimizer: OptimizerConfig::default().init(&model),
        model,
        step: 0,
    };
    let mut out = io::stdout();
    if env::args_os().any(|argument| argument == "--stdin") {
        for line in io::stdin().lines() {
            let ([seconds, processor], next) = bench.answer(&line?)?;
            bench = next;
            writeln!(out, "{seconds} {processor}")?;
        }
        return Ok(());
    }
    let times = if is_quick() { 1 } else { TIMES };
    for request in REQUESTS {
        let request = format!("{request} {times}");
        let ([seconds, processor], next) = bench.answer(&request)?;
        bench = next;
        writeln!(
            out,
            "{request}: {seconds:.3} s (processor {processor:.3} s)"
        )?;
    }
    Ok(())
}

/// A full batch: no row is padded.
fn input(model: &SequenceClassifier, shape: [usize; 2]) -> Result<EncoderInput, ModelError> {
    let tokens = shape[0] * shape[1];
    let ids = (0..tokens).map(|token| (token * 7919 % 30_000) as u32);
    let (ids, types, mask) = (ids.collect::<Vec<_>>(), vec![0; tokens], vec![true; tokens]);
    EncoderInput::new(&model.encoder, &ids, &types, &mask, shape)
}

struct Bench {
    model: SequenceClassifier,
    optimizer: Optimizer,
    step: u64,
}

impl Bench {
    /// Returns the seconds and the processor seconds of a request.
    fn answer(self, request: &str) -> Result<([f64; 2], Self), Box<dyn Error>> {
        let [what, rows, tokens, times] = request.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!("{request}: not WHAT ROWS TOKENS TIMES").into());
        };
        let input = input(&self.model, [rows.parse()?, tokens.parse()?])?;
        let (start, before) = (Instant::now(), processor_seconds());
        let bench = self.run(what, &input, times.parse()?)?;
        let seconds = start.elapsed().as_secs_f64();
        let processor = processor_seconds().zip(before);
        let processor = processor.map_or(f64::NAN, |(after, before)| after - before);
        Ok(([seconds, processor], bench))
    }

    fn run(
        mut self,
        what: &str,
        input: &EncoderInput,
        times: usize,
    ) -> Result<Self, Box<dyn Error>> {
        match what {
            "train" => {
                for _ in 0..times {
                    self = self.train(input)?;
                }
            }
            "predict" => {
                let model = self.model.valid();
                // The batch is on the same device; only its tensors carry no graph.
                let input = self::input(&model, [input.batch_size(), input.sequence_length()])?;
                for _ in 0..times {
                    model.forward(&input, None)?.into_data();
                }
            }
            _ => return Err(format!("{what}: neither train nor predict").into()),
        }
        Ok(self)
    }

    /// Forward, backward, clipping and AdamW.
    fn train(mut self, input: &EncoderInput) -> Result<Self, ModelError> {
        self.step += 1;
        let labels: Vec<usize> = (0..input.batch_size()).map(|row| row % CLASSES).collect();
        let targets = ClassTargets {
            labels: &labels,
            classes: CLASSES,
            divisor: labels.len() as f64,
        };
        let dropout = DropoutStream::new(1, self.step);
        let logits = self.model.forward(input, Some(dropout))?;
        let weights = targets.weights(&logits.device());
        let loss = soft_target_cross_entropy(logits, weights);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
        let (model, norm) = self.optimizer.step(self.model, gradients, 0.5);
        norm.into_data();
        Ok(Self { model, ..self })
    }
}
