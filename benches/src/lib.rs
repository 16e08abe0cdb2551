//! What the suites share.

mod step;
mod step_plan;

use finetune::data::{Dataset, TextTokenizer, catalog};
use finetune::model::{EncoderConfig, Family};
use finetune::ops::Precision;

pub use step::Step;
pub use step_plan::{Card, Operation, training_step};

/// As in the programs that the figures are for.
#[global_allocator]
static ALLOCATOR: finetune::ops::RetainingAllocator = finetune::ops::RetainingAllocator;

/// The bundled encoder.
pub const MINI_ENCODER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/mini_encoder");
const NEWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/ag_news/sample");

/// Returns whether the program was started with `--quick`: for a first number in seconds instead of
/// a precise one. Criterion's suites read the argument themselves.
pub fn is_quick() -> bool {
    std::env::args_os().any(|argument| argument == "--quick")
}

/// The training rows of the bundled AG News sample, and the bundled encoder's tokenizer.
///
/// # Panics
/// If they cannot be read.
pub fn sample() -> (Dataset, TextTokenizer) {
    let opened = catalog::get("ag_news").and_then(|news| news.open(NEWS.as_ref()));
    match (
        opened,
        TextTokenizer::from_pretrained(MINI_ENCODER.as_ref()),
    ) {
        (Ok(opened), Ok(tokenizer)) => (opened.splits.train, tokenizer),
        (Err(error), _) | (_, Err(error)) => panic!("bundled files: {error}"),
    }
}

/// The shape of MiniLM-L6-H384: six layers of width 384, 22 million parameters.
pub fn minilm() -> EncoderConfig {
    EncoderConfig {
        hidden_size: 384,
        num_hidden_layers: 6,
        num_attention_heads: 12,
        intermediate_size: 1536,
        ..Default::default()
    }
}

/// The shape that the variable `FINETUNE_SHAPE` names: `minilm`, also if it is not set, `bert-base`
/// (twelve layers of width 768), `modernbert-base` (22 layers of width 768), `modernbert-17m` (seven of
/// width 256) or `deberta-v3-base` (twelve of width 768).
///
/// # Panics
/// If it is another.
pub fn shape() -> EncoderConfig {
    const SHAPES: &str = "minilm, bert-base, modernbert-base, modernbert-17m, deberta-v3-base";
    match std::env::var("FINETUNE_SHAPE").as_deref() {
        Err(_) | Ok("minilm") => minilm(),
        Ok("bert-base") => EncoderConfig::base(Family::Bert),
        Ok("modernbert-base") => EncoderConfig::base(Family::ModernBert),
        Ok("modernbert-17m") => EncoderConfig {
            hidden_size: 256,
            num_hidden_layers: 7,
            num_attention_heads: 4,
            intermediate_size: 384,
            ..EncoderConfig::base(Family::ModernBert)
        },
        Ok("deberta-v3-base") => EncoderConfig::base(Family::DebertaV2),
        Ok(other) => panic!("FINETUNE_SHAPE: {other}, expected one of {SHAPES}"),
    }
}

/// The device that the variable `FINETUNE_DEVICE` names; flex if it is not set.
///
/// # Panics
/// If there is no such device in this build.
pub fn device() -> burn::tensor::Device {
    let name = std::env::var("FINETUNE_DEVICE").unwrap_or_else(|_| "flex".to_string());
    let device = name
        .parse::<finetune::DeviceSpec>()
        .and_then(|device| device.open());
    match device {
        Ok(device) => device,
        Err(error) => panic!("FINETUNE_DEVICE: {error}"),
    }
}

/// The precision that the variable `FINETUNE_PRECISION` names; 32-bit floats if it is not set.
///
/// # Panics
/// If there is none of that name, or the device lacks it.
pub fn precision() -> Precision {
    let name = std::env::var("FINETUNE_PRECISION").unwrap_or_else(|_| "f32".to_string());
    let precision = name
        .parse::<Precision>()
        .and_then(|precision| precision.check(&device()).map(|()| precision));
    match precision {
        Ok(precision) => precision,
        Err(error) => panic!("FINETUNE_PRECISION: {error}"),
    }
}

/// Processor time of this process until now, from `/proc`: user and system, in hundredths.
pub fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let mut next = || ticks.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}
