//! Seconds of an epoch above a frozen part that is computed in every batch, of the one pass that
//! computes it for good, and of an epoch above what was kept: the whole encoder frozen, and all but
//! its last two layers. The epochs take turns, each from the same model, and must give the same
//! losses bit for bit. On a machine with other work, compare processor seconds.
//!
//! `cargo bench -p finetune-benches --bench frozen`: the bundled encoder and AG News sample.
//! `FINETUNE_CHECKPOINT` and `FINETUNE_AG_NEWS` name folders with a real checkpoint and the data
//! set, `FINETUNE_ROWS` how many of its rows to take, `FINETUNE_ROUNDS` how often the epochs take
//! turns. `-- --quick` times one cached epoch on 64 rows.

use std::env;
use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use finetune::data::{BatchSize, EncodedDataset, EncodingConfig, TextTokenizer, catalog};
use finetune::model::{SequenceClassifier, load_classifier};
use finetune::train::{
    ActivationCacheConfig, CacheDtype, CacheLocation, CachedActivations, Decay, FreezeScope,
    LossConfig, LrScheduler, SequenceClassificationTask, StepRecord, TrainConfig, TrainDuration,
    Trainer, Warmup, deterministic_stages,
};
use finetune_benches::{device, is_quick, processor_seconds};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Cached epochs a round: one is too short to time.
const CACHED_EPOCHS: usize = 5;
/// Rows of `--quick`.
const QUICK_ROWS: usize = 64;

struct Bench {
    model: SequenceClassifier,
    data: EncodedDataset,
    cached_epochs: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = |variable, bundled: &str| {
        let named = env::var_os(variable).map(PathBuf::from);
        named.unwrap_or_else(|| PathBuf::from(ROOT).join(bundled))
    };
    let checkpoint = folder("FINETUNE_CHECKPOINT", "examples/mini_encoder");
    let news = folder("FINETUNE_AG_NEWS", "datasets/ag_news/sample");
    let rounds = env::var("FINETUNE_ROUNDS").map_or(Ok(1), |rounds| rounds.parse())?;

    let mut dataset = catalog::get("ag_news")?.open(&news)?.splits.train;
    if let Ok(rows) = env::var("FINETUNE_ROWS") {
        dataset = dataset.subset(rows.parse()?, 1);
    }
    if is_quick() {
        dataset = dataset.subset(QUICK_ROWS, 1);
    }
    let tokenizer = TextTokenizer::from_pretrained(&checkpoint)?;
    let device = device().autodiff();
    let bench = Bench {
        model: load_classifier(&checkpoint, dataset.class_names(), 1, &device)?.0,
        data: EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(128))?,
        cached_epochs: if is_quick() { 1 } else { CACHED_EPOCHS },
    };
    let mut out = io::stdout();
    let tokens = bench.data.texts.token_count();
    writeln!(out, "{} rows, {tokens} tokens", bench.data.len())?;
    let layers = bench.model.encoder.layers.len();
    for freeze in [
        FreezeScope::Encoder,
        FreezeScope::AllButLast(2.min(layers - 1)),
    ] {
        for precision in [CacheDtype::F32, CacheDtype::F16] {
            bench.measure(freeze, precision, rounds, &mut out)?;
        }
    }
    Ok(())
}

/// What an epoch takes.
struct Seconds {
    wall: f64,
    /// Of all threads; unknown elsewhere than on Linux.
    processor: Option<f64>,
}

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.wall)?;
        match self.processor {
            Some(processor) => write!(f, " (processor {processor:.3} s)"),
            None => Ok(()),
        }
    }
}

impl Bench {
    fn measure(
        &self,
        freeze: FreezeScope,
        precision: CacheDtype,
        rounds: u32,
        out: &mut impl Write,
    ) -> Result<(), Box<dyn Error>> {
        let cache = ActivationCacheConfig {
            location: CacheLocation::Memory,
            dtype: precision,
            ..Default::default()
        };
        let stages = deterministic_stages(&self.model, &Self::config(freeze));
        let plan = cache.plan(&self.model, &self.data, stages)?;
        let plan = plan.ok_or("nothing is frozen")?;
        writeln!(out, "{freeze} {precision:?}: {} bytes", plan.bytes())?;
        for round in 1..=rounds {
            let start = Instant::now();
            let batch_size = BatchSize::Rows(64);
            let kept = plan.compute(&self.model, &self.data, batch_size, &mut ())?;
            let filling = start.elapsed().as_secs_f64();
            let (cached, losses) = self.epochs(freeze, Some(&kept), self.cached_epochs)?;
            write!(
                out,
                "  round {round}: filling {filling:.2} s, cached {cached}"
            )?;
            if precision == CacheDtype::F32 {
                let (uncached, expected) = self.epochs(freeze, None, 1)?;
                let times = uncached.wall / cached.wall;
                write!(out, ", uncached {uncached}, {times:.2} times")?;
                if let (Some(cached), Some(uncached)) = (cached.processor, uncached.processor) {
                    write!(out, " (processor {:.2})", uncached / cached)?;
                }
                let same = losses[..expected.len()] == expected;
                write!(out, ", same bits {same}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// The time of an epoch, the mean of some, and the bits of the loss of every step.
    fn epochs(
        &self,
        freeze: FreezeScope,
        kept: Option<&CachedActivations>,
        epochs: usize,
    ) -> Result<(Seconds, Vec<u32>), Box<dyn Error>> {
        let config = TrainConfig {
            duration: TrainDuration::Epochs(epochs),
            ..Self::config(freeze)
        };
        let loss = LossConfig::default();
        let loss = loss.init(&self.data.labels.all()?, self.model.num_labels())?;
        let task = SequenceClassificationTask::new(self.data.clone(), loss)
            .activations(kept.cloned(), None);
        let mut steps: Vec<StepRecord> = Vec::new();
        let before = processor_seconds();
        let trained = Trainer::new(&task, &config).train(self.model.clone(), &mut steps)?;
        let processor = processor_seconds().zip(before);
        let seconds = Seconds {
            wall: trained.summary.seconds / epochs as f64,
            processor: processor.map(|(after, before)| (after - before) / epochs as f64),
        };
        let losses = steps.iter().map(|step| step.loss.to_bits());
        Ok((seconds, losses.collect()))
    }

    fn config(freeze: FreezeScope) -> TrainConfig {
        TrainConfig {
            freeze: freeze.into(),
            lr_scheduler: LrScheduler {
                warmup: Warmup::Steps(0),
                decay: Decay::Constant,
            },
            ..Default::default()
        }
    }
}
