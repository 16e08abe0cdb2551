//! Prediction from the command line: labels or scores of texts, entities or tags of their words.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use finetune::data::{BatchSize, Truncation};
use finetune::eval::Thresholds;
use finetune::predict::{ModelKind, TokenPrediction, TokenPredictor, TokenPredictorConfig};
use finetune::prelude::*;
use serde_json::{Value, json};

use crate::directories::model_directory;
use crate::error::ArgumentsError;
use crate::table_arguments::thresholds;
use crate::text_lines::answer_standard_input;

/// Model, texts and form of the answers.
#[derive(Debug, Clone, Args)]
pub struct PredictArguments {
    /// Directory of a fine-tuned model
    ///
    /// It is `model` in a run directory, or a classifier in the layout of Hugging Face.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Texts to label [default: lines of standard input]
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    /// Read pairs: two arguments each, or tab-separated lines
    #[arg(long)]
    pairs: bool,
    /// Print one JSON object per text
    #[arg(long)]
    jsonl: bool,
    /// Maximum number of labels, most probable first
    #[arg(long = "top-k", value_name = "N")]
    best: Option<usize>,
    /// Minimum probability of a predicted label of a multi-label model: a number, or one for each
    /// label [default: as saved with the model]
    #[arg(long, value_name = "P,...", value_parser = thresholds)]
    threshold: Option<Thresholds>,
    /// Device to compute on
    ///
    /// It is flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled in.
    #[arg(long, default_value_t)]
    device: DeviceSpec,
    /// Precision of products: f32, bf16, f16 or int8
    ///
    /// The inputs to the encoder's matrix products are rounded, if the device supports it.
    #[arg(long, value_name = "TYPE", default_value_t)]
    precision: Precision,
    /// Maximum tokens of a text [default: as the model was trained]
    ///
    /// Longer texts are truncated.
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

impl PredictArguments {
    /// Answers the texts of the command line or of standard input. `bundled` is the model if none is
    /// given.
    ///
    /// # Errors
    /// - [`ArgumentsError::Usage`] if there is no model, or an argument does not fit it.
    /// - If the model cannot be loaded, a line of standard input cannot be read, or standard output is
    ///   closed.
    pub fn run(&self, bundled: Option<&Path>) -> Result<(), Box<dyn Error>> {
        let model = self.model.as_deref().or(bundled);
        let model = model.ok_or_else(|| ArgumentsError::usage("--model DIR is missing"))?;
        let predictor = self.load(&model_directory(model)?)?;
        if !self.texts.is_empty() {
            return self.answer(&predictor);
        }
        match self.pairs {
            false => answer_standard_input(Ok, |texts| self.answer_texts(&predictor, texts)),
            true => answer_standard_input(pair, |pairs| self.answer_pairs(&predictor, pairs)),
        }
    }

    fn load(&self, directory: &Path) -> Result<Model, Box<dyn Error>> {
        let (device, batch_size) = (self.device.open()?, BatchSize::Rows(self.batch_size));
        match ModelKind::of(directory) {
            ModelKind::Texts | ModelKind::MaskedLm | ModelKind::Encoder => {}
            ModelKind::Tokens => {
                let config = TokenPredictorConfig {
                    max_length: self.max_length,
                    batch_size,
                    precision: self.precision,
                    ..Default::default()
                };
                let predictor = TokenPredictor::load(directory, config, &device)?;
                return Ok(Model::Words(predictor));
            }
            ModelKind::Embeddings => {
                let directory = directory.display();
                let problem = format!("{directory}: an embedding model, which predicts no labels");
                return Err(ArgumentsError::usage(problem).into());
            }
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
            _ => {
                let problem = format!("--pairs takes texts in twos, not {}", self.texts.len());
                Err(ArgumentsError::usage(problem).into())
            }
        }
    }

    fn answer_texts(&self, predictor: &Model, texts: &[String]) -> Result<(), Box<dyn Error>> {
        let predictions = predictor.predict(texts)?;
        let texts = texts.iter().map(|text| (text.clone(), json!(text)));
        self.print(texts, &predictions)
    }

    fn answer_pairs(
        &self,
        predictor: &Model,
        pairs: &[(String, String)],
    ) -> Result<(), Box<dyn Error>> {
        let Model::Texts(predictor) = predictor else {
            return Err(ArgumentsError::usage("--pairs is not for a token classifier").into());
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
/// model, the predicted labels before the probabilities, as in `sports, world: sports 0.9, world 0.7`; of a
/// model that is calibrated for prediction sets, whether it is sure, as in `unsure, sports or world: ...`.
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
        Prediction::SingleLabel {
            prediction_set: Some(set),
            ..
        } => {
            let found = match &set[..] {
                [only] => only.clone(),
                [] => "unsure, no class is likely enough".to_string(),
                several => format!("unsure, {}", several.join(" or ")),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_calibrated_for_sets_says_whether_it_is_sure() {
        let shown = |set: Value| {
            let prediction = json!({
                "label": "sports",
                "probability": 0.5,
                "probabilities": [{"label": "sports", "probability": 0.5}],
                "prediction_set": set,
            });
            answer(&serde_json::from_value(prediction).unwrap())
        };
        for (set, expected) in [
            (Value::Null, "sports 0.500"),
            (json!(["sports"]), "sports: sports 0.500"),
            (
                json!(["sports", "world"]),
                "unsure, sports or world: sports 0.500",
            ),
            (json!([]), "unsure, no class is likely enough: sports 0.500"),
        ] {
            assert_eq!(shown(set), expected);
        }
    }
}
