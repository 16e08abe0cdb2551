//! Predicts labels or scores of texts with a fine-tuned model.
//!
//! `cargo run --release --example predict -- --model runs/classify-1/model "A text" "another"`
//!
//! Without texts, it reads standard input, one text per line.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::{BatchSize, Truncation};
use finetune::prelude::*;
use finetune_examples::{MESSAGE_TOPICS, exit_code};
use serde_json::{Value, json};

/// Label texts with a fine-tuned model
#[derive(Parser)]
struct Arguments {
    /// Directory of a fine-tuned model: `model` in a run directory, or a classifier in the layout
    /// of Hugging Face [default: the bundled one, which sorts messages to a web shop]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Texts to label [default: the lines of standard input]
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    /// Read text pairs: two arguments per pair, or tab-separated lines
    #[arg(long)]
    pairs: bool,
    /// Print one JSON object per text
    #[arg(long)]
    jsonl: bool,
    /// Maximum number of labels to list, most probable first
    #[arg(long = "top-k", value_name = "N")]
    best: Option<usize>,
    /// Device to compute on: flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled
    /// in
    #[arg(long, default_value_t)]
    device: DeviceSpec,
    /// Precision of the inputs to the encoder's matrix products: f32, bf16 or f16, if the device
    /// supports it
    #[arg(long, default_value_t)]
    precision: Precision,
    /// Maximum sequence length in tokens; longer texts are truncated [default: as the model was
    /// trained]
    #[arg(long, value_name = "TOKENS")]
    max_length: Option<usize>,
    /// Truncation of longer texts: head, tail, head-tail-N or sliding-window-N [default: as the
    /// model was trained]
    #[arg(long)]
    truncation: Option<Truncation>,
    /// Rows per batch
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
}

/// Number of texts to read from standard input at once: enough for batches of similar lengths.
const LINES_AT_ONCE: usize = 1024;

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let directory = arguments
        .model
        .as_deref()
        .unwrap_or(Path::new(MESSAGE_TOPICS));
    let config = PredictorConfig {
        max_length: arguments.max_length,
        truncation: arguments.truncation,
        batch_size: BatchSize::Rows(arguments.batch_size),
        precision: arguments.precision,
        top_k: arguments.best,
        ..Default::default()
    };
    let device = arguments.device.open()?;
    let predictor = Predictor::load_with(directory, config, &device)?;
    if !arguments.texts.is_empty() {
        return arguments.answer(&predictor, &arguments.texts);
    }
    if io::stdin().is_terminal() {
        writeln!(
            io::stderr(),
            "reading texts from standard input, one a line"
        )?;
    }
    let mut lines = io::stdin().lock().lines();
    loop {
        let some: Vec<String> = lines
            .by_ref()
            .take(LINES_AT_ONCE)
            .collect::<Result<_, _>>()?;
        if some.is_empty() {
            return Ok(());
        }
        arguments.answer(&predictor, &some)?;
    }
}

impl Arguments {
    /// Predicts and prints the labels of `texts`.
    fn answer(&self, predictor: &Predictor, texts: &[String]) -> Result<(), Box<dyn Error>> {
        if !self.pairs {
            let predictions = predictor.predict(texts)?;
            let texts = texts.iter().map(|text| (text.clone(), json!(text)));
            return self.print(texts, &predictions);
        }
        let pairs = self.in_pairs(texts)?;
        let predictions = predictor.predict_pairs(&pairs)?;
        let texts = pairs
            .iter()
            .map(|(first, second)| (format!("{first} | {second}"), json!([first, second])));
        self.print(texts, &predictions)
    }

    fn in_pairs<'a>(&self, texts: &'a [String]) -> Result<Vec<(&'a str, &'a str)>, String> {
        if self.texts.is_empty() {
            let pair = |line: &'a String| {
                let pair = line.split_once('\t');
                pair.ok_or_else(|| format!("no tab between the texts of a pair: {line:?}"))
            };
            return texts.iter().map(pair).collect();
        }
        match texts.as_chunks::<2>() {
            (pairs, []) => Ok(pairs
                .iter()
                .map(|[a, b]| (a.as_str(), b.as_str()))
                .collect()),
            _ => Err(format!("--pairs takes texts in twos, not {}", texts.len())),
        }
    }

    fn print(
        &self,
        texts: impl Iterator<Item = (String, Value)>,
        predictions: &[Prediction],
    ) -> Result<(), Box<dyn Error>> {
        let mut out = io::stdout().lock();
        for ((text, as_json), prediction) in texts.zip(predictions) {
            if self.jsonl {
                let mut line = serde_json::to_value(prediction)?;
                line["text"] = as_json;
                writeln!(out, "{line}")?;
            } else {
                writeln!(out, "{}\t{text}", answer(prediction))?;
            }
        }
        Ok(out.flush()?)
    }
}

/// Formats a prediction on one line, such as `sports 0.981, world 0.012` or `3.2`.
fn answer(prediction: &Prediction) -> String {
    let labels = prediction.probabilities().iter();
    let labels = labels.map(|label| format!("{} {:.3}", label.label, label.probability));
    match prediction {
        Prediction::Regression { scores } => scores
            .iter()
            .map(|score| format!("{:.3}", score.score))
            .collect::<Vec<_>>()
            .join(", "),
        _ => labels.collect::<Vec<_>>().join(", "),
    }
}
