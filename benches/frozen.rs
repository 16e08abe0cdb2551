//! Seconds of an epoch above a frozen part that is computed in every batch, of the one pass that
//! computes it for good, and of an epoch above what was kept: the whole encoder frozen, and all but
//! its last two layers. The epochs take turns, each from the same model, and must give the same
//! losses bit for bit.
//!
//! `cargo bench -p finetune-benches --bench frozen`: the bundled encoder and AG News sample.
//! `FINETUNE_CHECKPOINT` and `FINETUNE_AG_NEWS` name folders with a real checkpoint and the data
//! set, `FINETUNE_ROWS` how many of its rows to take, `FINETUNE_ROUNDS` how often the epochs take
//! turns.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Tensor;
use finetune::data::{
    BatchSize, EncodedDataset, EncodingConfig, Order, Padding, Sampler, TextTokenizer, catalog,
    collate,
};
use finetune::model::{DropoutStream, SequenceClassifier, load_classifier};
use finetune::ops::{Targets, cross_entropy};
use finetune::train::{
    ActivationCache, ActivationPlace, ActivationPrecision, AdamWSettings, BatchInputs, Freeze,
    FrozenActivations,
};
use finetune_benches::device;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Cached epochs a round: one is too short to time.
const CACHED_EPOCHS: u32 = 5;

struct Bench {
    model: SequenceClassifier,
    data: EncodedDataset,
    pad: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = |variable, bundled: &str| {
        let named = env::var_os(variable).map(PathBuf::from);
        named.unwrap_or_else(|| PathBuf::from(ROOT).join(bundled))
    };
    let checkpoint = folder("FINETUNE_CHECKPOINT", "examples/mini_encoder");
    let news = folder("FINETUNE_AG_NEWS", "datasets/ag_news/sample");
    let rounds = env::var("FINETUNE_ROUNDS").map_or(Ok(1), |rounds| rounds.parse())?;

    let mut dataset = catalog::named("ag_news")?.open(&news)?.splits.train;
    if let Ok(rows) = env::var("FINETUNE_ROWS") {
        dataset = dataset.subset(rows.parse()?, 1);
    }
    let tokenizer = TextTokenizer::from_dir(&checkpoint)?;
    let device = device().autodiff();
    let bench = Bench {
        model: load_classifier(&checkpoint, dataset.class_names(), 1, &device)?.0,
        data: EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(128))?,
        pad: tokenizer.pad_token_id(),
    };
    let mut out = io::stdout();
    let tokens = bench.data.texts.token_count();
    writeln!(out, "{} rows, {tokens} tokens", bench.data.len())?;
    let layers = bench.model.encoder.layers.len();
    for freeze in [Freeze::Encoder, Freeze::AllButLast(2.min(layers - 1))] {
        for precision in [ActivationPrecision::F32, ActivationPrecision::F16] {
            bench.measure(freeze, precision, rounds, &mut out)?;
        }
    }
    Ok(())
}

impl Bench {
    fn measure(
        &self,
        freeze: Freeze,
        precision: ActivationPrecision,
        rounds: u32,
        out: &mut impl Write,
    ) -> Result<(), Box<dyn Error>> {
        let cache = ActivationCache {
            place: ActivationPlace::Memory,
            precision,
            ..Default::default()
        };
        let stages = freeze.frozen_stages(self.model.encoder.layers.len());
        let plan = cache.plan(&self.model, &self.data, stages)?;
        let plan = plan.ok_or("nothing is frozen")?;
        writeln!(out, "{freeze} {precision:?}: {} bytes", plan.bytes())?;
        for round in 1..=rounds {
            let start = Instant::now();
            let batch_size = BatchSize::Rows(64);
            let kept = plan.compute(&self.model, &self.data, self.pad, batch_size, &mut ())?;
            let filling = start.elapsed().as_secs_f64();
            let (cached, losses) = self.epochs(freeze, Some(&kept), CACHED_EPOCHS)?;
            let cached = cached / f64::from(CACHED_EPOCHS);
            write!(
                out,
                "  round {round}: filling {filling:.2} s, cached {cached:.3} s"
            )?;
            if precision == ActivationPrecision::F32 {
                let (uncached, expected) = self.epochs(freeze, None, 1)?;
                let times = uncached / cached;
                let same = losses[..expected.len()] == expected;
                write!(
                    out,
                    ", uncached {uncached:.2} s, {times:.1} times, same bits {same}"
                )?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Seconds of some epochs, and the bits of the loss of every step.
    fn epochs(
        &self,
        freeze: Freeze,
        kept: Option<&FrozenActivations>,
        epochs: u32,
    ) -> Result<(f64, Vec<u32>), Box<dyn Error>> {
        let settings = AdamWSettings::default();
        let mut model = freeze.apply(self.model.clone())?;
        let mut optimizer = settings.init(&model);
        let stages = freeze.frozen_stages(model.encoder.layers.len());
        let sampler = Sampler::new(Order::BucketedByLength, 32, 1)?;
        let lengths = self.data.lengths()?;
        let start = Instant::now();
        let mut losses = Vec::new();
        for epoch in 0..u64::from(epochs) {
            for rows in sampler.batches(&lengths, epoch) {
                let batch = collate(&self.data, &rows, Padding::Longest, self.pad)?;
                let dropout = DropoutStream::new(1, losses.len() as u64).from_stage(stages);
                let logits =
                    BatchInputs::new(&model, &batch, kept)?.forward(&model, Some(dropout))?;
                let targets = Targets {
                    labels: batch.labels.classes().ok_or("no classes")?,
                    classes: self.data.class_names().len(),
                    divisor: batch.size() as f64,
                };
                let loss = cross_entropy(logits.clone(), targets.weights(&logits.device()));
                let gradients = loss.backward();
                (model, _) = optimizer.step(model, gradients, settings.learning_rate);
                losses.push(loss.inner());
            }
        }
        let losses = Tensor::cat(losses, 0).into_data();
        let seconds = start.elapsed().as_secs_f64();
        Ok((seconds, losses.iter::<f32>().map(f32::to_bits).collect()))
    }
}
