//! Predicts labels or scores of texts with a fine-tuned model.
//!
//! `cargo run --release --example predict -- --model runs/classify-1/model "A text" "another"`
//!
//! Of a token classifier, it prints the entities, or the tags of all words.
//!
//! Without texts, it reads standard input, one text per line.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::{BatchSize, Truncation};
use finetune::eval::Thresholds;
use finetune::model::CheckpointConfig;
use finetune::predict::{TokenPrediction, TokenPredictor, TokenPredictorConfig};
use finetune::prelude::*;
use finetune_examples::{MESSAGE_TOPICS, TextLines, exit_code, thresholds};
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
    /// Minimum probability of a predicted label of a multi-label model: a number, or one for each
    /// label [default: as saved with the model]
    #[arg(long, value_name = "P,...", value_parser = thresholds)]
    threshold: Option<Thresholds>,
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
    let predictor = arguments.model(directory)?;
    if !arguments.texts.is_empty() {
        return arguments.answer(&predictor);
    }
    if io::stdin().is_terminal() {
        writeln!(
            io::stderr(),
            "reading texts from standard input, one a line"
        )?;
    }
    let mut lines = TextLines::new(io::stdin().lock());
    loop {
        let (failure, ended) = match arguments.pairs {
            false => {
                let read = lines.read(LINES_AT_ONCE, Ok);
                arguments.answer_texts(&predictor, &read.lines)?;
                (read.failure, read.ended)
            }
            true => {
                let read = lines.read(LINES_AT_ONCE, pair);
                arguments.answer_pairs(&predictor, &read.lines)?;
                (read.failure, read.ended)
            }
        };
        match failure {
            Some(failure) => return Err(format!("standard input, {failure}").into()),
            None if ended => return Ok(()),
            None => {}
        }
    }
}

/// Returns the texts of a pair, which a tab separates.
fn pair(line: String) -> Result<(String, String), String> {
    let pair = line.split_once('\t');
    let pair = pair.map(|(first, second)| (first.to_string(), second.to_string()));
    pair.ok_or_else(|| "no tab between the texts of a pair".to_string())
}

/// Model that labels texts, or one that labels their words.
#[allow(clippy::large_enum_variant, reason = "one a program")]
enum Model {
    Texts(Predictor),
    Words(TokenPredictor),
}

impl Model {
    fn predict(&self, texts: &[String]) -> Result<Vec<Prediction>, PredictError> {
        match self {
            Self::Texts(model) => model.predict(texts),
            Self::Words(model) => {
                let predictions = model.predict(texts)?;
                Ok(predictions.into_iter().map(Prediction::Tokens).collect())
            }
        }
    }
}

impl Arguments {
    fn model(&self, directory: &Path) -> Result<Model, Box<dyn Error>> {
        let (device, batch_size) = (self.device.open()?, BatchSize::Rows(self.batch_size));
        if CheckpointConfig::read(directory).is_ok_and(|config| config.is_token_classifier()) {
            let config = TokenPredictorConfig {
                max_length: self.max_length,
                batch_size,
                precision: self.precision,
                ..Default::default()
            };
            return Ok(Model::Words(TokenPredictor::load(
                directory, config, &device,
            )?));
        }
        let config = PredictorConfig {
            max_length: self.max_length,
            truncation: self.truncation,
            batch_size,
            precision: self.precision,
            top_k: self.best,
            threshold: self.threshold.clone(),
            ..Default::default()
        };
        Ok(Model::Texts(Predictor::load_with(
            directory, config, &device,
        )?))
    }

    /// Answers the texts of the arguments.
    fn answer(&self, predictor: &Model) -> Result<(), Box<dyn Error>> {
        if !self.pairs {
            return self.answer_texts(predictor, &self.texts);
        }
        match self.texts.as_chunks::<2>() {
            (pairs, []) => {
                let pairs = pairs.iter().map(|[a, b]| (a.clone(), b.clone()));
                self.answer_pairs(predictor, &pairs.collect::<Vec<_>>())
            }
            _ => Err(format!("--pairs takes texts in twos, not {}", self.texts.len()).into()),
        }
    }

    fn answer_texts(&self, predictor: &Model, texts: &[String]) -> Result<(), Box<dyn Error>> {
        if texts.is_empty() {
            return Ok(());
        }
        let predictions = predictor.predict(texts)?;
        let texts = texts.iter().map(|text| (text.clone(), json!(text)));
        self.print(texts, &predictions)
    }

    fn answer_pairs(
        &self,
        predictor: &Model,
        pairs: &[(String, String)],
    ) -> Result<(), Box<dyn Error>> {
        if pairs.is_empty() {
            return Ok(());
        }
        let Model::Texts(predictor) = predictor else {
            return Err("--pairs is not for a token classifier".into());
        };
        let predictions = predictor.predict_pairs(pairs)?;
        let texts = pairs
            .iter()
            .map(|(first, second)| (format!("{first} | {second}"), json!([first, second])));
        self.print(texts, &predictions)
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

/// Formats a prediction on one line, such as `sports 0.981, world 0.012` or `3.2`; of a multi-label
/// model, the predicted labels before the probabilities, as in `sports, world: sports 0.9, world 0.7`.
fn answer(prediction: &Prediction) -> String {
    let labels = prediction.probabilities().iter();
    let labels = labels.map(|label| format!("{} {:.3}", label.label, label.probability));
    match prediction {
        Prediction::MultiLabel { labels: found, .. } => {
            let found = match found.is_empty() {
                true => "none".to_string(),
                false => found.join(", "),
            };
            format!("{found}: {}", labels.collect::<Vec<_>>().join(", "))
        }
        Prediction::Regression { scores } => scores
            .iter()
            .map(|score| format!("{:.3}", score.score))
            .collect::<Vec<_>>()
            .join(", "),
        Prediction::Tokens(prediction) => tagged(prediction),
        _ => labels.collect::<Vec<_>>().join(", "),
    }
}

/// Formats the entities of a text, such as `Ada Lovelace PER 0.987, London LOC 0.970`; the tags of all
/// words of a model without entities.
fn tagged(prediction: &TokenPrediction) -> String {
    let entities = prediction.entities.iter();
    let entities = entities.map(|one| (&one.text, &one.label, one.probability));
    let words = prediction.words.iter();
    let words = words.map(|one| (&one.text, &one.label, one.probability));
    let shown: Vec<String> = entities
        .chain(words.filter(|(_, label, _)| !label.contains('-') && *label != "O"))
        .map(|(text, label, probability)| format!("{text} {label} {probability:.3}"))
        .collect();
    match shown.is_empty() {
        true => "none".to_string(),
        false => shown.join(", "),
    }
}
